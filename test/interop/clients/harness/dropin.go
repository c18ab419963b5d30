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

// StartDropIns starts the Jaeger Agent and Wayside's with the same arguments but for ports, and waits until probes of a Jaeger
// Agent find them well.
func StartDropIns(t testing.TB, args ...string) (theirs, ours DropIn) {
	t.Helper()
	startOne := func(name, path string) DropIn {
		d := DropIn{Compact: FreePort(t)}
		admin := FreePort(t)
		all := append([]string{
			"--processor.jaeger-compact.server-host-port", d.Compact, "--admin.http.host-port=" + admin, "--http-server.host-port=" + FreePort(t),
			"--processor.jaeger-binary.server-host-port=" + FreePort(t), "--processor.zipkin-compact.server-host-port=" + FreePort(t),
		}, args...)
		d.Process = start(t, name, path, all...)
		d.awaitStart(t, func() error {
			r, err := http.Get("http://" + admin + "/")
			if err != nil {
				return err
			}
			return r.Body.Close()
		})
		return d
	}
	return startOne("jaeger-agent", jaegerAgent(t)), startOne("wayside-agent", os.Getenv(agentVariable))
}
