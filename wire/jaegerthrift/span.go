package jaegerthrift

import (
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// ids are the ids of a span, which may stand anywhere in it.
type ids struct {
	traceLow, traceHigh uint64
	span, parent        uint64
}

// span reads a Span and writes it into the ScopeSpans that is open: what can be
// written at once as it comes, the rest at the message's end.
func (t *Transcoder) span() {
	r, b := &t.r, &t.out.Builder
	start := b.Len()
	m := b.Open(otlp.ScopeSpansSpans, 512)
	var (
		id              ids
		begin, duration int64
		scope           scope
		have            fieldSet
	)
	t.refs = t.refs[:0]
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case spanTraceIDLow:
			id.traceLow = uint64(r.I64())
		case spanTraceIDHigh:
			id.traceHigh = uint64(r.I64())
		case spanSpanID:
			id.span = uint64(r.I64())
		case spanParentSpanID:
			id.parent = uint64(r.I64())
		case spanOperationName:
			b.Text(otlp.SpanName, r.String())
		case spanReferences:
			t.once(have&bit(f) != 0)
			t.references()
		case spanFlags:
			r.I32()
		case spanStartTime:
			begin = r.I64()
		case spanDuration:
			duration = r.I64()
		case spanTags:
			t.once(have&bit(f) != 0)
			t.tags(b, otlp.SpanAttributes, ofSpan)
			scope = t.meaning(b)
		case spanLogs:
			t.once(have&bit(f) != 0)
			t.logs()
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, spanRequired, "a span without a required field")
	if !r.OK() {
		return
	}
	if id.traceLow|id.traceHigh == 0 || id.span == 0 {
		b.Truncate(start)
		t.result.Invalid++
		return
	}
	if id.parent == 0 {
		id.parent = t.parent(&id)
	}
	b.TraceID(otlp.SpanTraceID, id.traceHigh, id.traceLow)
	b.SpanID(otlp.SpanSpanID, id.span)
	if id.parent != 0 {
		b.SpanID(otlp.SpanParentSpanID, id.parent)
	}
	b.Fixed64(otlp.SpanStart, nanoseconds(begin))
	b.Fixed64(otlp.SpanEnd, nanoseconds(begin+duration))
	t.links(b, &id)
	b.Close(m)
	t.out.place(start, scope)
}

// nanoseconds converts from microseconds. As in contrib's translator, what is
// too large wraps around.
func nanoseconds(us int64) uint64 { return uint64(us) * 1000 }
