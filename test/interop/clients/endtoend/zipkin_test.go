package endtoend

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"github.com/openzipkin/zipkin-go/reporter"
	zipkinhttp "github.com/openzipkin/zipkin-go/reporter/http"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// What zipkin-go is told leaves the agent, field by field, in either of the formats that it sends.
func TestZipkin(t *testing.T) {
	for _, format := range []reporter.SpanSerializer{reporter.JSONSerializer{}, zipkin_proto3.SpanSerializer{}} {
		t.Run(format.ContentType(), func(t *testing.T) {
			t.Parallel()
			sink := harness.StartSink(t, nil)
			agent, address := zipkinAgent(t, harness.Deliver{Endpoints: []string{sink.Address}, Compression: "gzip"})
			want := tellZipkin(t, "http://"+address+"/api/v2/spans", format)
			agent.AwaitDelivered(t, len(want))
			got := fields.Of(sink.Await(t, len(want)))
			for _, line := range fields.Diff(fields.Of(want), got) {
				t.Error(line)
			}
			agent.Finish(t, len(want))
		})
	}
}

// What it is told can be read in Jaeger, field by field, by either way.
func TestZipkinInJaeger(t *testing.T) {
	for _, protocol := range jaegerProtocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			jaeger := harness.StartJaeger(t, harness.FreePort(t), harness.FreePort(t))
			agent, address := zipkinAgent(t, intoJaeger(jaeger, protocol))
			told := tellZipkin(t, "http://"+address+"/api/v2/spans", reporter.JSONSerializer{})
			agent.AwaitDelivered(t, len(told))
			readInJaeger(t, jaeger, told, storageRules(protocol))
			agent.Finish(t, len(told))
		})
	}
}

