package agent

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// What comes as a Jaeger collector takes it, and in datagrams on a Unix socket,
// arrives; what is wrong with a span is counted.
func TestJaegerArrives(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	c := startCollector(t)
	r := run(t, c.address, strings.ReplaceAll(
		`accept: {jaeger: {compact: ["127.0.0.1:0", "unix:SOCKET"], binary: "", grpc: "127.0.0.1:0", http: "127.0.0.1:0"}}`, "SOCKET", socket))

	var b otlp.Builder // PostSpansRequest { Batch { Span…, Process } }
	batch := b.Open(1, 0)
	for i := range 5 {
		m := b.Open(1, 0)
		b.TraceID(1, 0, 7)
		b.SpanID(2, uint64(i)) // the first is impossible
		b.TextString(3, "grpc")
		b.Close(m)
	}
	b.Close(batch)
	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &prior}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		"http://"+r.listener("jaeger.grpc")+"/jaeger.api_v2.CollectorService/PostSpans",
		bytes.NewReader(append(grpc.AppendPrefix(nil, false, b.Len()), b.Bytes()...)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", grpc.ContentType)
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if got := res.Trailer.Get("Grpc-Status"); got != "0" {
		t.Errorf("grpc-status %s %s", got, res.Header)
	}

	spans := func(name string, n int) *jaegerthrift.Batch {
		b := &jaegerthrift.Batch{Process: jaegerthrift.Process{ServiceName: "shop"}}
		for i := range n {
			b.Spans = append(b.Spans, jaegerthrift.Span{TraceIDLow: 7, SpanID: uint64(i + 1), OperationName: name})
		}
		return b
	}
	packet := jaegerthrift.AppendEmitBatch(nil, thrift.Binary, thrift.Call, 1, spans("http", 3))
	const head = 4 + 4 + len("emitBatch") + 4 + 3
	res, err = http.Post("http://"+r.listener("jaeger.http")+"/api/traces?format=jaeger.thrift", "application/x-thrift", bytes.NewReader(packet[head:]))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Errorf("HTTP %d", res.StatusCode)
	}

	conn, err := net.Dial("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 1, spans("unix", 2))); err != nil {
		t.Fatal(err)
	}
	r.until("delivered", func(l ledger.Lane) bool {
		return l.Delivered == 9 && l.Accepted == 10 && l.Buffered == 0 && l.Dropped[ledger.Invalid] == 1
	})
	for operation, n := range map[string]int{"grpc": 4, "http": 3, "unix": 2} {
		if got := c.count(operation); got != n {
			t.Errorf("%d spans of %s arrived", got, operation)
		}
	}
}
