package endtoend

import (
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
)

// The agent in the place of a Jaeger collector: what Jaeger's own agent sends it over gRPC, and jaeger-client-go over HTTP,
// can be read in Jaeger as what comes by UDP.
func TestJaegerIn(t *testing.T) {
	for _, client := range clients(t)[:2] { // Go's
		t.Run("Jaeger Agent/"+client.name, func(t *testing.T) {
			t.Parallel()
			jaegerIn(t, client, func(agent *harness.Agent, story []scenario.Service) error {
				return client.tell(harness.StartJaegerAgent(t, agent.JaegerGRPC).Compact, story)
			})
		})
		if client.name == "jaeger-client-go" {
			t.Run("HTTP/"+client.name, func(t *testing.T) {
				t.Parallel()
				jaegerIn(t, client, func(agent *harness.Agent, story []scenario.Service) error {
					return scenario.TellJaegerHTTP(agent.JaegerHTTP, story)
				})
			})
		}
	}
}

func jaegerIn(t *testing.T, client client, tell func(*harness.Agent, []scenario.Service) error) {
	jaeger := harness.StartJaeger(t, harness.FreePort(t), harness.FreePort(t))
	agent := harness.StartAgent(t, harness.Deliver{Endpoints: []string{jaeger.OTLP}, Compression: "gzip"})
	story := scenario.Story()
	sent := scenario.Spans(story)
	if err := tell(agent, story); err != nil {
		t.Fatal(err)
	}
	agent.AwaitDelivered(t, sent)
	readInJaeger(t, jaeger, scenario.OTLP(story), client.storageRules("otlp-grpc"))
	agent.Finish(t, sent)
}
