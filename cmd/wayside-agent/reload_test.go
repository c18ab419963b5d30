package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// volume is a folder as Kubernetes mounts a ConfigMap or a Secret: the file is a
// link through ..data, a link to a folder that is swapped for another one
// (kubernetes, pkg/volume/util/atomic_writer.go).
type volume struct {
	t       *testing.T
	folder  string
	version int
}

func newVolume(t *testing.T, text string) *volume {
	t.Helper()
	v := &volume{t: t, folder: t.TempDir()}
	v.swap(text)
	if err := os.Symlink(filepath.Join("..data", "agent.yaml"), v.file()); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *volume) file() string { return filepath.Join(v.folder, "agent.yaml") }

// swap does in one step what an update does.
func (v *volume) swap(text string) {
	v.t.Helper()
	old := fmt.Sprintf("..2026_%d", v.version)
	v.version++
	now := fmt.Sprintf("..2026_%d", v.version)
	path := filepath.Join(v.folder, now)
	if err := os.Mkdir(path, 0o700); err != nil {
		v.t.Fatal(err)
	}
	write(v.t, filepath.Join(path, "agent.yaml"), text)
	data := filepath.Join(v.folder, "..data")
	if err := os.Symlink(now, data+"_tmp"); err != nil {
		v.t.Fatal(err)
	}
	if err := os.Rename(data+"_tmp", data); err != nil {
		v.t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(v.folder, old)); err != nil {
		v.t.Fatal(err)
	}
}

// collector takes OTLP over HTTP and counts spans.
func collector(t *testing.T) (url string, spans *atomic.Int64) {
	t.Helper()
	spans = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		for range otlp.Spans(body) {
			spans.Add(1)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, spans
}

// sendPackets sends a span a packet, at some rate, until it is stopped and tells
// how many there were.
func sendPackets(t *testing.T, address string) (stop func() int64) {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	b := &jaegerthrift.Batch{Process: jaegerthrift.Process{ServiceName: "shop"}, Spans: []jaegerthrift.Span{{TraceIDLow: 1, SpanID: 1, OperationName: "op"}}}
	packet := jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 1, b)
	done, total := make(chan struct{}), make(chan int64)
	go func() {
		defer conn.Close()
		pace := time.NewTicker(2 * time.Millisecond)
		defer pace.Stop()
		for n := int64(0); ; n++ {
			select {
			case <-done:
				total <- n
				return
			case <-pace.C:
				if _, err := conn.Write(packet); err != nil {
					t.Errorf("the socket is gone: %v", err)
				}
			}
		}
	}()
	return func() int64 { close(done); return <-total }
}

// A ConfigMap that is updated, and SIGHUP, send spans elsewhere, and lose none. A
// wrong one changes nothing.
func TestReloadByKubernetes(t *testing.T) {
	first, toFirst := collector(t)
	second, toSecond := collector(t)
	configuration := func(endpoint, more string) string {
		return strings.Replace(running, `endpoint: "127.0.0.1:9"`, `endpoint: "`+endpoint+`", protocol: otlp-http, compression: none, timeout: 20s, batch: {age: 20ms}`+more, 1)
	}
	v := newVolume(t, configuration(first, ""))
	p := start(t, "--config", v.file())
	ready := p.await(t, `"msg":"ready"`, 1)
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
	stop := sendPackets(t, regexp.MustCompile(`udp (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1])
	more := func(spans *atomic.Int64) {
		t.Helper()
		for from, end := spans.Load(), time.Now().Add(20*time.Second); spans.Load() < from+20; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no more spans come:\n%s", p.text())
			}
		}
	}
	more(toFirst)

	v.swap(configuration(second, ""))
	p.await(t, `"configuration reloaded"`, 1)
	more(toSecond)

	v.swap(configuration(first, ", compresion: none"))
	if line := p.await(t, `"the configuration is wrong"`, 1); !strings.Contains(line, "deliver.compresion: unknown key; did you mean deliver.compression?") {
		t.Errorf("the log says %s", line)
	}
	p.await(t, "the old one stays in force", 1)
	more(toSecond)

	v.swap(configuration(first, ""))
	send(t, p, syscall.SIGHUP)
	p.await(t, `"configuration reloaded"`, 2)
	more(toFirst)

	sent := stop()
	var seen string
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		l := status(t, admin).Lanes[0]
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		seen = fmt.Sprintf("%d sent, %d arrived; %+v, kernel drops %d", sent, toFirst.Load()+toSecond.Load(), l.Account, l.KernelDrops)
		if l.Accepted+l.KernelDrops == uint64(sent) && l.Delivered == l.Accepted && toFirst.Load()+toSecond.Load() == int64(l.Delivered) {
			break
		}
		if time.Now().After(end) {
			t.Fatal(seen)
		}
	}
	send(t, p, syscall.SIGTERM)
	if code := p.end(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.text())
	}
}
