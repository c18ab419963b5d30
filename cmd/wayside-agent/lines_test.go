package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// gate is a writer that waits until it is open.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Buffer.Write(p)
}

func TestLinesNeverWait(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	l := &lines{to: g, queue: make(chan line, maxLines)}
	l.tell = func(n int64) { fmt.Fprintf(l, "lost %d\n", n) }
	for i := range 2 * maxLines {
		fmt.Fprintf(l, "line %d\n", i)
	}
	l.flush() // gives up
	go l.write()
	close(g.open)
	l.flush()
	l.flush() // what is told of the loss came behind the first
	g.mu.Lock()
	defer g.mu.Unlock()
	text := g.String()
	if !strings.HasPrefix(text, "line 0\nline 1\n") || !strings.Contains(text, fmt.Sprintf("line %d\n", maxLines-1)) || strings.Contains(text, fmt.Sprintf("line %d\n", maxLines)) {
		t.Errorf("it wrote\n%s", text)
	}
	if !strings.HasSuffix(text, fmt.Sprintf("lost %d\n", maxLines)) {
		t.Errorf("it ends with %q", text[max(0, len(text)-50):])
	}
	close(l.queue)
}

// An agent whose standard error is read by nobody takes spans in, delivers them,
// tells how it is, and ends.
func TestBlockedStandardError(t *testing.T) {
	url, arrived := collector(t)
	file := filepath.Join(t.TempDir(), "agent.yaml")
	admin, udp := freePort(t), freePort(t)
	write(t, file, `
accept: {jaeger: {compact: "`+udp+`", binary: ""}, otlp: {grpc: "", http: ""}}
admin: {http: "`+admin+`"}
control: {http: ""}
log: {level: debug}
deliver: {endpoint: ["http://127.0.0.1:9", "`+url+`"], protocol: otlp-http, compression: none, batch: {age: 20ms}}
`)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	fd := int(w.Fd()) // once: it makes writes wait
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for err = nil; err == nil; { // until it is full
		_, err = syscall.Write(fd, make([]byte, 1024))
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(os.Args[0], "--config", file)}
	p.Env = append(os.Environ(), "WAYSIDE_AGENT_TEST=run")
	p.Stderr = w
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if code, _, errs := question(t, "--ready", "--config", file); code == ok {
			break
		} else if time.Now().After(end) {
			t.Fatal(errs)
		}
	}
	sendSpans(t, udp, 20)
	until(t, p, admin, "delivered", func(l ledger.Lane) bool { return l.Accepted == 20 && l.Delivered == 20 })
	if arrived.Load() != 20 {
		t.Errorf("%d arrived", arrived.Load())
	}
	send(t, p, syscall.SIGTERM)
	if code := p.end(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
