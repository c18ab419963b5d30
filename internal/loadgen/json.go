package loadgen

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"iter"
	"strconv"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// The messages of a request, as OTLP's JSON has them: ids in hexadecimal, 64-bit
// integers as strings, enums as numbers (opentelemetry-proto,
// docs/specification.md, "JSON Protobuf Encoding").
type (
	jsonRequest struct {
		ResourceSpans []jsonResourceSpans `json:"resourceSpans"`
	}
	jsonResourceSpans struct {
		Resource   jsonResource     `json:"resource"`
		ScopeSpans []jsonScopeSpans `json:"scopeSpans"`
	}
	jsonResource struct {
		Attributes []jsonAttribute `json:"attributes"`
	}
	jsonScopeSpans struct {
		Spans []jsonSpan `json:"spans"`
	}
	jsonSpan struct {
		TraceID    string          `json:"traceId"`
		SpanID     string          `json:"spanId"`
		Parent     string          `json:"parentSpanId,omitempty"`
		Name       string          `json:"name"`
		Kind       int             `json:"kind"`
		Start      uint64          `json:"startTimeUnixNano,string"`
		End        uint64          `json:"endTimeUnixNano,string"`
		Attributes []jsonAttribute `json:"attributes,omitempty"`
		Events     []jsonEvent     `json:"events,omitempty"`
		Links      []jsonLink      `json:"links,omitempty"`
		Status     *jsonStatus     `json:"status,omitempty"`
	}
	jsonEvent struct {
		Time       uint64          `json:"timeUnixNano,string"`
		Name       string          `json:"name"`
		Attributes []jsonAttribute `json:"attributes,omitempty"`
	}
	jsonLink struct {
		TraceID    string          `json:"traceId"`
		SpanID     string          `json:"spanId"`
		Attributes []jsonAttribute `json:"attributes,omitempty"`
	}
	jsonStatus struct {
		Message string `json:"message,omitempty"`
		Code    int    `json:"code"`
	}
	jsonAttribute struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
)

// appendJSON appends a frame as JSON. All its spans are of one process.
func appendJSON(dst, frame []byte) []byte {
	var resource jsonResource
	var spans []jsonSpan
	for s := range otlp.Spans(frame) {
		if resource.Attributes == nil {
			resource.Attributes = jsonAttributes(s.Resource.All())
		}
		spans = append(spans, jsonOf(s))
	}
	b, err := json.Marshal(jsonRequest{[]jsonResourceSpans{{resource, []jsonScopeSpans{{spans}}}}})
	if err != nil {
		panic(err) // there is nothing that JSON has not, but for numbers that the shop has not
	}
	return append(dst, b...)
}

func jsonOf(s *otlp.Span) jsonSpan {
	j := jsonSpan{
		TraceID: hex.EncodeToString(s.TraceID[:]), SpanID: hex.EncodeToString(s.SpanID[:]),
		Name: string(s.Name), Kind: int(s.Kind), Start: s.Start, End: s.End, Attributes: jsonAttributes(s.Attributes.All()),
	}
	if s.Parent != [8]byte{} {
		j.Parent = hex.EncodeToString(s.Parent[:])
	}
	for e := range s.Events() {
		j.Events = append(j.Events, jsonEvent{e.Time, string(e.Name), jsonAttributes(e.Attributes.All())})
	}
	for l := range s.Links() {
		j.Links = append(j.Links, jsonLink{hex.EncodeToString(l.TraceID[:]), hex.EncodeToString(l.SpanID[:]), jsonAttributes(l.Attributes.All())})
	}
	if s.Status != otlp.StatusUnset {
		j.Status = &jsonStatus{string(s.Message), s.Status}
	}
	return j
}

func jsonAttributes(all iter.Seq2[[]byte, otlp.Value]) (made []jsonAttribute) {
	for key, v := range all {
		value := map[string]any{}
		switch v.Type {
		case otlp.AnyString:
			value["stringValue"] = string(v.Bytes)
		case otlp.AnyBool:
			value["boolValue"] = v.Int != 0
		case otlp.AnyInt:
			value["intValue"] = strconv.FormatInt(v.Int, 10)
		case otlp.AnyDouble:
			value["doubleValue"] = v.Double
		case otlp.AnyBytes:
			value["bytesValue"] = base64.StdEncoding.EncodeToString(v.Bytes)
		}
		made = append(made, jsonAttribute{string(key), value})
	}
	return made
}
