package agent

import (
	"net/http"
	"sync"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// taggedOperations has the value of a tag for each operation.
type taggedOperations struct {
	mu  sync.Mutex
	env map[string]string
}

func (c *taggedOperations) look(request []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range otlp.Spans(request) {
		v, _ := s.Resource.Get("env")
		c.env[string(s.Name)] = string(v.Bytes)
	}
}

// Tags come to every span, whatever it came by, and change with a reload.
func TestTags(t *testing.T) {
	seen := &taggedOperations{env: map[string]string{}}
	c := startCollector(t)
	c.look = seen.look
	r := run(t, c.address, "tags: {env: one}")
	send := func(generation, env string) {
		if got := r.call(request("grpc "+generation, 20)); got != "0" {
			t.Errorf("grpc-status %s", got)
		}
		if got := r.post(request("http "+generation, 30)); got != http.StatusOK {
			t.Errorf("HTTP %d", got)
		}
		r.send("udp "+generation, 5)
		for operation, spans := range map[string]int{"grpc ": 20, "http ": 30, "udp ": 5} {
			operation += generation
			r.until(operation+" arrives", func(ledger.Lane) bool { return c.count(operation) == spans })
			seen.mu.Lock()
			if got := seen.env[operation]; got != env {
				t.Errorf("%s: env is %q, not %q", operation, got, env)
			}
			seen.mu.Unlock()
		}
	}
	send("1", "one")
	for generation, more := range map[string]string{"2": "tags: {env: two}", "3": ""} {
		if restart, err := r.Reload(r.configure(c.address, more)); err != nil || len(restart) > 0 {
			t.Fatalf("%v, %v", restart, err)
		}
		send(generation, map[string]string{"2": "two"}[generation])
	}
}
