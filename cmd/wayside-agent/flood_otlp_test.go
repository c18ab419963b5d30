package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// otlpSpans is a request of so many spans, each with a name of so many bytes.
func otlpSpans(spans, name int) []byte {
	var b otlp.Builder
	rs := b.Open(otlp.RequestResourceSpans, 0)
	ss := b.Open(otlp.ResourceSpansScopeSpans, 0)
	for i := range spans {
		m := b.Open(otlp.ScopeSpansSpans, 0)
		b.Blob(otlp.SpanTraceID, []byte("0123456789abcdef"))
		b.Blob(otlp.SpanSpanID, fmt.Appendf(nil, "%08d", i+1))
		b.TextString(otlp.SpanName, strings.Repeat("n", name))
		b.Close(m)
	}
	b.Close(ss)
	b.Close(rs)
	return b.Bytes()
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// Sixteen clients that send 4 MiB at once again and again, gzip bombs, nonsense,
// and peers that begin and do not go on: memory stays within the bound, each is
// told what is wrong and counted, and a good sender beside them is served.
func TestFloodOfRequests(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, running+"drain_timeout: 100ms\n")
	p := start(t, "--config", file)
	ready := p.await(t, `"msg":"ready"`, 1)
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
	address := regexp.MustCompile(`otlp.grpc (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
	before := memory(t, p)

	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	client := func() *http.Transport { return &http.Transport{Protocols: &prior} }
	var answers [17]atomic.Uint64 // by grpc-status
	call := func(transport *http.Transport, body []byte, encoding string) (code grpc.Code) {
		compressed := encoding != ""
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+grpc.TracePath,
			bytes.NewReader(append(grpc.AppendPrefix(nil, compressed, len(body)), body...)))
		if err != nil {
			t.Error(err)
			return grpc.Unknown
		}
		r.Header.Set("Content-Type", grpc.ContentType)
		if compressed {
			r.Header.Set("Grpc-Encoding", encoding)
		}
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return grpc.Unknown
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		code = grpc.ParseCode(res.Header.Get("Grpc-Status") + res.Trailer.Get("Grpc-Status"))
		answers[code].Add(1)
		return code
	}

	// Peers that begin and do not go on. A third of them begin a request.
	const idlers = 100
	for i := range idlers {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		switch i % 3 {
		case 1:
			fmt.Fprint(c, "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 4000000\r\n\r\nabc")
		case 2:
			fmt.Fprint(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		}
	}

	const rounds, goodSpans = 30, 10
	large, small := otlpSpans(1000, 4000), otlpSpans(goodSpans, 20)
	bomb := gzipped(make([]byte, 100<<20))
	bad := bytes.Replace(small, []byte("00000003"), make([]byte, 8), 1)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			transport := client()
			defer transport.CloseIdleConnections()
			for n := range rounds {
				switch {
				case i < 2 && n%2 == 0:
					call(transport, bomb, "gzip")
				case i < 4 && n%2 == 0:
					call(transport, bad, "")
				default:
					call(transport, large, "")
				}
			}
		})
	}
	served, tried := 0, 0
	transport := client()
	defer transport.CloseIdleConnections()
	flood := make(chan struct{})
	go func() { wg.Wait(); close(flood) }()
	for running := true; running; time.Sleep(5 * time.Millisecond) {
		tried++
		if call(transport, small, "") == grpc.OK {
			served++
		}
		select {
		case <-flood:
			running = false
		default:
		}
	}

	lane := status(t, admin).Lanes[0]
	if err := lane.Check(); err != nil {
		t.Error(err)
	}
	sum := func(reasons ...ledger.RefuseReason) (n uint64) {
		for _, r := range reasons {
			n += lane.Refused[r]
		}
		return n
	}
	if got, want := sum(ledger.QueueFull, ledger.Overloaded, ledger.RequestTooBig), answers[grpc.ResourceExhausted].Load(); got != want {
		t.Errorf("%d refused for want of room, %d were told so: %v", got, want, lane.Refused)
	}
	// On a slow machine a request may be given up before all of it has come, and
	// those that nobody goes on with are, meanwhile.
	bads, late, got := answers[grpc.InvalidArgument].Load(), answers[grpc.DeadlineExceeded].Load(), sum(ledger.Malformed)
	if bads > rounds || bads+late < rounds || got < bads+late || got > bads+late+idlers/3 {
		t.Errorf("%d malformed, %d were told so and %d that they are late; %d were sent", got, bads, late, rounds)
	}
	if got := answers[grpc.OK].Load(); got == 0 || lane.Accepted < got*goodSpans {
		t.Errorf("%d requests were told yes, %d spans accepted", got, lane.Accepted)
	}
	// The buffer fills, as no collector is there; it, not the flood, is what
	// the good sender may be refused for.
	if served == 0 {
		t.Errorf("of %d good requests none was taken: %v", tried, lane.Refused)
	}
	// The buffer of 8 MiB, what is being received, connections, and garbage
	// between two collections.
	limit := int64(28 << 20)
	if raceDetector() {
		limit *= 4 // it keeps a record of each word
	}
	grown := memory(t, p) - before
	t.Logf("memory has grown by %.1f MB; %d of %d good requests taken; refused %v", float64(grown)/1e6, served, tried, lane.Refused)
	if grown > limit {
		t.Errorf("memory has grown by %d bytes", grown)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.end(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.text())
	}
}
