package load

import (
	"fmt"
	"strings"
	"time"
)

// batch writes the first two fields of a Batch (jaeger.thrift), which is open. The
// filling is spread over the spans.
func (w *writer) batch(client int, uuid string, spans int, now time.Time, filling string) (at []spanAt) {
	w.field(1, typeStruct)
	w.process(client, uuid)
	w.list(2, spans)
	for i := range spans {
		from, to := len(filling)*i/spans, len(filling)*(i+1)/spans
		at = append(at, w.span(i, now, filling[from:to]))
	}
	return at
}

func (w *writer) process(client int, uuid string) {
	w.open()
	w.string(1, service(client))
	w.list(2, 4)
	w.text("jaeger.version", "Go-2.30.0")
	w.text("hostname", fmt.Sprintf("shop-7d9c6b5f4-%05d", client))
	w.text("ip", fmt.Sprintf("10.42.0.%03d", 100+client))
	w.text("client-uuid", uuid)
	w.close()
}

func (w *writer) span(i int, now time.Time, filling string) (at spanAt) {
	start := now.UnixMicro() + int64(i)*300
	w.open()
	at.traceLow, at.traceHigh, at.id, at.parent = w.id(1), w.id(2), w.id(3), w.id(4)
	w.string(5, "GET /orders/{id}")
	w.i32(7, 1)
	w.i64(8, start)
	w.i64(9, 12_345)
	w.list(10, 10)
	w.text("span.kind", "server")
	w.text("component", "net/http")
	w.text("http.method", "GET")
	w.text("http.url", "/orders/8817?u="+filling)
	w.long("http.status_code", 200)
	w.text("http.route", "/orders/{id}")
	w.text("peer.service", "frontend")
	w.long("peer.port", 48_112)
	w.flag("cache.hit")
	w.double("queue.seconds", 0.00125)
	w.list(11, 1)
	w.open()
	w.i64(1, start+5_000)
	w.list(2, 2)
	w.text("event", "query")
	w.text("db.rows", "12 of 480 rows read")
	w.close()
	w.close()
	return at
}

// tag opens a Tag and writes key and vType (STRING 0, DOUBLE 1, BOOL 2, LONG 3).
func (w *writer) tag(key string, vType int32) {
	w.open()
	w.string(1, key)
	w.i32(2, vType)
}

func (w *writer) text(key, v string) { w.tag(key, 0); w.string(3, v); w.close() }

func (w *writer) double(key string, v float64) { w.tag(key, 1); w.float(4, v); w.close() }

func (w *writer) flag(key string) { w.tag(key, 2); w.yes(5); w.close() }

func (w *writer) long(key string, v int64) { w.tag(key, 3); w.i64(6, v); w.close() }

// newThrift writes the Batch as jaeger-client-go sends it over HTTP, in the binary
// protocol and without seqNo and stats (transport/http.go). Its spans are as long
// as those of packets.
func newThrift(client, spans int, now time.Time) *request {
	w := &writer{binary: true}
	w.open()
	all := w.batch(client, fmt.Sprintf("%016x", client), spans, now, strings.Repeat("x", 20*spans))
	w.close()
	first := all[0]
	r := &request{bytes: w.b, first: first.traceLow, count: spans}
	r.at = idsAt{high: first.traceHigh - r.first, low: 0, id: first.id - r.first, parent: first.parent - r.first}
	if spans > 1 {
		r.size = all[1].traceLow - r.first
	}
	return r
}
