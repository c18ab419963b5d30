package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

const (
	// startTime is how long an agent may take to be ready, and stopTime how
	// long to end beyond its drain_timeout: far more than either takes, since
	// they only bound how long a test hangs.
	startTime = 30 * time.Second
	stopTime  = 60 * time.Second
)

// Options say how to run an agent.
type Options struct {
	Binary   string
	Settings Settings
	// Shell is run before the agent by the shell that becomes it, such as
	// "ulimit -n 64".
	Shell string
	// Env is added to the environment.
	Env []string
	// Sockets are handed to the agent as systemd does it.
	Sockets []*os.File
}

// Agent is a running wayside-agent. Its methods may be called from any goroutine.
type Agent struct {
	GRPC, UDP, Admin string // addresses

	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	log   *lines
}

// Start starts an agent, with its configuration in a file in folder, and waits
// until it is ready.
func Start(folder string, opt Options) (*Agent, error) {
	text, err := opt.Settings.text()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "agent.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	a := &Agent{ended: make(chan struct{}), log: &lines{}}
	a.cmd = exec.Command(opt.Binary, "--config", file)
	if len(opt.Sockets) > 0 {
		// What a process is called is known only when it is there.
		opt.Shell = strings.TrimPrefix(opt.Shell+" && export LISTEN_PID=$$", " && ")
		opt.Env = append(slices.Clone(opt.Env), fmt.Sprint("LISTEN_FDS=", len(opt.Sockets)))
	}
	if opt.Shell != "" {
		a.cmd = exec.Command("/bin/sh", "-c", opt.Shell+` && exec "$0" "$@"`, opt.Binary, "--config", file)
	}
	a.cmd.Env = append(os.Environ(), opt.Env...)
	a.cmd.ExtraFiles = opt.Sockets // from descriptor 3 on
	a.cmd.Stdout, a.cmd.Stderr = a.log, a.log
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting an agent: %w", err)
	}
	go func() {
		_ = a.cmd.Wait() // how it ended is in ProcessState
		close(a.ended)
	}()
	if err := a.ready(); err != nil {
		a.Kill()
		return nil, err
	}
	return a, nil
}

// ready waits until the log says where the agent listens.
func (a *Agent) ready() error {
	late := time.After(startTime)
	for {
		if line := a.log.find(`"msg":"ready"`); line != "" {
			return a.addresses(line)
		}
		select {
		case <-a.ended:
			return fmt.Errorf("the agent ended (%v) before it was ready:\n%s", a.cmd.ProcessState, a.Log())
		case <-late:
			return fmt.Errorf("the agent was not ready in %v:\n%s", startTime, a.Log())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (a *Agent) addresses(line string) error {
	var ready struct{ Listen []string }
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		return fmt.Errorf("%w in %s", err, line)
	}
	for _, l := range ready.Listen {
		at := l[strings.LastIndexByte(l, ' ')+1:]
		switch {
		case strings.Contains(l, "otlp.grpc"):
			a.GRPC = at
		case strings.Contains(l, "udp"):
			a.UDP = at
		case strings.HasPrefix(l, "admin"):
			a.Admin = at
		}
	}
	if a.GRPC == "" || a.UDP == "" || a.Admin == "" {
		return fmt.Errorf("addresses are missing in %s", line)
	}
	return nil
}

// Pid is the process's id.
func (a *Agent) Pid() int { return a.cmd.Process.Pid }

// Log is what it has written so far.
func (a *Agent) Log() string { return a.log.text() }

// Status is the agent's /status.
func (a *Agent) Status(ctx context.Context) (st ledger.Status, err error) {
	return st, a.ReadStatus(ctx, &st)
}

// ReadStatus reads the JSON of /status into what to points at.
func (a *Agent) ReadStatus(ctx context.Context, to any) error {
	b, err := a.get(ctx, "/status", "application/json")
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

// Metrics is the text of /metrics.
func (a *Agent) Metrics(ctx context.Context) (string, error) {
	b, err := a.get(ctx, "/metrics", "text/plain")
	return string(b), err
}

// get reads a page of the admin address.
func (a *Agent) get(ctx context.Context, path, accept string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.Admin+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w; the agent's log:\n%s", err, a.Log())
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// Signal sends it a signal.
func (a *Agent) Signal(s os.Signal) error { return a.cmd.Process.Signal(s) }

// Kill ends it at once (SIGKILL), and waits for that.
func (a *Agent) Kill() {
	_ = a.cmd.Process.Kill() // an error: it has ended already
	<-a.ended
}

// Dump ends it with what each of its goroutines does (SIGQUIT), and returns its
// log with that at the end: for an agent that has got stuck.
func (a *Agent) Dump() string {
	_ = a.Signal(syscall.SIGQUIT) // an error: it has ended already
	select {
	case <-a.ended:
	case <-time.After(stopTime):
		a.Kill()
	}
	return a.Log()
}

// Stop asks it to end (SIGTERM), waits for that, and returns the account that
// it ended with. An exit code other than 0 is an error.
func (a *Agent) Stop() (ledger.Account, error) {
	if err := a.Signal(syscall.SIGTERM); err != nil {
		return ledger.Account{}, fmt.Errorf("stopping the agent: %w; its log:\n%s", err, a.Log())
	}
	select {
	case <-a.ended:
	case <-time.After(stopTime):
		a.Kill()
		return ledger.Account{}, fmt.Errorf("the agent did not end in %v:\n%s", stopTime, a.Log())
	}
	if code := a.cmd.ProcessState.ExitCode(); code != 0 {
		return ledger.Account{}, fmt.Errorf("the agent's exit code is %d:\n%s", code, a.Log())
	}
	line := a.log.find(`"msg":"ledger"`)
	if line == "" {
		return ledger.Account{}, errors.New("no ledger in the log:\n" + a.Log())
	}
	return readLedger(line)
}

// readLedger reads the line of the log that an agent ends with.
func readLedger(line string) (a ledger.Account, err error) {
	var entry map[string]any
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		return a, fmt.Errorf("%w in %s", err, line)
	}
	n := map[string]uint64{}
	for key, value := range entry {
		if v, ok := value.(float64); ok { // exact up to 2⁵³
			n[key] = uint64(v)
		}
	}
	a.Accepted, a.Recovered, a.Delivered, a.Buffered = n["accepted"], n["recovered"], n["delivered"], n["buffered"]
	a.KernelDrops = n["kernel_drops"]
	for r := range a.Dropped.All {
		a.Dropped[r] = n["dropped_"+r.String()]
	}
	for r := range a.Refused.All {
		a.Refused[r] = n["refused_"+r.String()]
	}
	if a.Dropped.Sum() != n["dropped"] {
		return a, fmt.Errorf("the reasons add up to %d in %s", a.Dropped.Sum(), line)
	}
	return a, nil
}

// lines is what a process writes.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// find is the last whole line that has s in it; "" if there is none.
func (l *lines) find(s string) (found string) {
	for line := range strings.Lines(l.text()) {
		if strings.Contains(line, s) && strings.HasSuffix(line, "\n") {
			found = line
		}
	}
	return found
}
