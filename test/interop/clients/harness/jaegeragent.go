package harness

import "testing"

// JaegerAgent is a running Jaeger Agent, the program whose place Wayside takes.
type JaegerAgent struct {
	*Process
	Control string // where tracers ask for strategies by HTTP
}

// StartJaegerAgent starts a Jaeger Agent that asks a collector.
func StartJaegerAgent(t testing.TB, collector string) *JaegerAgent {
	t.Helper()
	path := peer(t, "jaeger-agent", "WAYSIDE_PEER_JAEGER_AGENT")
	a := &JaegerAgent{Control: FreePort(t)}
	args := []string{"--reporter.grpc.host-port=" + collector, "--http-server.host-port=" + a.Control}
	for _, listener := range []string{
		"admin.http.host-port", "processor.jaeger-binary.server-host-port",
		"processor.jaeger-compact.server-host-port", "processor.zipkin-compact.server-host-port",
	} {
		args = append(args, "--"+listener+"="+FreePort(t))
	}
	a.Process = start(t, "jaeger-agent", path, args...)
	a.awaitStart(t, func() error { return connects(a.Control) })
	return a
}
