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
	Control string // where tracers ask for strategies by HTTP
}

// StartJaegerAgent starts a Jaeger Agent in front of a collector at an address, and waits until it takes spans and has
// reached it.
func StartJaegerAgent(t testing.TB, collector string) *JaegerAgent {
	t.Helper()
	path := peer(t, "jaeger-agent", "WAYSIDE_PEER_JAEGER_AGENT")
	a := &JaegerAgent{Compact: FreePort(t), Control: FreePort(t)}
	admin := FreePort(t)
	args := []string{
		"--processor.jaeger-compact.server-host-port=" + a.Compact,
		"--reporter.grpc.host-port=" + collector,
		"--http-server.host-port=" + a.Control,
		"--admin.http.host-port=" + admin,
	}
	for _, listener := range []string{
		"processor.jaeger-binary.server-host-port", "processor.zipkin-compact.server-host-port",
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
		return connects(a.Control)
	})
	return a
}
