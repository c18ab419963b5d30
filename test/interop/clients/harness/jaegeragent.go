package harness

import (
	"os/exec"
	"testing"
)

// JaegerAgent is the path of the real Jaeger Agent.
func JaegerAgent(t testing.TB) string {
	t.Helper()
	return peer(t, "jaeger-agent", "WAYSIDE_PEER_JAEGER_AGENT")
}

// JaegerAgentHelp is what the Jaeger Agent says of its flags.
func JaegerAgentHelp(t testing.TB) string {
	t.Helper()
	out, err := exec.Command(JaegerAgent(t), "help").Output() // its warnings go to standard error
	if err != nil {
		t.Fatalf("jaeger-agent help: %v", err)
	}
	return string(out)
}
