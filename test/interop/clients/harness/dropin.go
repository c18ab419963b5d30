package harness

import (
	"net/http"
	"os"
	"os/exec"
	"testing"
)

// JaegerAgentHelp is what the Jaeger Agent says of its flags.
func JaegerAgentHelp(t testing.TB) string {
	t.Helper()
	out, err := exec.Command(jaegerAgent(t), "help").Output() // its warnings go to standard error
	if err != nil {
		t.Fatalf("jaeger-agent help: %v", err)
	}
	return string(out)
}

func jaegerAgent(t testing.TB) string {
	t.Helper()
	return peer(t, "jaeger-agent", "WAYSIDE_PEER_JAEGER_AGENT")
}

// DropIn is a program that was started with the Jaeger Agent's command line.
type DropIn struct {
	*Process
	Compact string // UDP address
}

// StartJaegerAgentBy starts the Jaeger Agent with arguments beside those for ports, and waits until its probes are answered.
func StartJaegerAgentBy(t testing.TB, args ...string) DropIn {
	t.Helper()
	return startDropIn(t, "jaeger-agent", jaegerAgent(t), args)
}

// StartAgentBy starts Wayside's agent so.
func StartAgentBy(t testing.TB, args ...string) DropIn {
	t.Helper()
	return startDropIn(t, "wayside-agent", os.Getenv(agentVariable), args)
}

func startDropIn(t testing.TB, name, path string, args []string) DropIn {
	t.Helper()
	d := DropIn{Compact: FreePort(t)}
	admin := FreePort(t)
	args = append([]string{
		"--processor.jaeger-compact.server-host-port", d.Compact, "--admin.http.host-port=" + admin, "--http-server.host-port=" + FreePort(t),
		"--processor.jaeger-binary.server-host-port=" + FreePort(t), "--processor.zipkin-compact.server-host-port=" + FreePort(t),
	}, args...)
	d.Process = start(t, name, path, args...)
	d.awaitStart(t, func() error {
		r, err := http.Get("http://" + admin + "/")
		if err != nil {
			return err
		}
		return r.Body.Close()
	})
	return d
}
