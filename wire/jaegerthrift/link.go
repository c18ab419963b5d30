package jaegerthrift

import (
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// ref is a SpanRef.
type ref struct {
	traceLow, traceHigh, span uint64
	kind                      RefType
}

func (f *ref) sameTrace(id *ids) bool {
	return f.traceLow == id.traceLow && f.traceHigh == id.traceHigh
}

// references reads a span's references. What they are, links or the parent, is
// known when the span has been read.
func (t *Transcoder) references() {
	for n := t.r.Structs(); n > 0 && t.r.OK(); n-- {
		t.refs = append(t.refs, t.reference())
	}
}

func (t *Transcoder) reference() (ref ref) {
	r := &t.r
	have := fieldSet(0)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case refType:
			ref.kind = RefType(r.I32())
		case refTraceIDLow:
			ref.traceLow = uint64(r.I64())
		case refTraceIDHigh:
			ref.traceHigh = uint64(r.I64())
		case refSpanID:
			ref.span = uint64(r.I64())
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, refRequired, "a reference without a required field")
	return ref
}

// parent finds the parent of a span that names none: the first in the same
// trace that it is a child of, otherwise the first that it follows from.
func (t *Transcoder) parent(id *ids) uint64 {
	follows := uint64(0)
	found := false
	for i := range t.refs {
		f := &t.refs[i]
		if !f.sameTrace(id) {
			continue
		}
		if f.kind == ChildOf {
			return f.span
		}
		if f.kind == FollowsFrom && !found {
			follows, found = f.span, true
		}
	}
	return follows
}

var (
	keyRefType       = []byte("opentracing.ref_type")
	valueChildOf     = []byte("child_of")
	valueFollowsFrom = []byte("follows_from")
)

// links writes the references but the one to the parent.
func (t *Transcoder) links(b *otlp.Builder, id *ids) {
	dropped := uint64(0)
	for i := range t.refs {
		f := &t.refs[i]
		if f.kind == ChildOf && f.span == id.parent && f.sameTrace(id) {
			continue
		}
		if f.span == 0 || f.traceLow|f.traceHigh == 0 {
			dropped++
			continue
		}
		m := b.Open(otlp.SpanLinks, 72)
		b.TraceID(otlp.LinkTraceID, f.traceHigh, f.traceLow)
		b.SpanID(otlp.LinkSpanID, f.span)
		value := valueFollowsFrom
		if f.kind == ChildOf {
			value = valueChildOf
		}
		b.StringAttribute(otlp.LinkAttributes, keyRefType, value)
		b.Close(m)
	}
	if dropped > 0 {
		b.Varint(otlp.SpanDroppedLinks, dropped)
	}
}
