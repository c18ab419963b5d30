package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// newJSON writes the request as OTLP's JSON has it: ids in hexadecimal, 64-bit
// integers as strings, enums as numbers.
func newJSON(client, spans int, now time.Time) *request {
	start := now.UnixNano()
	span := fmt.Appendf(nil, `{"traceId":"%032d","spanId":"%016d","parentSpanId":"%016d","name":%q,"kind":%d,"startTimeUnixNano":"%d","endTimeUnixNano":"%d",`+
		`"attributes":%s,"events":[{"timeUnixNano":"%d","name":%q,"attributes":%s}],"status":{},"flags":%d},`,
		0, 0, 0, spanName, spanKind, start, start+int64(spanTook), jsonAttributes(tags()),
		start+int64(eventAfter), eventName, jsonAttributes(eventTags()), spanFlags)
	r := &request{hex: true, count: spans, size: len(span)}
	r.hexIDs(span)

	b := fmt.Appendf(nil, `{"resourceSpans":[{"resource":{"attributes":%s},"scopeSpans":[{"scope":{"name":%q,"version":%q},"spans":[`,
		jsonAttributes(resource(client)), scopeName, scopeVer)
	r.first = len(b)
	for range spans {
		b = append(b, span...)
	}
	r.bytes = append(b[:len(b)-1], `]}]}]}`...) // without the last comma
	return r
}

// hexIDs finds the ids of a span in JSON, by OTLP's names or Zipkin's.
func (r *request) hexIDs(span []byte) {
	after := func(keys ...string) int {
		for _, key := range keys {
			if at := bytes.Index(span, []byte(`"`+key+`":"`)); at >= 0 {
				return at + len(key) + 4
			}
		}
		panic(fmt.Sprintf("load: no %v in %s", keys, span))
	}
	r.at.high = after("traceId")
	r.at.low = r.at.high + 16
	r.at.id, r.at.parent = after("spanId", "id"), after("parentSpanId", "parentId")
}

func jsonAttributes(all []attribute) string {
	var made []string
	for _, a := range all {
		var value string
		switch v := a.value.(type) {
		case string:
			value = fmt.Sprintf(`"stringValue":%s`, quoted(v))
		case bool:
			value = fmt.Sprintf(`"boolValue":%t`, v)
		case int:
			value = fmt.Sprintf(`"intValue":"%d"`, v)
		case float64:
			value = fmt.Sprintf(`"doubleValue":%g`, v)
		default:
			panic(fmt.Sprintf("load: attribute %s is a %T", a.key, v))
		}
		made = append(made, fmt.Sprintf(`{"key":%s,"value":{%s}}`, quoted(a.key), value))
	}
	return "[" + strings.Join(made, ",") + "]"
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // a string can't fail
	return b
}
