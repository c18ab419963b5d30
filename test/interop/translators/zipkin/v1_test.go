package zipkin

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"
	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/zipkin/zipkinv1"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/zipkin"
)

// request is a request in version 1. In JSON, which knows no types, a span that has other values than strings is left out.
type request = []*zipkincore.Span

var ctx = context.Background()

// A memory buffer takes everything.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func message(m request, compact, oneway bool) []byte {
	buffer := thrift.NewTMemoryBuffer()
	var p thrift.TProtocol = thrift.NewTBinaryProtocolConf(buffer, nil)
	if compact {
		p = thrift.NewTCompactProtocolConf(buffer, nil)
	}
	kind := thrift.CALL
	if oneway {
		kind = thrift.ONEWAY
	}
	must(p.WriteMessageBegin(ctx, "emitZipkinBatch", kind, 7))
	args := agent.NewAgentEmitZipkinBatchArgs()
	args.Spans = m
	must(args.Write(ctx, p))
	must(p.WriteMessageEnd(ctx))
	must(p.Flush(ctx))
	return buffer.Bytes()
}

func list(m request) []byte {
	buffer := thrift.NewTMemoryBuffer()
	p := thrift.NewTBinaryProtocolConf(buffer, nil)
	must(p.WriteListBegin(ctx, thrift.STRUCT, len(m)))
	for _, s := range m {
		must(s.Write(ctx, p))
	}
	must(p.Flush(ctx))
	return buffer.Bytes()
}

// jsonForm is the number of the form that is JSON.
const jsonForm = 3

func v1() suite[request] {
	names := make([]string, len(rulesV1))
	for i, r := range rulesV1 {
		names[i] = r.name
	}
	return suite[request]{
		rules:    names,
		generate: func(seed uint64) request { return newGenerator(seed).v1() },
		example: func(name string) (request, int) {
			for _, r := range rulesV1 {
				if r.name == name {
					return r.example(), r.form
				}
			}
			panic(name)
		},
		forms: []form[request]{
			{"compact", func(m request) []byte { return message(m, true, true) }, (*zipkin.Transcoder).Datagram},
			{"binary", func(m request) []byte { return message(m, false, false) }, (*zipkin.Transcoder).Datagram},
			{"list", list, (*zipkin.Transcoder).Thrift},
			{"json", jsonV1, (*zipkin.Transcoder).JSON1},
		},
		theirs: theirsV1,
	}
}

func TestV1(t *testing.T) { v1().compare(t, 1_500) }

// theirsV1 gives upstream what the rules make of a request, and has them change what comes of it.
func theirsV1(t *testing.T, m request, form int, without string) (list []fields.Span, used []string) {
	t.Helper()
	m = clone(m)
	if form == jsonForm {
		m = textual(m)
	}
	applied := make([]bool, len(rulesV1))
	kept := m[:0:0]
	for _, s := range m {
		keep := true
		for i, r := range rulesV1 {
			if r.before != nil && r.name != without && (r.only == nil || r.only[form]) {
				changed, k := r.before(s)
				applied[i] = applied[i] || changed
				keep = keep && k
			}
		}
		if keep {
			kept = append(kept, s)
		}
	}
	var td ptrace.Traces
	var err error
	if form == jsonForm {
		td, err = upstream.NewJSONTracesUnmarshaler(false).UnmarshalTraces(jsonV1(kept))
	} else {
		td, err = upstream.NewThriftTracesUnmarshaler().UnmarshalTraces(thriftList(kept))
	}
	if err != nil {
		t.Fatalf("upstream refuses the request: %v", err)
	}
	byID := make(map[[8]byte]*zipkincore.Span)
	for _, s := range kept {
		byID[spanID(s.ID)] = s
	}
	for i, r := range rulesV1 {
		if r.after == nil || r.name == without {
			continue
		}
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					if r.after(byID[s.SpanID()], rs.Resource(), s) {
						applied[i] = true
					}
				}
			}
		}
	}
	for i, r := range rulesV1 {
		if applied[i] {
			used = append(used, r.name)
		}
	}
	return marshal(t, td), used
}

func thriftList(m request) []byte { return list(m) }

