package jaegerproto

import (
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Whatever a frame holds, its spans are all in the requests made of it, each
// with a process, and no request is larger than it may be.
func FuzzEncode(f *testing.F) {
	f.Add(frame(nothing, nothing, nothing), uint16(0))
	f.Add(frame(inResource("service.name", "svc", "host.name", "h"), func(b *otlp.Builder) {
		nest(b, otlp.ScopeSpansScope, func() { b.TextString(otlp.ScopeName, "lib"); b.TextString(otlp.ScopeVersion, "1") })
	}, func(b *otlp.Builder) {
		b.SpanID(otlp.SpanParentSpanID, 9)
		attribute(b, otlp.SpanAttributes, "a", "b")
		nest(b, otlp.SpanEvents, func() { b.TextString(otlp.EventName, "e") })
		nest(b, otlp.SpanLinks, func() { b.TraceID(otlp.LinkTraceID, 1, 2); b.SpanID(otlp.LinkSpanID, 9) })
		nest(b, otlp.SpanAttributes, func() {
			nest(b, otlp.KeyValueValue, func() {
				nest(b, otlp.AnyArray, func() { nest(b, otlp.ArrayValues, func() { b.Varint(otlp.AnyInt, 1) }) })
			})
		})
	}), uint16(300))
	f.Fuzz(func(t *testing.T, frame []byte, limit uint16) {
		spans, err := otlp.Check(frame)
		if err != nil {
			return
		}
		var e Encoder
		for from := 0; from < spans; {
			post, n := e.Encode([][]byte{otlp.Extract(nil, frame, from, spans)}, int(limit))
			if n < 1 || n > spans-from || n > 1 && len(post) > int(limit)+4 {
				t.Fatalf("%d of %d spans in %d bytes, limit %d", n, spans-from, len(post), limit)
			}
			from += n
			if got := complete(t, post); got != n {
				t.Fatalf("%d spans in the request, not %d", got, n)
			}
		}
	})
}

// complete counts the spans of a request that have all that a span must have,
// and checks that nothing else is in it.
func complete(t *testing.T, post []byte) (spans int) {
	size := 0
	for batch := range otlp.Fields(post) {
		if batch.Number != requestBatch {
			t.Fatalf("field %d in the request", batch.Number)
		}
		size += len(batch.Data)
		for s := range otlp.Fields(batch.Data) {
			var have [spanWarnings + 1]int
			for f := range otlp.Fields(s.Data) {
				have[f.Number]++
			}
			for _, number := range []int{spanTraceID, spanSpanID, spanOperationName, spanStartTime, spanDuration, spanProcess} {
				if have[number] != 1 {
					t.Fatalf("field %d of a span is there %d times", number, have[number])
				}
			}
			spans++
		}
	}
	if head := len(post) - size; head > 6 {
		t.Fatalf("%d bytes after the batch", head)
	}
	return spans
}
