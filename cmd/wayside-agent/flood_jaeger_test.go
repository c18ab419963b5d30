package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// posted is a PostSpansRequest of so many spans, each with so many empty tags: two
// bytes of protobuf that are eight in OTLP.
func posted(spans, tags int) []byte {
	var b otlp.Builder
	batch := b.Open(1, 0)
	for i := range spans {
		m := b.Open(1, 0)
		b.TraceID(1, 0, 7)
		b.SpanID(2, uint64(i+1))
		b.Raw(bytes.Repeat([]byte{8<<3 | 2, 0}, tags))
		b.Close(m)
	}
	b.Close(batch)
	return b.Bytes()
}

// batchOf is a batch of Thrift over HTTP, of so many spans with a name of so many bytes.
func batchOf(spans, name int) []byte {
	b := &jaegerthrift.Batch{Process: jaegerthrift.Process{ServiceName: "shop"}}
	for i := range spans {
		b.Spans = append(b.Spans, jaegerthrift.Span{TraceIDLow: 7, SpanID: uint64(i + 1), OperationName: strings.Repeat("n", name)})
	}
	p := jaegerthrift.AppendEmitBatch(nil, thrift.Binary, thrift.Call, 1, b)
	const head = 4 + 4 + len("emitBatch") + 4 + 3
	return p[head : len(p)-1]
}

// As for OTLP: sixteen clients that send the largest Jaeger requests at once, of
// what grows most when it is transcoded, and nonsense between them. Memory stays
// within the bound, and the account adds up.
func TestFloodOfJaegerRequests(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, strings.Replace(running, "compact: ", `grpc: "127.0.0.1:0", http: "127.0.0.1:0", compact: `, 1)+"drain_timeout: 100ms\n")
	p := start(t, "--config", file)
	ready := p.await(t, `"msg":"ready"`, 1)
	address := func(of string) string {
		return regexp.MustCompile(of + ` (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
	}
	overGRPC, overHTTP := address("jaeger.grpc"), address("jaeger.http")
	before := memory(t, p)

	var answers [2]atomic.Uint64 // taken, refused
	exchange := func(transport *http.Transport, url, contentType string, body []byte) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("Content-Type", contentType)
		res, err := transport.RoundTrip(r)
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			answers[1].Add(1) // over HTTP/1, who still writes when it is refused may not see why
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		status := res.Header.Get("Grpc-Status") + res.Trailer.Get("Grpc-Status")
		if res.StatusCode == http.StatusAccepted || status == "0" {
			answers[0].Add(1)
		} else {
			answers[1].Add(1)
		}
	}
	proto := [][]byte{
		posted(1, 2_000_000), posted(100, 20_000), posted(100_000, 1), posted(10, 10), []byte("nonsense"), make([]byte, 1000),
	}
	thrifts := [][]byte{batchOf(1000, 4000), batchOf(40_000, 1), batchOf(10, 10), []byte("nonsense"), bytes.Repeat([]byte{0x0c}, 4<<20)}
	const clients, rounds = 16, 20
	post := func(transport *http.Transport, body []byte) {
		exchange(transport, "http://"+overGRPC+"/jaeger.api_v2.CollectorService/PostSpans", grpc.ContentType,
			append(grpc.AppendPrefix(nil, false, len(body)), body...))
	}
	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	first := &http.Transport{Protocols: &prior}
	post(first, proto[0]) // alone: there is room for it
	first.CloseIdleConnections()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			transport := new(http.Transport)
			if i%2 == 0 {
				transport.Protocols = &prior
			}
			defer transport.CloseIdleConnections()
			for n := range rounds {
				if i%2 == 0 {
					post(transport, proto[(i/2+n)%len(proto)])
				} else {
					exchange(transport, "http://"+overHTTP+"/api/traces", "application/x-thrift", thrifts[(i/2+n)%len(thrifts)])
				}
			}
		})
	}
	wg.Wait()
	lane := status(t, address("admin")).Lanes[0]
	if err := lane.Check(); err != nil {
		t.Error(err)
	}
	refused := uint64(0)
	for _, n := range lane.Refused {
		refused += n
	}
	if taken := answers[0].Load(); refused != answers[1].Load() || taken == 0 || taken+refused != clients*rounds+1 || lane.Refused[ledger.Malformed] == 0 {
		t.Errorf("%d taken, %d refused, of %d; %+v", taken, answers[1].Load(), clients*rounds+1, lane.Refused)
	}
	if lane.Accepted == 0 || lane.Dropped[ledger.TooBig] == 0 {
		t.Errorf("%+v", lane.Account)
	}
	limit := int64(28 << 20) // as for OTLP
	if raceDetector() {
		limit *= 4
	}
	grown := memory(t, p) - before
	t.Logf("memory has grown by %.1f MB; refused %v, dropped %v", float64(grown)/1e6, lane.Refused, lane.Dropped)
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
