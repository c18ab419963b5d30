package endtoend

import (
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
	"github.com/wayside-tracing/wayside/test/interop/clients/sdk"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// jaegerProtocols are the ways into Jaeger.
var jaegerProtocols = []string{"otlp-grpc", "jaeger-grpc"}

// intoJaeger is how an agent delivers to Jaeger by one of its protocols.
func intoJaeger(jaeger *harness.Jaeger, protocol string) harness.Deliver {
	endpoint := map[string]string{"otlp-grpc": jaeger.OTLP, "jaeger-grpc": jaeger.GRPC}[protocol]
	return harness.Deliver{Endpoints: []string{endpoint}, Compression: "gzip", More: "protocol: " + protocol + ", "}
}

// What a client is told can be read in Jaeger, field by field, as it could when Jaeger's own agent brought it there: by OTLP,
// and by Jaeger's own protocol.
func TestJaeger(t *testing.T) {
	for _, protocol := range jaegerProtocols {
		for _, client := range clients(t) {
			t.Run(protocol+"/"+client.name, func(t *testing.T) {
				t.Parallel()
				client.here(t)
				jaeger := harness.StartJaeger(t, harness.FreePort(t), harness.FreePort(t))
				agent := harness.StartAgent(t, intoJaeger(jaeger, protocol))
				story := scenario.Story()
				sent := scenario.Spans(story)
				if err := client.tell(client.port(agent), story); err != nil {
					t.Fatal(err)
				}
				agent.AwaitDelivered(t, sent)
				readInJaeger(t, jaeger, scenario.OTLP(story), client.storageRules(protocol))
				agent.Finish(t, sent)
			})
		}
	}
}

// So can what OpenTelemetry's SDK is told: every kind of value, events, links, status.
func TestSDKInJaeger(t *testing.T) {
	for _, protocol := range jaegerProtocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			jaeger := harness.StartJaeger(t, harness.FreePort(t), harness.FreePort(t))
			agent := harness.StartAgent(t, intoJaeger(jaeger, protocol))
			story := scenario.RichStory()
			sent := scenario.Spans(story)
			client := sdk.Clients()[0] // Go's, by gRPC
			if _, err := client.Tell(sdk.Target{Address: otlpAddress(agent, client)}, story); err != nil {
				t.Fatal(err)
			}
			agent.AwaitDelivered(t, sent)
			readInJaeger(t, jaeger, scenario.OTLP(story), sdkStorageRules(protocol))
			agent.Finish(t, sent)
		})
	}
}

// readInJaeger reads in Jaeger what was told, and compares.
func readInJaeger(t *testing.T, jaeger *harness.Jaeger, told []*tracepb.ResourceSpans, rules []fields.Rule) {
	t.Helper()
	var got []fields.Span
	for _, trace := range jaegerTraces(t, jaeger, told) {
		got = append(got, jaegerSpans(t, trace)...)
	}
	for _, line := range fields.Compare(func() []fields.Span { return toldToJaeger(t, told) }, got, rules) {
		t.Error(line)
	}
}

// jaegerTraces asks Jaeger for every trace that was told of, and waits for its spans.
func jaegerTraces(t *testing.T, jaeger *harness.Jaeger, told []*tracepb.ResourceSpans) (traces []harness.JaegerTrace) {
	t.Helper()
	spans := make(map[string]int)
	for _, rs := range told {
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				spans[jaegerTraceID(s.GetTraceId())]++
			}
		}
	}
	for id, n := range spans {
		traces = append(traces, jaeger.Trace(t, id, n))
	}
	return traces
}
