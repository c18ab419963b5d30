package jaegerthrift

import (
	"fmt"
	"testing"

	"github.com/wayside-tracing/wayside/wire/thrift"
)

// benchBatch is 20 spans with ten tags and one log each, like those of a web
// service that jaeger-client-go instruments: 410 bytes a span in compact.
func benchBatch() *Batch {
	b := &Batch{
		Process: Process{ServiceName: "checkout-service", Tags: []Tag{
			{Key: "jaeger.version", Str: "Go-2.30.0"},
			{Key: "hostname", Str: "checkout-6c5f7d8b9-x2v4q"},
			{Key: "ip", Str: "10.42.3.17"},
			{Key: "client-uuid", Str: "5d1c3e2f7a90b846"},
		}},
		SeqNo: new(int64(17)),
		Stats: &ClientStats{},
	}
	for i := range uint64(20) {
		b.Spans = append(b.Spans, Span{
			TraceIDLow: 0x1234567890abcdef ^ i*0x9e3779b97f4a7c15, TraceIDHigh: 0x0fedcba987654321,
			SpanID: 0x1112131415161718 + i<<32, ParentSpanID: 0x2122232425262728,
			OperationName: "HTTP GET /api/checkout", Flags: 1,
			StartTime: 1_700_000_000_000_000 + int64(i)*1713, Duration: 12_345 + int64(i),
			Tags: []Tag{
				{Key: "span.kind", Str: "server"},
				{Key: "http.method", Str: "GET"},
				{Key: "http.url", Str: fmt.Sprintf("http://shop.local/v1/cart/%d/items", i)},
				{Key: "http.status_code", Type: TagLong, Long: 200},
				{Key: "component", Str: "net/http"},
				{Key: "peer.ipv4", Str: "10.42.7.211"},
				{Key: "peer.port", Type: TagLong, Long: 41234},
				{Key: "cache.hit", Type: TagBool, Bool: true},
				{Key: "db.rows_ratio", Type: TagDouble, Double: 0.75},
				{Key: "user.id", Str: "u-000000004711"},
			},
			Logs: []Log{{Timestamp: 1_700_000_000_000_500, Fields: []Tag{
				{Key: "event", Str: "cart loaded"},
				{Key: "message", Str: "from the cache"},
			}}},
		})
	}
	return b
}

func BenchmarkTranscode(b *testing.B) {
	for _, e := range []thrift.Encoding{thrift.Compact, thrift.Binary} {
		b.Run(e.String(), func(b *testing.B) {
			batch := benchBatch()
			packet := AppendEmitBatch(nil, e, thrift.Oneway, 1, batch)
			var t Transcoder
			b.ReportAllocs()
			b.SetBytes(int64(len(packet)))
			for b.Loop() {
				if _, err := t.Packet(packet); err != nil {
					b.Fatal(err)
				}
			}
			n := float64(len(batch.Spans))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/span")
			b.ReportMetric(float64(len(packet))/n, "B/span")
		})
	}
}
