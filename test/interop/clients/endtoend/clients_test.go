package endtoend

import (
	"errors"
	"os"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/jaegernode"
	"github.com/wayside-tracing/wayside/test/interop/clients/node"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// client is a real client with the rules for what becomes of what it is told: on its way into OTLP, and into Jaeger.
type client struct {
	name         string
	node         bool // runs in Node, and sends the binary encoding; else in Go, the compact one
	tell         func(address string, services []scenario.Service) error
	rules        []fields.Rule
	storageRules func(protocol string) []fields.Rule
}

// here skips the test of a client that can't be run on this machine.
func (c client) here(t *testing.T) {
	t.Helper()
	if c.node {
		skipWithoutNode(t, jaegernode.Here())
	}
}

// skipWithoutNode skips a test for whose client Node is not to be had. run.sh says so in capitals.
func skipWithoutNode(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, node.ErrNotHere) {
		t.Skipf("NOT TESTED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// port is the agent's UDP address that the client sends to.
func (c client) port(agent *harness.Agent) string {
	if c.node {
		return agent.Binary
	}
	return agent.Compact
}

// clients are those that speak Jaeger's protocol: two in Go, then two in Node.
func clients(t *testing.T) []client {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return []client{
		{
			name: "jaeger-client-go", tell: scenario.TellJaeger, rules: goClientRules(host),
			storageRules: func(protocol string) []fields.Rule { return goClientStorageRules(host, protocol) },
		},
		{name: "otel-exporter-jaeger", tell: scenario.TellOTel, rules: goExporterRules(), storageRules: goExporterStorageRules},
		{
			name: "jaeger-client-node", node: true, tell: jaegernode.TellClient,
			rules: nodeClientRules(), storageRules: nodeClientStorageRules,
		},
		{
			name: "otel-exporter-jaeger-node", node: true, tell: jaegernode.TellExporter,
			rules: nodeExporterRules(), storageRules: nodeExporterStorageRules,
		},
	}
}
