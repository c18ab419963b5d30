//go:build cluster

package api

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestTraceAgents: the API server itself tells what is wrong with one.
func TestTraceAgents(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.namespace(t, "traceagents", nil)
		for _, c := range []struct {
			name, spec string
			wrong      string // what it has to say; "" if it has to be taken
		}{
			{"least", `{strategy: Sidecar, deliver: {endpoint: "collector:4317"}}`, ""},
			{"http", `{strategy: Sidecar, deliver: {endpoint: "https://a:4318, https://b:4318", protocol: otlp-http}}`, ""},
			{"node", `{strategy: DaemonSet, deliver: {endpoint: "collector:4317"}, buffer: {memory: 16MiB, disk: {size: 1GiB, hostPath: /var/lib/wayside}}, daemonSet: {hostNetwork: true}}`, ""},

			{"no-strategy", `{deliver: {endpoint: "collector:4317"}}`, "spec.strategy: Required value"},
			{"no-endpoint", `{strategy: Sidecar, deliver: {}}`, "spec.deliver.endpoint: Required value"},
			{"strategy", `{strategy: Deployment, deliver: {endpoint: "collector:4317"}}`, `supported values: "DaemonSet", "Sidecar"`},
			{"misspelt", `{strategy: Sidecar, deliver: {endpiont: "collector:4317", endpoint: "collector:4317"}}`, "deliver.endpiont"},
			{"size", `{strategy: Sidecar, deliver: {endpoint: "collector:4317"}, buffer: {memory: lots}}`, "spec.buffer.memory"},
			{"duration", `{strategy: Sidecar, deliver: {endpoint: "collector:4317"}, drainTimeout: "5"}`, "spec.drainTimeout"},
			{"only-daemonset", `{strategy: Sidecar, deliver: {endpoint: "collector:4317"}, daemonSet: {hostPort: true}}`, "daemonSet is only for strategy DaemonSet"},
			{"sidecar-host-path", `{strategy: Sidecar, deliver: {endpoint: "collector:4317"}, buffer: {disk: {hostPath: /x}}}`, "a sidecar's buffer lives no longer than its pod"},
			{"no-url", `{strategy: Sidecar, deliver: {endpoint: "collector:4318", protocol: otlp-http}}`, "endpoint has to be a URL for otlp-http"},
			{"url", `{strategy: Sidecar, deliver: {endpoint: "http://collector:4317"}}`, "endpoint has to be host:port"},
			{"both", `{strategy: DaemonSet, deliver: {endpoint: "collector:4317"}, daemonSet: {hostPort: true, hostNetwork: true}}`, "hostPort is of no use with hostNetwork"},
			{"true", `{strategy: Sidecar, deliver: {endpoint: "collector:4317"}}`, "name"}, // a label's value that means something else
		} {
			u := objects(fmt.Sprintf("{apiVersion: wayside.dev/v1alpha1, kind: TraceAgent, metadata: {name: %q, namespace: traceagents}, spec: %s}", c.name, c.spec))[0]
			err := client.WithFieldValidation(s, "Strict").Create(t.Context(), u, client.DryRunAll)
			switch {
			case c.wrong == "" && err != nil:
				t.Errorf("%s: refused: %v", c.name, err)
			case c.wrong != "" && err == nil:
				t.Errorf("%s: taken; want %q", c.name, c.wrong)
			case c.wrong != "" && !strings.Contains(err.Error(), c.wrong):
				t.Errorf("%s: %v; want %q", c.name, err, c.wrong)
			}
		}
	})
}
