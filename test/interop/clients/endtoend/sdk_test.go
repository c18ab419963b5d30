package endtoend

import (
	"path/filepath"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
	"github.com/wayside-tracing/wayside/test/interop/clients/sdk"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// What OpenTelemetry's SDKs are told leaves the agent, field by field.
func TestSDKs(t *testing.T) {
	for _, c := range sdk.Clients() {
		for _, compression := range []string{"gzip", "none"} {
			t.Run(c.Name+"/"+compression, func(t *testing.T) {
				t.Parallel()
				here(t, c)
				sink := harness.StartSink(t, nil)
				agent := harness.StartAgent(t, harness.Deliver{Endpoints: []string{sink.Address}, Compression: compression})
				tellSDK(t, c, agent, sink, sdk.Target{Address: otlpAddress(agent, c), Gzip: compression == "gzip"})
			})
		}
	}
}

// Through TLS, with and without a certificate of the client's, and through a Unix socket.
func TestSDKsBySecureWays(t *testing.T) {
	for _, c := range sdk.Clients() {
		if c.JSON {
			continue // is the same connection
		}
		t.Run(c.Name+"/TLS", func(t *testing.T) {
			t.Parallel()
			here(t, c)
			folder := t.TempDir()
			certificates(t, folder)
			sink, agent := secureAgent(t, folder, "")
			tellSDK(t, c, agent, sink, sdk.Target{
				Address: otlpAddress(agent, c), TLS: &sdk.Credentials{CA: filepath.Join(folder, "ca.pem")},
			})
		})
		t.Run(c.Name+"/mutual TLS", func(t *testing.T) {
			t.Parallel()
			here(t, c)
			folder := t.TempDir()
			certificates(t, folder)
			sink, agent := secureAgent(t, folder, ", client_ca: "+filepath.Join(folder, "ca.pem"))
			tellSDK(t, c, agent, sink, sdk.Target{Address: otlpAddress(agent, c), TLS: &sdk.Credentials{
				CA: filepath.Join(folder, "ca.pem"), Cert: filepath.Join(folder, "agent.pem"), Key: filepath.Join(folder, "agent.key"),
			}})
		})
		if !c.HTTP {
			t.Run(c.Name+"/Unix socket", func(t *testing.T) {
				t.Parallel()
				here(t, c)
				sink := harness.StartSink(t, nil)
				agent := harness.StartAgent(t, harness.Deliver{Endpoints: []string{sink.Address}, Compression: "gzip"})
				tellSDK(t, c, agent, sink, sdk.Target{Address: agent.Socket})
			})
		}
	}
}

// Who shows no certificate where one is asked for gets nothing in, and is told.
func TestSDKWithoutCertificate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certificates(t, folder)
	_, agent := secureAgent(t, folder, ", client_ca: "+filepath.Join(folder, "ca.pem"))
	for _, c := range sdk.Clients()[:2] { // with Go's the wait for the end of their retries is ours to set
		to := sdk.Target{
			Address: otlpAddress(agent, c), TLS: &sdk.Credentials{CA: filepath.Join(folder, "ca.pem")}, GiveUp: true,
		}
		if _, err := c.Tell(to, scenario.Story()[:1]); err == nil {
			t.Errorf("%s was told that its spans are taken", c.Name)
		}
	}
	agent.Finish(t, 0)
}

func secureAgent(t *testing.T, folder, more string) (*harness.Sink, *harness.Agent) {
	t.Helper()
	sink := harness.StartSink(t, nil)
	return sink, harness.StartAgentAs(t, harness.Config{
		Deliver: harness.Deliver{Endpoints: []string{sink.Address}, Compression: "gzip"},
		Accept:  "tls: {cert: " + filepath.Join(folder, "server.pem") + ", key: " + filepath.Join(folder, "server.key") + more + "},",
	})
}

func otlpAddress(agent *harness.Agent, c sdk.Client) string {
	if c.HTTP {
		return agent.HTTP
	}
	return agent.GRPC
}

// tellSDK has a client say the story to the agent, and ends the agent when the story has arrived at the sink as it was told.
func tellSDK(t *testing.T, c sdk.Client, agent *harness.Agent, sink *harness.Sink, to sdk.Target) {
	t.Helper()
	story := scenario.RichStory()
	if c.Node {
		story = scenario.Story() // which is what it can be told
	}
	sent := scenario.Spans(story)
	retries, err := c.Tell(to, story)
	if err != nil || len(retries) > 0 {
		t.Fatalf("retries %v, error %v", retries, err)
	}
	agent.AwaitDelivered(t, sent)
	got := fields.Of(sink.Await(t, sent))
	wanted := func() []fields.Span { return fields.Of(scenario.OTLP(story)) }
	for _, line := range fields.Compare(wanted, got, sdkRules(c)) {
		t.Error(line)
	}
	agent.Finish(t, sent)
}

// here skips the test of a client that can't be run on this machine.
func here(t *testing.T, c sdk.Client) {
	t.Helper()
	skipWithoutNode(t, c.Here())
}
