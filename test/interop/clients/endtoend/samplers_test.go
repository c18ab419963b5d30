package endtoend

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/samplers"
)

// strategy makes "always" and "never" what they are called.
const strategy = `{"default_strategy": {"type": "probabilistic", "param": 0, "operation_strategies": [
	{"operation": "always", "type": "probabilistic", "param": 1},
	{"operation": "never", "type": "probabilistic", "param": 0}]}}`

// Real samplers sample as a strategies file says that the agent has, and as one says that its collector has.
func TestSamplersAskTheAgent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "strategies.json")
	if err := os.WriteFile(file, []byte(strategy), 0o600); err != nil {
		t.Fatal(err)
	}
	jaeger := startSource(t, file)
	agents := map[string]*harness.Agent{
		"file": startAsking(t, file), "gRPC": startAsking(t, jaeger.GRPC),
		"HTTP": startAsking(t, "http://"+jaeger.CollectorHTTP+"/api/sampling"),
	}
	t.Run("with", func(t *testing.T) {
		for _, s := range samplers.All() {
			for source, agent := range agents {
				t.Run(s.Name+" by "+source, func(t *testing.T) {
					t.Parallel()
					skipWithoutNode(t, s.Here())
					if err := s.Await(agent.Control); err != nil {
						t.Error(err)
					}
				})
			}
		}
	})
	for _, agent := range agents {
		agent.Finish(t, 0)
	}
}
