package accept

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/agent/accept/h2"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// benchClient names, in the environment, what BenchmarkGRPC's client sends:
// address, spans a request, requests.
const benchClient = "WAYSIDE_BENCH_CLIENT"

// BenchmarkGRPC is the CPU time of this process, for OTLP over gRPC that
// another process sends, one call after the other: with our HTTP/2, and with
// net/http's. ns/op and what it allocates include nothing of the client.
//
//	go test -run '^$' -bench GRPC -benchtime 5000x ./agent/accept
func BenchmarkGRPC(b *testing.B) {
	for _, spans := range []int{20, 100, 400} {
		for _, server := range []string{"ours", "nethttp"} {
			b.Run(fmt.Sprintf("spans=%d/%s", spans, server), func(b *testing.B) { benchmarkGRPC(b, spans, server == "ours") })
		}
	}
}

func benchmarkGRPC(b *testing.B, spans int, ours bool) {
	o := NewServer(func(Origin) Lane { return countingLane{} }, nil, slog.New(slog.DiscardHandler))
	l, err := o.Listen("127.0.0.1:0", "otlp.grpc")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	if ours {
		go func() { done <- l.Run(ctx) }()
	} else {
		go func() { done <- l.runNetHTTP(ctx) }()
	}
	client := func(requests int) {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", benchClient, l.Address(), spans, requests))
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	client(100)
	b.ReportAllocs()
	before := cpuTime()
	b.ResetTimer()
	client(b.N)
	b.StopTimer()
	used := cpuTime() - before
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*spans), "cpu-ns/span")
	if got, want := l.Status().Spans, uint64((b.N+100)*spans); got != want {
		b.Errorf("%d spans came, %d were sent", got, want)
	}
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}

// runNetHTTP is Run with net/http's HTTP/2.
func (l *Listener) runNetHTTP(ctx context.Context) error {
	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	s := &http.Server{
		Protocols: &prior, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout,
		HTTP2:   &http.HTTP2Config{MaxReceiveBufferPerConnection: 64 << 10, MaxReceiveBufferPerStream: 64 << 10},
		Handler: http.HandlerFunc(l.serveNetHTTP),
	}
	context.AfterFunc(ctx, func() { s.Close() })
	if err := s.Serve(l.listener); ctx.Err() == nil {
		return err
	}
	return nil
}

func (l *Listener) serveNetHTTP(w http.ResponseWriter, r *http.Request) {
	req := h2.Request{Method: r.Method, Path: r.RequestURI, ContentLength: r.ContentLength}
	for name, values := range r.Header {
		req.Header = append(req.Header, hpack.HeaderField{Name: strings.ToLower(name), Value: values[0]})
	}
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	c := l.begin(&req, sender{address: peer}, true)
	buf := make([]byte, 16<<10)
	for more := true; more; {
		n, err := r.Body.Read(buf)
		more = c.Data(buf[:n]) && err == nil
	}
	reply := c.End(nil)
	for _, f := range reply.Header {
		w.Header().Set(f.Name, f.Value)
	}
	w.Header()["Date"] = nil
	_, _ = w.Write(reply.Body)
	for _, f := range reply.Trailer {
		w.Header().Set(http.TrailerPrefix+f.Name, f.Value)
	}
}

// TestMain is also BenchmarkGRPC's client, in a process of its own.
func TestMain(m *testing.M) {
	what := strings.Fields(os.Getenv(benchClient))
	if len(what) == 0 {
		os.Exit(m.Run())
	}
	if err := sendMany(what); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// sendMany makes calls, one after the other.
func sendMany(what []string) error {
	var address string
	var spans, requests int
	if _, err := fmt.Sscan(strings.Join(what, " "), &address, &spans, &requests); err != nil {
		return err
	}
	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &prior}
	defer transport.CloseIdleConnections()
	body := framed(false, request(spans, 350)) // 410 bytes a span, about
	for range requests {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+address+grpc.TracePath, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", grpc.ContentType)
		r.Header.Set("Te", "trailers")
		res, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if got := res.Trailer.Get("Grpc-Status"); got != "0" {
			return fmt.Errorf("grpc-status %s", got)
		}
	}
	return nil
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// countingLane takes everything, and keeps nothing.
type countingLane struct{}

func (countingLane) Datagram([]byte, int, ledger.LeftOut) {}
func (countingLane) Answered([]byte, int) error           { return nil }
func (countingLane) AnsweredAll(_ int, cut func(func([]byte, int) error) error) error {
	return cut(func([]byte, int) error { return nil })
}
func (countingLane) LeftOut(ledger.LeftOut)       {}
func (countingLane) Waits() bool                  { return false }
func (countingLane) Refuse(ledger.RefuseReason)   {}
func (countingLane) Report(ledger.ClientReported) {}
func (countingLane) KernelDropped(uint64)         {}
