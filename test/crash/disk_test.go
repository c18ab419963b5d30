//go:build crash

package crash

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// An agent that accepts buffer.disk.path promises that what it acknowledged
// survives it. Whoever adds the key adds the scenarios: killed at any instant,
// started again and again, with a disk that is full, slow or read-only.
func TestDiskScenariosAreNotForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	text := "deliver: {endpoint: 'collector:4317'}\nbuffer: {disk: {path: " + t.TempDir() + "}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(os.Getenv(binaryVariable), "--check", "--config", file).CombinedOutput()
	if err == nil {
		t.Fatalf("the agent has a disk buffer now, and no scenario here breaks it:\n%s", out)
	}
}
