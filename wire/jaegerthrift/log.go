package jaegerthrift

import (
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// logs reads a span's logs and writes its events.
func (t *Transcoder) logs() {
	for n := t.r.Structs(); n > 0 && t.r.OK(); n-- {
		t.log()
	}
}

func (t *Transcoder) log() {
	r, b := &t.r, &t.out.Builder
	m := b.Open(otlp.SpanEvents, 100)
	have := fieldSet(0)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case logTimestamp:
			b.Fixed64(otlp.EventTime, nanoseconds(r.I64()))
		case logFields:
			t.once(have&bit(f) != 0)
			t.tags(b, otlp.EventAttributes, ofLog)
			if g := t.slots.take(slotEvent); g != nil {
				b.Text(otlp.EventName, g.text())
			}
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, logRequired, "a log without time or fields")
	b.Close(m)
}
