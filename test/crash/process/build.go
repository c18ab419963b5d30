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
	root := filepath.Join(filepath.Dir(here), "../../..")
	cmd := exec.CommandContext(ctx, filepath.Join(root, "cmd/wayside-agent/build.sh"), append([]string{binary, "-buildvcs=false"}, more...)...) // as it ships
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/wayside-agent: %w\n%s", err, out)
	}
	return binary, nil
}
