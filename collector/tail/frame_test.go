package tail

import (
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// at is a span of a trace.
type at struct {
	trace uint64
	Span
}

// frameOf is a frame of spans, each with a resource of its own.
func frameOf(spans ...at) []byte {
	var b otlp.Builder
	for _, s := range spans {
		rs := b.Open(otlp.RequestResourceSpans, 200)
		r := b.Open(otlp.ResourceSpansResource, 50)
		attribute(&b, otlp.ResourceAttributes, "service.name", s.Service)
		b.Close(r)
		ss := b.Open(otlp.ResourceSpansScopeSpans, 100)
		m := b.Open(otlp.ScopeSpansSpans, 100)
		b.Blob(otlp.SpanTraceID, traceID(s.trace))
		b.Blob(otlp.SpanSpanID, s.ID[:])
		if !s.root() {
			b.Blob(otlp.SpanParentSpanID, s.Parent[:])
		}
		b.Text(otlp.SpanName, []byte(s.Name))
		b.Varint(otlp.SpanKind, uint64(s.Kind))
		b.Fixed64(otlp.SpanStart, s.Start)
		b.Fixed64(otlp.SpanEnd, s.End)
		attribute(&b, otlp.SpanAttributes, "shop.article", "lamp")
		if s.Failed {
			st := b.Open(otlp.SpanStatus, 20)
			b.Text(otlp.StatusMessage, []byte(s.Message))
			b.Varint(otlp.StatusCode, otlp.StatusError)
			b.Close(st)
		}
		b.Close(m)
		b.Close(ss)
		b.Close(rs)
	}
	return b.Bytes()
}

func traceID(n uint64) []byte {
	id := make([]byte, 16)
	for i := range 8 {
		id[15-i] = byte(n >> (8 * i))
	}
	return id
}

func attribute(b *otlp.Builder, field int, key, value string) {
	kv := b.Open(field, 30)
	b.TextString(otlp.KeyValueKey, key)
	v := b.Open(otlp.KeyValueValue, 20)
	b.Text(otlp.AnyString, []byte(value))
	b.Close(v)
	b.Close(kv)
}
