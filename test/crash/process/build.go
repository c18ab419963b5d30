// Package process runs wayside-agent as a process: it is built from this tree,
// started with a configuration, asked for its status, and stopped or killed.
package process

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Build builds cmd/wayside-agent into a folder, with more arguments for go
// build, and returns the binary's path.
func Build(ctx context.Context, folder, name string, more ...string) (string, error) {
	_, here, _, _ := runtime.Caller(0)
	binary := filepath.Join(folder, name)
	args := append([]string{"build", "-buildvcs=false", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", binary}, more...) // as `make build` does
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/wayside-agent")...)
	cmd.Dir = filepath.Join(filepath.Dir(here), "../../..")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0") // as it ships
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/wayside-agent: %w\n%s", err, out)
	}
	return binary, nil
}