// clone copies spans deeply: the rules change them.
func clone(m request) (c request) {
	buffer := thrift.NewTMemoryBuffer()
	p := thrift.NewTBinaryProtocolConf(buffer, nil)
	for _, s := range m {
		must(s.Write(ctx, p))
		must(p.Flush(ctx))
		n := zipkincore.NewSpan()
		must(n.Read(ctx, p))
		c = append(c, n)
	}
	return c
}

// textual are the spans that JSON can tell.
func textual(m request) (c request) {
	for _, s := range m {
		if sayable(s) {
			c = append(c, s)
		}
	}
	return c
}

func sayable(s *zipkincore.Span) bool {
	for _, b := range s.BinaryAnnotations {
		other := b.Key != "error" && strings.EqualFold(b.Key, "error") // becomes a bool
		if b.AnnotationType != zipkincore.AnnotationType_STRING || other {
			return false
		}
	}
	raw, err := json.Marshal(spanOf(s))
	must(err)
	var again jsonSpan
	return json.Unmarshal(raw, &again) == nil && reflect.DeepEqual(again, spanOf(s)) &&
		s.ID != 0 && s.TraceID|s.GetTraceIDHigh() != 0 // upstream refuses the request
}

type jsonEndpoint struct {
	ServiceName string `json:"serviceName,omitempty"`
	IPv4        string `json:"ipv4,omitempty"`
	IPv6        string `json:"ipv6,omitempty"`
	Port        uint16 `json:"port,omitempty"`
}

type jsonAnnotation struct {
	Timestamp int64         `json:"timestamp"`
	Value     string        `json:"value"`
	Endpoint  *jsonEndpoint `json:"endpoint,omitempty"`
}

type jsonBinary struct {
	Key      string        `json:"key"`
	Value    string        `json:"value"`
	Endpoint *jsonEndpoint `json:"endpoint,omitempty"`
}

type jsonSpan struct {
	TraceID           string           `json:"traceId"`
	Name              string           `json:"name"`
	ID                string           `json:"id"`
	ParentID          string           `json:"parentId,omitempty"`
	Timestamp         int64            `json:"timestamp,omitempty"`
	Duration          *int64           `json:"duration,omitempty"`
	Debug             bool             `json:"debug"`
	Annotations       []jsonAnnotation `json:"annotations"`
	BinaryAnnotations []jsonBinary     `json:"binaryAnnotations"`
}

func spanOf(s *zipkincore.Span) jsonSpan {
	j := jsonSpan{
		TraceID: fmt.Sprintf("%016x", uint64(s.TraceID)), Name: s.Name, ID: fmt.Sprintf("%016x", uint64(s.ID)),
		Timestamp: s.GetTimestamp(), Duration: s.Duration, Debug: s.Debug,
	}
	if s.TraceIDHigh != nil {
		j.TraceID = fmt.Sprintf("%016x", uint64(*s.TraceIDHigh)) + j.TraceID
	}
	if s.ParentID != nil {
		j.ParentID = fmt.Sprintf("%016x", uint64(*s.ParentID))
	}
	for _, a := range s.Annotations {
		j.Annotations = append(j.Annotations, jsonAnnotation{a.Timestamp, a.Value, endpointOf(a.Host)})
	}
	for _, b := range s.BinaryAnnotations {
		j.BinaryAnnotations = append(j.BinaryAnnotations, jsonBinary{b.Key, string(b.Value), endpointOf(b.Host)})
	}
	return j
}

func endpointOf(e *zipkincore.Endpoint) *jsonEndpoint {
	if e == nil {
		return nil
	}
	j := &jsonEndpoint{ServiceName: e.ServiceName, Port: uint16(e.Port)}
	if v := uint32(e.Ipv4); v != 0 {
		j.IPv4 = net.IPv4(byte(v>>24), byte(v>>16), byte(v>>8), byte(v)).String()
	}
	if len(e.Ipv6) > 0 {
		j.IPv6 = net.IP(e.Ipv6).String()
	}
	return j
}

func jsonV1(m request) []byte {
	spans := []jsonSpan{}
	for _, s := range textual(m) {
		spans = append(spans, spanOf(s))
	}
	text, err := json.MarshalIndent(spans, "", " ")
	must(err)
	return text
}
