package zipkin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/zipkin/zipkinv2"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"google.golang.org/protobuf/proto"

	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/zipkin"
)

// spans is a request in version 2.
type spans = []*model.SpanModel

// protoForm is the number of the form that is protobuf.
const protoForm = 1

func v2() suite[spans] {
	names := make([]string, len(rulesV2))
	for i, r := range rulesV2 {
		names[i] = r.name
	}
	return suite[spans]{
		rules:    names,
		generate: func(seed uint64) spans { return newGenerator(seed).v2() },
		example: func(name string) (spans, int) {
			for _, r := range rulesV2 {
				if r.name == name {
					return r.example(), r.form
				}
			}
			panic(name)
		},
		forms: []form[spans]{
			{"json", jsonV2, (*zipkin.Transcoder).JSON2},
			{"protobuf", protoV2, (*zipkin.Transcoder).Protobuf},
			{"json, escaped", func(m spans) []byte { return escaped(jsonV2(m)) }, (*zipkin.Transcoder).JSON2},
		},
		theirs: theirsV2,
	}
}

func TestV2(t *testing.T) { v2().compare(t, 1_500) }

// theirsV2 is upstream's translation of what upstream reads in a request, with all the rules but one.
func theirsV2(t *testing.T, m spans, form int, without string) (all []fields.Span, used []string) {
	t.Helper()
	var err error
	request := v2().forms[form].write(m)
	if form == protoForm {
		m, err = zipkin_proto3.ParseSpans(request, false)
	} else {
		m = nil
		err = json.Unmarshal(request, &m)
	}
	if err != nil {
		t.Fatalf("upstream refuses the request: %v\n%s", err, request)
	}
	applied := make([]bool, len(rulesV2))
	var each []spans
	for _, s := range m {
		for i, r := range rulesV2 {
			if r.before != nil && r.name != without && r.before(s) {
				applied[i] = true
			}
		}
		each = append(each, spans{s})
	}
	if without == ownResource {
		each = []spans{m}
	}
	for _, one := range each {
		td, err := upstream.ToTranslator{}.ToTraces(one)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rulesV2 {
			if r.after != nil && r.name != without && len(one) == 1 && r.after(one[0], td) {
				applied[i] = true
			}
		}
		all = append(all, marshal(t, td)...)
	}
	if td, err := (upstream.ToTranslator{}).ToTraces(m); err == nil && without != ownResource && len(m) > 1 {
		// Is it the same when they are translated together?
		var alone []fields.Span
		for _, one := range each {
			td, _ := upstream.ToTranslator{}.ToTraces(one)
			alone = append(alone, marshal(t, td)...)
		}
		applied[0] = len(fields.Diff(alone, marshal(t, td))) > 0
	}
	for i, r := range rulesV2 {
		if applied[i] {
			used = append(used, r.name)
		}
	}
	return all, used
}

// jsonV2 writes spans as they are: zipkin-go's own writer changes names, and refuses some spans.
func jsonV2(m spans) []byte {
	type annotation struct {
		Timestamp uint64 `json:"timestamp"`
		Value     string `json:"value"`
	}
	list := []map[string]any{}
	for _, s := range m {
		j := map[string]any{"traceId": s.TraceID.String(), "id": s.ID.String(), "name": s.Name, "shared": s.Shared, "new": []any{1, nil, "x"}}
		if s.ParentID != nil {
			j["parentId"] = s.ParentID.String()
		}
		if s.Kind != model.Undetermined {
			j["kind"] = s.Kind
		}
		if us := micros(s); us != 0 {
			j["timestamp"] = us
		}
		if s.Duration != 0 {
			j["duration"] = uint64(s.Duration) / 1000
		}
		for name, e := range map[string]*model.Endpoint{"localEndpoint": s.LocalEndpoint, "remoteEndpoint": s.RemoteEndpoint} {
			if e == nil {
				continue
			}
			o := map[string]any{"serviceName": e.ServiceName, "port": e.Port}
			if len(e.IPv4) == 4 { // what is none can't be written
				o["ipv4"] = e.IPv4.String()
			}
			if len(e.IPv6) == 16 {
				o["ipv6"] = e.IPv6.String()
			}
			j[name] = o
		}
		var annotations []annotation
		for _, a := range s.Annotations {
			annotations = append(annotations, annotation{uint64(a.Timestamp.UnixMicro()), a.Value})
		}
		j["annotations"] = annotations
		if s.Tags != nil {
			j["tags"] = s.Tags
		}
		list = append(list, j)
	}
	text, err := json.Marshal(list)
	must(err)
	return text
}

func micros(s *model.SpanModel) uint64 {
	if s.Timestamp.IsZero() {
		return 0
	}
	return uint64(s.Timestamp.UnixMicro())
}

func protoV2(m spans) []byte {
	var list zipkin_proto3.ListOfSpans
	for _, s := range m {
		p := &zipkin_proto3.Span{
			TraceId: binaryID(s.TraceID.High, s.TraceID.Low), Id: binaryID(uint64(s.ID)), Name: s.Name, Shared: s.Shared, Debug: s.Debug,
			Kind: zipkin_proto3.Span_Kind(zipkin_proto3.Span_Kind_value[string(s.Kind)]), Timestamp: micros(s),
			Duration: uint64(s.Duration) / 1000, Tags: s.Tags,
			LocalEndpoint: protoEndpoint(s.LocalEndpoint), RemoteEndpoint: protoEndpoint(s.RemoteEndpoint),
		}
		if s.ParentID != nil {
			p.ParentId = binaryID(uint64(*s.ParentID))
		}
		for _, a := range s.Annotations {
			p.Annotations = append(p.Annotations, &zipkin_proto3.Annotation{Timestamp: uint64(a.Timestamp.UnixMicro()), Value: a.Value})
		}
		list.Spans = append(list.Spans, p)
	}
	request, err := proto.Marshal(&list)
	must(err)
	return request
}

func binaryID(parts ...uint64) (id []byte) {
	for _, p := range parts {
		b := spanID(int64(p))
		id = append(id, b[:]...)
	}
	return id
}

func protoEndpoint(e *model.Endpoint) *zipkin_proto3.Endpoint {
	if e == nil {
		return nil
	}
	return &zipkin_proto3.Endpoint{ServiceName: e.ServiceName, Ipv4: e.IPv4, Ipv6: e.IPv6, Port: int32(e.Port)}
}

// escaped writes every letter o in the strings of a JSON text, and white space around its commas, in the longest way there is.
// Upstream reads ids as they stand: they have no o.
func escaped(text []byte) []byte {
	var w bytes.Buffer
	quoted := false
	for i, c := range text {
		if c == '"' && (i == 0 || text[i-1] != '\\') {
			quoted = !quoted
		}
		switch {
		case quoted && c == 'o' && text[i-1] != '\\':
			fmt.Fprintf(&w, "\\u%04x", c)
		case !quoted && c == ',':
			w.WriteString(" ,\n\t")
		default:
			w.WriteByte(c)
		}
	}
	return w.Bytes()
}
