package deliver

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// startServer starts an HTTP/2 server without TLS on loopback and returns its
// address.
func startServer(t testing.TB, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handle)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// export sends one request of 30 spans by gRPC.
func export(t testing.TB, opt TransportOptions, address string) Answer {
	t.Helper()
	g := NewGRPC(opt)
	defer g.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return g.Export(ctx, Target{Endpoint: address}, [][]byte{frame(0, 10), frame(10, 30)})
}

// success answers as a server that took everything.
func success(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	reply(w, grpc.PartialSuccess{})
}

func reply(w http.ResponseWriter, p grpc.PartialSuccess) {
	msg := grpc.AppendTraceResponse(nil, p)
	w.Header().Set("Content-Type", grpc.ContentType)
	_, _ = w.Write(append(grpc.AppendPrefix(nil, false, len(msg)), msg...))
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
}

// fail answers with a status in the only headers that there are.
func fail(w http.ResponseWriter, s grpc.Status) {
	w.Header().Set("Content-Type", grpc.ContentType)
	w.Header().Set("Grpc-Status", strconv.Itoa(int(s.Code)))
	w.Header().Set("Grpc-Message", grpc.EncodeMessage(s.Message))
	if d := s.Details(); d != "" {
		w.Header().Set("Grpc-Status-Details-Bin", d)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	for name, opt := range map[string]TransportOptions{
		"plain": {UserAgent: "wayside-agent/1.2"},
		"gzip":  {UserAgent: "wayside-agent/1.2", Compression: Gzip},
	} {
		t.Run(name, func(t *testing.T) {
			address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
				defer success(w, r)
				for key, want := range map[string]string{
					"Content-Type": "application/grpc", "Te": "trailers", "User-Agent": "wayside-agent/1.2",
					"Grpc-Encoding": string(opt.Compression),
				} {
					if got := r.Header.Get(key); got != want {
						t.Errorf("%s is %q, want %q", key, got, want)
					}
				}
				if d, err := grpc.ParseTimeout(r.Header.Get("Grpc-Timeout")); err != nil || d > 5*time.Second || d < 4*time.Second {
					t.Errorf("grpc-timeout %v, %v", d, err)
				}
				if r.Method != "POST" || r.URL.Path != "/opentelemetry.proto.collector.trace.v1.TraceService/Export" {
					t.Errorf("%s %s", r.Method, r.URL.Path)
				}
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				msg, compressed, err := grpc.ReadMessage(body)
				if err != nil || compressed != (opt.Compression == Gzip) {
					t.Errorf("message: compressed %v, %v", compressed, err)
				}
				if compressed {
					z, err := gzip.NewReader(bytes.NewReader(msg))
					if err != nil {
						t.Fatal(err)
					}
					if msg, err = io.ReadAll(z); err != nil {
						t.Error(err)
					}
				}
				if want := append(frame(0, 10), frame(10, 30)...); !bytes.Equal(msg, want) {
					t.Errorf("the message is not the chunks put end to end")
				}
			})
			if a := export(t, opt, address); a.Verdict != Taken || a.Err != nil {
				t.Errorf("%+v", a)
			}
		})
	}
}

// The same compressor makes one good member after another, of any size.
func TestGzipIsReused(t *testing.T) {
	c := newCompressor(Gzip)
	for _, n := range []int{1000, 0, 1, 5000, 30} {
		want := frame(0, n)
		out := c.compress([][]byte{want[:len(want)/3], want[len(want)/3:]})
		z, err := gzip.NewReader(out)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d spans: %d bytes, want %d; %v", n, len(got), len(want), err)
		}
		c.release(out)
	}
}

// An answer that comes before the request is read, and a large request, do not
// make the transport use chunks that it has given back.
func TestEarlyAnswer(t *testing.T) {
	address := startServer(t, func(w http.ResponseWriter, _ *http.Request) {
		fail(w, grpc.Status{Code: grpc.Unavailable, Message: "go away"})
	})
	g := NewGRPC(TransportOptions{})
	defer g.Close()
	for range 50 {
		chunk := make([]byte, 1<<20)
		a := g.Export(t.Context(), Target{Endpoint: address}, [][]byte{chunk})
		if a.Verdict != Later {
			t.Fatalf("%+v", a)
		}
		for i := range chunk {
			chunk[i] = 1 // the race detector sees who reads it
		}
	}
}

func TestConnectionTrouble(t *testing.T) {
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	closing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closing.Close()
	go func() {
		for {
			c, err := closing.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, address := range map[string]string{
		"nobody listens":            refusing.Addr().String(),
		"closes at once":            closing.Addr().String(),
		"no such name":              "no-such-host.invalid:4317",
		"resets the call":           startServer(t, abort),
		"resets it after a message": startServer(t, func(w http.ResponseWriter, r *http.Request) { success(w, r); w.(http.Flusher).Flush(); abort(w, r) }),
		"speaks HTTP/1": func() string {
			s := httptest.NewServer(http.HandlerFunc(success))
			t.Cleanup(s.Close)
			return s.Listener.Addr().String()
		}(),
		"answers without end": startServer(t, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 1<<10))
			}
		}),
	} {
		if a := export(t, TransportOptions{}, address); a.Verdict != Later || a.Err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestSlowServer(t *testing.T) {
	done := make(chan struct{})
	address := startServer(t, func(http.ResponseWriter, *http.Request) { <-done })
	defer close(done)
	g := NewGRPC(TransportOptions{})
	defer g.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	a := g.Export(ctx, Target{Endpoint: address}, [][]byte{frame(0, 5)}) // returns, although the server doesn't answer
	if a.Verdict != Later || a.Err == nil || !strings.Contains(a.Err.Error(), "in time") {
		t.Errorf("%+v", a)
	}
}

// A Deliverer on the real transport, with a server that fails now and then.
func TestDeliversOverLoopback(t *testing.T) {
	fake := newFake(t, nil)
	calls := 0
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		fake.mu.Lock()
		defer fake.mu.Unlock()
		if calls++; calls%3 == 0 {
			fail(w, grpc.Status{Code: grpc.Unavailable, Message: "busy"})
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		msg, _, err := grpc.ReadMessage(body)
		if err != nil {
			t.Error(err)
		}
		for _, n := range spanNumbers(t, [][]byte{msg}) {
			fake.taken[n]++
		}
		reply(w, grpc.PartialSuccess{})
	})
	g := NewGRPC(TransportOptions{})
	defer g.Close()
	r := startOn(t, g, fake, address)
	for range 10 {
		r.send(500)
	}
	if dropped := r.finish(t); dropped.Sum() != 0 || len(fake.taken) != 5000 {
		t.Errorf("dropped %v, taken %d", dropped, len(fake.taken))
	}
}
