package endtoend

import (
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// What a Collector sends to the agent, in each of the ways it has, leaves the agent as it came to the Collector.
func TestCollectorInFront(t *testing.T) {
	for _, c := range []struct{ name, config string }{
		{"gRPC", harness.ToGRPC},
		{"HTTP", harness.ToHTTP},
		{"HTTP with JSON", strings.Replace(harness.ToHTTP, "encoding: proto", "encoding: json", 1)},
	} {
		for _, compression := range []string{"gzip", "none"} {
			t.Run(c.name+"/"+compression, func(t *testing.T) {
				t.Parallel()
				sink := harness.StartSink(t, nil)
				agent := harness.StartAgent(t, harness.Deliver{Endpoints: []string{sink.Address}, Compression: "gzip"})
				address := agent.HTTP
				if c.name == "gRPC" {
					address = agent.GRPC
				}
				config := strings.ReplaceAll(c.config, "compression: gzip", "compression: "+compression)
				collector := harness.StartCollector(t, harness.FreePort(t), config, address)
				through(t, collector.Address, agent, sink)
			})
		}
	}
}

// What the agent is sent by OTLP comes out of a Collector behind it as it was sent.
func TestCollectorBehind(t *testing.T) {
	for _, compression := range []string{"gzip", "none"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			sink := harness.StartSink(t, nil)
			collector := harness.StartCollector(t, harness.FreePort(t), harness.Plain, sink.Address)
			agent := harness.StartAgent(t, harness.Deliver{Endpoints: []string{collector.Address}, Compression: compression})
			through(t, agent.GRPC, agent, sink)
		})
	}
}

// through sends the story to whoever comes first, as OTLP has it, and ends the agent when all of it has arrived.
func through(t *testing.T, first string, agent *harness.Agent, sink *harness.Sink) {
	t.Helper()
	story := scenario.UTF8(scenario.Story())
	sent := scenario.Spans(story)
	harness.NewClient(t, first).Send(t, marked(story)...)
	agent.AwaitDelivered(t, sent)
	for _, line := range fields.Diff(fields.Of(marked(story)), fields.Of(sink.Await(t, sent))) {
		t.Error(line)
	}
	agent.Finish(t, sent)
}

// marked is the story in OTLP with what OTLP has beyond it.
func marked(story []scenario.Service) []*tracepb.ResourceSpans {
	number := &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 1e300}}
	all := scenario.OTLP(story)
	for _, rs := range all {
		rs.SchemaUrl = "https://opentelemetry.io/schemas/1.21.0"
		rs.Resource.DroppedAttributesCount = 1
		for _, ss := range rs.ScopeSpans {
			ss.SchemaUrl = "https://opentelemetry.io/schemas/1.26.0"
			ss.Scope.DroppedAttributesCount = 2
			ss.Scope.Attributes = []*commonpb.KeyValue{{Key: "scope", Value: map1("nested", map1("deep", number))}}
			for _, s := range ss.Spans {
				s.TraceState, s.Flags = "vendor=1,other=2", 0x301
				s.DroppedAttributesCount, s.DroppedEventsCount, s.DroppedLinksCount = 3, 4, 1<<32-1
				for _, e := range s.Events {
					e.DroppedAttributesCount = 5
				}
				for _, l := range s.Links {
					l.TraceState, l.Flags, l.DroppedAttributesCount = "link=1", 0x101, 6
				}
			}
		}
	}
	return all
}

// map1 is a map of one key.
func map1(key string, value *commonpb.AnyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{
		KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{{Key: key, Value: value}}},
	}}
}
