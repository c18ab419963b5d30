package agent

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// request is OTLP with so many spans of an operation.
func request(operation string, spans int) []byte {
	var b otlp.Builder
	rs := b.Open(otlp.RequestResourceSpans, 0)
	ss := b.Open(otlp.ResourceSpansScopeSpans, 0)
	for i := range spans {
		m := b.Open(otlp.ScopeSpansSpans, 0)
		b.Blob(otlp.SpanTraceID, []byte("0123456789abcdef"))
		b.Blob(otlp.SpanSpanID, fmt.Appendf(nil, "%08d", i+1))
		b.TextString(otlp.SpanName, operation)
		b.Close(m)
	}
	b.Close(ss)
	b.Close(rs)
	return b.Bytes()
}

// listener is the address of a source, such as otlp.http.
func (r *running) listener(source string) string {
	r.t.Helper()
	for _, l := range r.Status().Listeners {
		if l.Source == source {
			return l.Address
		}
	}
	r.t.Fatalf("nothing listens for %s", source)
	return ""
}

// post sends OTLP over HTTP, and returns the status of the answer.
func (r *running) post(body []byte) int {
	r.t.Helper()
	res, err := http.Post("http://"+r.listener("otlp.http")+"/v1/traces", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// call sends OTLP over gRPC, and returns the grpc-status of the answer.
func (r *running) call(body []byte) string {
	r.t.Helper()
	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &prior}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.listener("otlp.grpc")+grpc.TracePath,
		bytes.NewReader(append(grpc.AppendPrefix(nil, false, len(body)), body...)))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", grpc.ContentType)
	res, err := transport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.Header.Get("Grpc-Status") + res.Trailer.Get("Grpc-Status")
}

func TestOTLPArrives(t *testing.T) {
	c := startCollector(t)
	r := run(t, c.address, "")
	if got := r.call(request("grpc", 20)); got != "0" {
		t.Errorf("grpc-status %s", got)
	}
	if got := r.post(request("http", 30)); got != http.StatusOK {
		t.Errorf("HTTP %d", got)
	}
	r.send("udp", 5)
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 55 && l.Accepted == 55 && l.Buffered == 0 })
	for operation, n := range map[string]int{"grpc": 20, "http": 30, "udp": 5} {
		if got := c.count(operation); got != n {
			t.Errorf("%d spans of %s arrived", got, operation)
		}
	}
}

// A sender that was told yes loses nothing to datagrams, and one for whom there
// is no room is told so.
func TestFullBufferIsAnswered(t *testing.T) {
	r := run(t, "127.0.0.1:1", "buffer: {memory: 2MiB}\ndrain_timeout: 0s")
	const spans = 4000 // some 200 kB
	taken := 0
	for range 50 {
		status := r.post(request("op", spans))
		if status == http.StatusTooManyRequests {
			break
		}
		if status != http.StatusOK {
			t.Fatalf("HTTP %d", status)
		}
		taken += spans
	}
	l := r.check()
	if taken == 0 || l.Accepted != uint64(taken) || l.Buffered != uint64(taken) || l.Refused != (ledger.Refusals{ledger.QueueFull: 1}) {
		t.Errorf("%d spans taken: %+v", taken, l)
	}
	if got := r.call(request("op", spans)); got != "8" {
		t.Errorf("grpc-status %s", got)
	}
	if got := r.post(request("op", 40_000)); got != http.StatusRequestEntityTooLarge { // 1.2 MB: more than half of 2 MiB
		t.Errorf("what can never fit: HTTP %d", got)
	}
	for range 100 {
		r.send("udp", 100)
	}
	r.until("counted", func(l ledger.Lane) bool { return l.Accepted > uint64(taken) })
	if l := r.check(); l.Dropped[ledger.Rejected] != 0 || l.Buffered < uint64(taken) {
		t.Errorf("%+v", l)
	}
}

// What was answered just before the end is delivered.
func TestStopDeliversWhatWasAnswered(t *testing.T) {
	c := startCollector(t)
	r := run(t, c.address, "")
	if got := r.post(request("last", 100)); got != http.StatusOK {
		t.Fatalf("HTTP %d", got)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if l := r.check(); l.Accepted != 100 || l.Delivered != 100 || c.count("last") != 100 {
		t.Errorf("%+v", l)
	}
}

func TestReloadOfOTLP(t *testing.T) {
	c := startCollector(t)
	r := run(t, c.address, "")
	r.until("ready", func(ledger.Lane) bool { return r.Status().Ready })
	before := r.listener("otlp.grpc")
	path := filepath.Join(t.TempDir(), "s")
	const jaeger = "accept: {jaeger: {compact: 127.0.0.1:0, binary: 127.0.0.1:0}, otlp: {grpc: 127.0.0.1:0, "
	if _, err := r.Reload(r.configure(c.address, jaeger+"http: 'unix:"+path+"', cors: ['*']}}")); err != nil {
		t.Fatal(err)
	}
	if got := r.listener("otlp.grpc"); got != before {
		t.Errorf("the listener that stays was at %s and is at %s", before, got)
	}
	if got := r.listener("otlp.http"); got != "unix:"+path {
		t.Errorf("%s", got)
	}
	if got := r.call(request("after", 3)); got != "0" {
		t.Errorf("grpc-status %s", got)
	}
	gone := r.configure(c.address, jaeger+"http: ''}}")
	gone.Accept.TLS.Cert, gone.Accept.TLS.Key = "/nowhere/c", "/nowhere/k" // they went after they were checked
	_, err := r.Reload(gone)
	if err == nil || !strings.Contains(err.Error(), "accept.tls.cert /nowhere/c") {
		t.Errorf("%v", err)
	}
	if got := r.call(request("after", 3)); got != "0" || r.Status().Listeners[0].TLS {
		t.Errorf("a reload that failed has changed something: grpc-status %s", got)
	}
	if _, err := r.Reload(r.configure(c.address, jaeger+"http: ''}}")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket of a listener that is closed is still there")
	}
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 6 })
}
