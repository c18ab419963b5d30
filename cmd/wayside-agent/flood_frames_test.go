package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// Peers that reset what they begin, that ask without end and read no answer,
// that never end their headers, or begin all the calls they may and go no
// further: a good sender beside them is served each time, memory stays within a
// bound, and the account adds up.
func TestFloodOfFrames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, running+"drain_timeout: 100ms\n")
	p := start(t, "--config", file)
	ready := p.await(t, `"msg":"ready"`, 1)
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
	address := regexp.MustCompile(`otlp.grpc (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]

	const goodSpans = 10
	good := append(grpc.AppendPrefix(nil, false, 0), otlpSpans(goodSpans, 20)...)
	good = append(grpc.AppendPrefix(nil, false, len(good)-grpc.PrefixLen), good[grpc.PrefixLen:]...)
	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &prior}
	defer transport.CloseIdleConnections()
	sent := uint64(0)
	send := func() {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+grpc.TracePath, bytes.NewReader(good))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", grpc.ContentType)
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		if got := res.Header.Get("Grpc-Status") + res.Trailer.Get("Grpc-Status"); got != "0" {
			t.Errorf("the good sender is answered %q", got)
		}
		sent += goodSpans
	}
	send()
	before := memory(t, p)

	// POST, http, / by their places in HPACK's static table; another path in letters.
	root, traces := []byte{0x83, 0x86, 0x84}, append([]byte{0x83, 0x86, 0x04, byte(len(grpc.TracePath))}, grpc.TracePath...)
	traces = append(traces, "\x0f\x10\x10application/grpc"...)
	headers := func(w *http2.Framer, id uint32, block []byte, end bool) error {
		return w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: end})
	}
	kinds := map[string]func(w *http2.Framer, n uint32) error{
		"resets": func(w *http2.Framer, n uint32) error {
			_ = headers(w, 2*n+1, traces, false)
			return w.WriteRSTStream(2*n+1, http2.ErrCodeCancel)
		},
		"pings":     func(w *http2.Framer, _ uint32) error { return w.WritePing(false, [8]byte{}) },
		"settings":  func(w *http2.Framer, _ uint32) error { return w.WriteSettings() },
		"questions": func(w *http2.Framer, n uint32) error { return headers(w, 2*n+1, root, true) },
		"half requests": func(w *http2.Framer, n uint32) error {
			_ = headers(w, 2*n+1, traces, false)
			return w.WriteData(2*n+1, false, good[:20])
		},
		"headers": func(w *http2.Framer, n uint32) error {
			if n == 0 {
				return w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: root})
			}
			return w.WriteContinuation(1, false, []byte("\x00\x01a\x01b"))
		},
	}
	const each = 10 // of a kind, at once
	var open atomic.Int64
	var wg sync.WaitGroup
	for name, frames := range kinds {
		peers := each
		if name == "half requests" {
			peers = 3 // of 64 each: with more than 256 under way, everybody is told to come again
		}
		for range peers {
			open.Add(1)
			wg.Go(func() {
				defer open.Add(-1)
				nc, err := net.Dial("tcp", address)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				defer nc.Close()
				// Who is blocked does no harm any more.
				_ = nc.SetWriteDeadline(time.Now().Add(3 * time.Second))
				w := http2.NewFramer(nc, nil)
				_, _ = fmt.Fprint(nc, http2.ClientPreface)
				_ = w.WriteSettings()
				for n := range uint32(1 << 20) {
					if frames(w, n) != nil {
						return
					}
				}
				t.Errorf("%s: all was taken", name)
			})
		}
	}
	most := int64(0)
	for open.Load() > 0 {
		send()
		most = max(most, memory(t, p))
	}
	wg.Wait()
	send()
	lane := status(t, admin).Lanes[0]
	if err := lane.Check(); err != nil {
		t.Error(err)
	}
	if lane.Accepted != sent {
		t.Errorf("%d spans were sent well, and %d accepted", sent, lane.Accepted)
	}
	limit := int64(20 << 20) // what is being received, 53 connections, and garbage between two collections
	if raceDetector() {
		limit *= 4 // it keeps a record of each word
	}
	t.Logf("memory has grown by %.1f MB; %d good requests; refused %v", float64(most-before)/1e6, sent/goodSpans, lane.Refused)
	if most-before > limit {
		t.Errorf("memory has grown by %d bytes", most-before)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.end(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.text())
	}
}
