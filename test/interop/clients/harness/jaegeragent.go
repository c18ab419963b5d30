package harness

import (
	"errors"
	"net/http"
	"testing"
)

// JaegerAgent is a running Jaeger Agent, which sends what it gets to a collector over gRPC.
type JaegerAgent struct {
	*Process
	Compact string // UDP address
}

// StartJaegerAgent starts a Jaeger Agent in front of a collector at an address, and waits until it takes spans and has
// reached it.
func StartJaegerAgent(t testing.TB, collector string) *JaegerAgent {
	t.Helper()
	path := peer(t, "jaeger-agent", "WAYSIDE_PEER_JAEGER_AGENT")
	a := &JaegerAgent{Compact: FreePort(t)}
	admin := FreePort(t)
	args := []string{
		"--processor.jaeger-compact.server-host-port=" + a.Compact,
		"--reporter.grpc.host-port=" + collector,
		"--admin.http.host-port=" + admin,
	}
	for _, listener := range []string{
		"http-server.host-port", "processor.jaeger-binary.server-host-port", "processor.zipkin-compact.server-host-port",
	} {
		args = append(args, "--"+listener+"="+FreePort(t))
	}
	a.Process = start(t, "jaeger-agent", path, args...)
	a.awaitStart(t, func() error {
		r, err := http.Get("http://" + admin + "/")
		if err != nil {
			return err
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return errors.New(r.Status)
		}
		return nil
	})
	return a
}
