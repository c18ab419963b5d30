package jaegerthrift

import (
	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// span reads a Span.
func (t *Transcoder) span() {
	r, w := &t.r, &t.w
	w.BeginSpan()
	var (
		s               jaeger.Span
		begin, duration int64
		have            fieldSet
	)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case spanTraceIDLow:
			s.TraceLow = uint64(r.I64())
		case spanTraceIDHigh:
			s.TraceHigh = uint64(r.I64())
		case spanSpanID:
			s.ID = uint64(r.I64())
		case spanParentSpanID:
			s.Parent = uint64(r.I64())
		case spanOperationName:
			s.Name = r.String()
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
			w.BeginTags()
			t.tags()
			w.EndTags()
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
	s.Begin, s.End = nanoseconds(begin), nanoseconds(begin+duration)
	w.EndSpan(&s)
}

// nanoseconds converts from microseconds. As in contrib's translator, what is
// too large wraps around.
func nanoseconds(us int64) uint64 { return uint64(us) * 1000 }

// references reads a span's references.
func (t *Transcoder) references() {
	for n := t.r.Structs(); n > 0 && t.r.OK(); n-- {
		t.w.Reference(t.reference())
	}
}

func (t *Transcoder) reference() (ref jaeger.Ref) {
	r := &t.r
	have := fieldSet(0)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case refType:
			ref.Type = RefType(r.I32())
		case refTraceIDLow:
			ref.TraceLow = uint64(r.I64())
		case refTraceIDHigh:
			ref.TraceHigh = uint64(r.I64())
		case refSpanID:
			ref.Span = uint64(r.I64())
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, refRequired, "a reference without a required field")
	return ref
}

// logs reads a span's logs.
func (t *Transcoder) logs() {
	for n := t.r.Structs(); n > 0 && t.r.OK(); n-- {
		t.log()
	}
}

func (t *Transcoder) log() {
	r := &t.r
	t.w.BeginLog()
	time := uint64(0)
	have := fieldSet(0)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case logTimestamp:
			time = nanoseconds(r.I64())
		case logFields:
			t.once(have&bit(f) != 0)
			t.tags()
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, logRequired, "a log without time or fields")
	t.w.EndLog(time)
}
