// Package harness runs the real programs of an end-to-end test, each on free ports of the loopback interface, and ends them
// with it: the agent, Jaeger, the OpenTelemetry Collector.
package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// How long a program may take to start or to end, and spans to arrive. Two busy cores need a tenth.
const (
	startTimeout  = 20 * time.Second
	stopTimeout   = 20 * time.Second
	arriveTimeout = 30 * time.Second
)

// Process is a program that a test has started.
type Process struct {
	name   string
	cmd    *exec.Cmd
	output *output
	exited chan struct{}
}

// start runs a program. It is killed at the end of the test if it still runs, and what it wrote is shown if the test failed.
func start(t testing.TB, name, path string, args ...string) *Process {
	t.Helper()
	p := &Process{name: name, cmd: exec.Command(path, args...), output: &output{}, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.Dir = t.TempDir()
	dieWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is in ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the last lines of %s:\n%s", name, tail(p.output.String(), 30))
		}
	})
	return p
}

// Stop asks the program to end, as an init system does, waits for it, and returns its exit code.
func (p *Process) Stop(t testing.TB) int {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself: the exit code says so
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		t.Fatalf("%s has not ended %s after SIGTERM", p.name, stopTimeout)
	}
	return p.cmd.ProcessState.ExitCode()
}

// Kill ends the program at once.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// Output is what the program has written until now.
func (p *Process) Output() string { return p.output.String() }

// AwaitOutput waits until the program has written a text.
func (p *Process) AwaitOutput(t testing.TB, text string) {
	t.Helper()
	p.awaitStart(t, func() error {
		if !strings.Contains(p.Output(), text) {
			return fmt.Errorf("it has not written %q", text)
		}
		return nil
	})
}

// awaitStart waits until ready says nil.
func (p *Process) awaitStart(t testing.TB, ready func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.exited:
			t.Fatalf("%s ended at its start: exit code %d", p.name, p.cmd.ProcessState.ExitCode())
		default:
		}
		if err = ready(); err == nil {
			return
		}
	}
	t.Fatalf("%s is not ready after %s: %v", p.name, startTimeout, err)
}

// output is written by a process and read by a test.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// peer is the path of a program that test/peers builds: from the environment if run.sh has put it there, otherwise asked of
// the script, which takes a moment if it is built and minutes if not.
func peer(t testing.TB, name, variable string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command(filepath.Join(root, "test", "peers", "build.sh"), name)
	build.Stderr = os.Stderr
	path, err := build.Output()
	if err != nil {
		t.Fatalf("test/peers/build.sh %s: %v", name, err)
	}
	return strings.TrimSpace(string(path))
}

// repository is the project's folder: the nearest one above that has the project's go.mod.
func repository() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module github.com/wayside-tracing/wayside\n")) {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("no folder above is the project's")
		}
		folder = parent
	}
}