// What old clients send by hand: version 1 in JSON, over HTTP, and in Thrift, over UDP to whichever port of Jaeger's. Both say
// the same.
func TestZipkinVersion1(t *testing.T) {
	t.Parallel()
	sink := harness.StartSink(t, nil)
	agent, address := zipkinAgent(t, harness.Deliver{Endpoints: []string{sink.Address}, Compression: "gzip"})
	const text = `[{"traceId":"000000000000000a","id":"%016x","parentId":"0000000000000009","name":"get","timestamp":1700000000000000,"duration":5000,
		"annotations":[{"timestamp":1700000000000000,"value":"sr","endpoint":{"serviceName":"old","ipv4":"10.0.0.1","port":8080}},
			{"timestamp":1700000000001000,"value":"cache miss"}],
		"binaryAnnotations":[{"key":"http.path","value":"/a"},{"key":"error","value":"no such item"}]}]`
	res, err := http.Post("http://"+address+"/api/v1/spans", "application/json", bytes.NewReader(fmt.Appendf(nil, text, 1)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatal(res.Status)
	}
	for i, port := range []string{agent.Compact, agent.Binary} {
		conn, err := net.Dial("udp", port)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(emitZipkinBatch(uint64(i + 2))); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	agent.AwaitDelivered(t, 3)
	var want []*tracepb.ResourceSpans
	for id := range uint64(3) {
		want = append(want, resourceSpans(&tracepb.Span{
			TraceId: bigEndian(0, 10), SpanId: bigEndian(id + 1), ParentSpanId: bigEndian(9), Name: "get", Kind: tracepb.Span_SPAN_KIND_SERVER,
			StartTimeUnixNano: 1_700_000_000_000_000_000, EndTimeUnixNano: 1_700_000_000_005_000_000,
			Attributes: []*commonpb.KeyValue{textAttribute("http.path", "/a"), textAttribute("error.message", "no such item")},
			Events:     []*tracepb.Span_Event{{TimeUnixNano: 1_700_000_000_001_000_000, Name: "cache miss"}},
			Status:     &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR},
		}, textAttribute("service.name", "old"), textAttribute("ipv4", "10.0.0.1"), textAttribute("port", "8080")))
	}
	for _, line := range fields.Diff(fields.Of(want), fields.Of(sink.Await(t, 3))) {
		t.Error(line)
	}
	agent.Finish(t, 3)
}

func zipkinAgent(t *testing.T, deliver harness.Deliver) (agent *harness.Agent, address string) {
	t.Helper()
	address = harness.FreePort(t)
	return harness.StartAgentAs(t, harness.Config{
		Deliver: deliver,
		Accept:  fmt.Sprintf("zipkin: {http: %q},", address),
	}), address
}

// tellZipkin has zipkin-go say five spans to a URL, and returns what should come of them.
func tellZipkin(t *testing.T, url string, format reporter.SpanSerializer) (want []*tracepb.ResourceSpans) {
	t.Helper()
	rep := zipkinhttp.NewReporter(url, zipkinhttp.Serializer(format), zipkinhttp.BatchSize(2))
	tracer, err := zipkin.NewTracer(rep, zipkin.WithTraceID128Bit(true),
		zipkin.WithLocalEndpoint(&model.Endpoint{ServiceName: "shop", IPv4: net.IPv4(10, 0, 0, 1).To4(), Port: 8080}))
	if err != nil {
		t.Fatal(err)
	}
	start := time.UnixMicro(1_700_000_000_123_456)
	root := tracer.StartSpan("get /cart", zipkin.Kind(model.Server), zipkin.StartTime(start))
	root.Tag("http.method", "GET")
	root.Tag("näme\n", `"quoted" \ 日本語`)
	child := tracer.StartSpan("charge", zipkin.Kind(model.Client), zipkin.Parent(root.Context()), zipkin.StartTime(start.Add(time.Millisecond)),
		zipkin.RemoteEndpoint(&model.Endpoint{ServiceName: "bank", IPv6: net.ParseIP("2001:db8::7"), Port: 443}))
	child.Annotate(start.Add(2*time.Millisecond), "wire send")
	zipkin.TagError.Set(child, "card declined")
	child.FinishedWithDuration(2 * time.Millisecond)
	plain := tracer.StartSpan("tidy", zipkin.Parent(root.Context()), zipkin.StartTime(start.Add(4*time.Millisecond)))
	plain.FinishedWithDuration(time.Microsecond)
	producer := tracer.StartSpan("publish", zipkin.Kind(model.Producer), zipkin.Parent(root.Context()), zipkin.StartTime(start),
		zipkin.RemoteEndpoint(&model.Endpoint{ServiceName: "queue"}))
	producer.Tag("empty", "")
	producer.Annotate(start.Add(2*time.Microsecond), "second")
	producer.Annotate(start.Add(time.Microsecond), "first, said after the second")
	producer.FinishedWithDuration(3 * time.Microsecond)
	consumer := tracer.StartSpan("", zipkin.Kind(model.Consumer), zipkin.Parent(producer.Context()), zipkin.StartTime(start),
		zipkin.RemoteEndpoint(&model.Endpoint{IPv4: net.IPv4(10, 0, 0, 9).To4()}))
	consumer.FinishedWithDuration(time.Hour)
	root.FinishedWithDuration(5 * time.Millisecond)
	if err := rep.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		context model.SpanContext
		span    *tracepb.Span
	}{
		{root.Context(), &tracepb.Span{
			Name: "get /cart", Kind: tracepb.Span_SPAN_KIND_SERVER, StartTimeUnixNano: nanos(start, 0), EndTimeUnixNano: nanos(start, 5*time.Millisecond),
			Attributes: []*commonpb.KeyValue{textAttribute("http.method", "GET"), textAttribute("näme\n", `"quoted" \ 日本語`)},
		}},
		{child.Context(), &tracepb.Span{
			Name: "charge", Kind: tracepb.Span_SPAN_KIND_CLIENT,
			StartTimeUnixNano: nanos(start, time.Millisecond), EndTimeUnixNano: nanos(start, 3*time.Millisecond),
			Attributes: []*commonpb.KeyValue{
				textAttribute("error", "card declined"), textAttribute("service.peer.name", "bank"), textAttribute("network.peer.address", "2001:db8::7"), numberAttribute("net.peer.port", 443),
			},
			Events: []*tracepb.Span_Event{{TimeUnixNano: nanos(start, 2*time.Millisecond), Name: "wire send"}},
			Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR},
		}},
		{plain.Context(), &tracepb.Span{
			Name: "tidy", StartTimeUnixNano: nanos(start, 4*time.Millisecond), EndTimeUnixNano: nanos(start, 4*time.Millisecond+time.Microsecond),
		}},
		{producer.Context(), &tracepb.Span{
			Name: "publish", Kind: tracepb.Span_SPAN_KIND_PRODUCER, StartTimeUnixNano: nanos(start, 0), EndTimeUnixNano: nanos(start, 3*time.Microsecond),
			Attributes: []*commonpb.KeyValue{textAttribute("empty", ""), textAttribute("service.peer.name", "queue")},
			Events: []*tracepb.Span_Event{
				{TimeUnixNano: nanos(start, 2*time.Microsecond), Name: "second"},
				{TimeUnixNano: nanos(start, time.Microsecond), Name: "first, said after the second"},
			},
		}},
		{consumer.Context(), &tracepb.Span{
			Kind: tracepb.Span_SPAN_KIND_CONSUMER, StartTimeUnixNano: nanos(start, 0), EndTimeUnixNano: nanos(start, time.Hour),
			Attributes: []*commonpb.KeyValue{textAttribute("network.peer.address", "10.0.0.9")},
		}},
	} {
		s.span.TraceId, s.span.SpanId = bigEndian(s.context.TraceID.High, s.context.TraceID.Low), bigEndian(uint64(s.context.ID))
		if s.context.ParentID != nil {
			s.span.ParentSpanId = bigEndian(uint64(*s.context.ParentID))
		}
		s.span.Attributes = append(s.span.Attributes, textAttribute("network.local.address", "10.0.0.1"), numberAttribute("net.host.port", 8080))
		want = append(want, resourceSpans(s.span, textAttribute("service.name", "shop")))
	}
	return want
}

func nanos(start time.Time, after time.Duration) uint64 { return uint64(start.Add(after).UnixNano()) }

func resourceSpans(s *tracepb.Span, resource ...*commonpb.KeyValue) *tracepb.ResourceSpans {
	return &tracepb.ResourceSpans{
		Resource: &resourcepb.Resource{Attributes: resource}, ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{s}}},
	}
}

func bigEndian(parts ...uint64) (id []byte) {
	for _, p := range parts {
		id = binary.BigEndian.AppendUint64(id, p)
	}
	return id
}

func textAttribute(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func numberAttribute(key string, value int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: value}}}
}
