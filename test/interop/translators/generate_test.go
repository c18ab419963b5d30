package translators

import (
	"math"
	"math/rand/v2"

	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
)

// generator makes batches of every shape that a Jaeger client could send, wise or not. The same seed makes the same batch.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 0))} }

// one says yes once in n times.
func (g generator) one(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g generator, of ...T) T { return of[g.IntN(len(of))] }

// some makes 0 to most things, none of them more often than not.
func some[T any](g generator, most int, make func() T) []T {
	if g.one(3) {
		return nil
	}
	list := []T{}
	for range g.IntN(most + 1) {
		list = append(list, make())
	}
	return list
}

func (g generator) batch() *jaeger.Batch {
	b := &jaeger.Batch{
		Process: &jaeger.Process{ServiceName: g.text(), Tags: some(g, 5, g.processTag)},
		Spans:   some(g, 6, g.span),
	}
	if g.one(2) {
		b.SeqNo = new(g.Int64N(1000))
		b.Stats = &jaeger.ClientStats{FullQueueDroppedSpans: g.Int64N(10), TooLargeDroppedSpans: g.Int64N(10)}
	}
	return b
}

func (g generator) processTag() *jaeger.Tag {
	switch g.IntN(8) {
	case 0:
		return g.tag("hostname")
	case 1:
		return g.tag("host.name")
	case 2:
		return g.tag("jaeger.version")
	case 3:
		return g.tag("opencensus.exporterversion")
	case 4:
		return g.tag("service.name")
	case 5:
		return g.tag("client-uuid")
	default:
		return g.tag(g.text())
	}
}

// Few ids, so that references meet spans of the same batch, of the same trace and of others.
func (g generator) id() int64 {
	if g.one(40) {
		return 0
	}
	return pick[int64](g, 1, 2, 3, 4, -1, math.MinInt64, math.MaxInt64)
}

func (g generator) traceHigh() int64 { return pick[int64](g, 0, 0, 0, 7, -7) }

func (g generator) span() *jaeger.Span {
	s := &jaeger.Span{
		TraceIdLow: g.id(), TraceIdHigh: g.traceHigh(), SpanId: g.id(),
		OperationName: g.text(),
		Flags:         pick(g, int32(0), 1, 2, 3, -1),
		StartTime:     g.time(), Duration: g.duration(),
		Tags: some(g, 8, g.spanTag),
		Logs: some(g, 3, g.log),
	}
	if g.one(2) {
		s.ParentSpanId = g.id()
	}
	s.References = some(g, 4, func() *jaeger.SpanRef {
		r := &jaeger.SpanRef{
			RefType:    pick(g, jaeger.SpanRefType_CHILD_OF, jaeger.SpanRefType_CHILD_OF, jaeger.SpanRefType_FOLLOWS_FROM),
			TraceIdLow: s.TraceIdLow, TraceIdHigh: s.TraceIdHigh, SpanId: g.id(),
		}
		if g.one(3) {
			r.TraceIdLow, r.TraceIdHigh = g.id(), g.traceHigh()
		}
		if g.one(3) {
			r.SpanId = s.ParentSpanId
		}
		if g.one(20) {
			r.RefType = jaeger.SpanRefType(g.IntN(9))
		}
		return r
	})
	if g.one(50) {
		*s = jaeger.Span{}
	}
	return s
}

func (g generator) time() int64 {
	if g.one(20) {
		return pick[int64](g, 0, -1, math.MaxInt64, math.MinInt64)
	}
	return 1_700_000_000_000_000 + g.Int64N(1_000_000_000)
}

func (g generator) duration() int64 {
	if g.one(20) {
		return pick[int64](g, 0, -1, math.MaxInt64, math.MinInt64)
	}
	return g.Int64N(1_000_000)
}

func (g generator) log() *jaeger.Log {
	l := &jaeger.Log{Timestamp: g.time(), Fields: []*jaeger.Tag{}}
	for range g.IntN(4) {
		l.Fields = append(l.Fields, g.tag(pick(g, "event", "message", "error.kind", g.text())))
	}
	return l
}

// Half the tags are those that the translation looks at.
func (g generator) spanTag() *jaeger.Tag {
	if g.one(2) {
		return g.tag(g.text())
	}
	key := pick(g, "span.kind", "error", "otel.status_code", "otel.status_description", "http.status_code",
		"http.status_message", "otel.scope.name", "otel.scope.version", "otel.library.name", "w3c.tracestate")
	t := g.tag(key)
	if g.one(4) {
		return t // of any type and value
	}
	switch key {
	case "error":
		t.VType, t.VBool = jaeger.TagType_BOOL, new(!g.one(3))
	case "http.status_code":
		code := pick(g, int64(0), -1, 99, 100, 200, 302, 398, 399, 400, 404, 499, 500, 503, 600, math.MaxInt64)
		t.VType, t.VLong = jaeger.TagType_LONG, new(code)
		if g.one(3) {
			t.VType, t.VStr = jaeger.TagType_STRING, new(pick(g, "200", "404", "500", "0404", "+500", " 500", "", "x",
				"99999999999999999999", "5_00", "-1"))
		}
	default:
		t.VType, t.VStr = jaeger.TagType_STRING, new(pick(g,
			"client", "server", "producer", "consumer", "internal", "Client", "OK", "ERROR", "ok", "Error", "UNSET", "",
			"true", "it failed", "my.lib", "1.2.3", "vendor=1,other=2"))
	}
	return t
}

// tag has any type and a value that fits it; sometimes none, and then the type's zero value is meant.
func (g generator) tag(key string) *jaeger.Tag {
	t := &jaeger.Tag{Key: key, VType: jaeger.TagType(g.IntN(5))}
	if g.one(30) {
		t.VType = pick(g, jaeger.TagType(5), 6, -1, math.MaxInt32, math.MinInt32)
	}
	if g.one(30) {
		return t
	}
	switch t.VType {
	case jaeger.TagType_STRING:
		t.VStr = new(g.text())
	case jaeger.TagType_DOUBLE:
		t.VDouble = new(pick(g, 0, math.Copysign(0, -1), 1.5, -2e300, math.Inf(1), math.NaN(), g.Float64()))
	case jaeger.TagType_BOOL:
		t.VBool = new(g.one(2))
	case jaeger.TagType_LONG:
		t.VLong = new(pick[int64](g, 0, 1, -1, math.MaxInt64, math.MinInt64, g.Int64()))
	case jaeger.TagType_BINARY:
		t.VBinary = []byte(g.text())
	}
	return t
}

// text is a word of a small vocabulary, so that keys meet, or now and then something odd.
func (g generator) text() string {
	switch g.IntN(24) {
	case 0:
		return ""
	case 1:
		return pick(g, "\xff", "a\xc3(b", "\xed\xa0\x80", "ok\xf0\x9f\x98", "\xff\xfe\xfd!", "\x80mid\x80dle\x80")
	case 2:
		return pick(g, "日本語", "é", "😀", "\x00", "a\nb", "\ufffd")
	case 3:
		long := make([]byte, g.IntN(600))
		for i := range long {
			long[i] = 'a' + byte(g.IntN(26))
		}
		return string(long)
	default:
		return pick(g, "http.method", "http.url", "db.statement", "peer.service", "component", "retries", "sampler.type", "key")
	}
}
