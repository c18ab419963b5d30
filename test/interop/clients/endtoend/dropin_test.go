package endtoend

import (
	"os"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
)

// The help that the table of flags is held against is the real Jaeger Agent's.
func TestHelpOfTheJaegerAgent(t *testing.T) {
	t.Parallel()
	copied, err := os.ReadFile("../../../../agent/config/jaegerflags/testdata/help.txt")
	if err != nil {
		t.Fatal(err)
	}
	if help := harness.JaegerAgentHelp(t); help != string(copied) {
		t.Errorf("the Jaeger Agent's help is\n%s\nand the copy of it\n%s", help, copied)
	}
}
