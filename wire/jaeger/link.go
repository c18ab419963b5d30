package jaeger

import "github.com/wayside-tracing/wayside/wire/otlp"

// RefType is what a reference means.
type RefType int32

// The types of a reference (jaeger.thrift and model.proto, enum SpanRefType).
const (
	ChildOf     RefType = 0
	FollowsFrom RefType = 1
)

// Ref is a span's reference to another.
type Ref struct {
	TraceHigh, TraceLow, Span uint64
	Type                      RefType
}

func (f *Ref) sameTrace(s *Span) bool {
	return f.TraceLow == s.TraceLow && f.TraceHigh == s.TraceHigh
}

// maxRefs is how many references a span may have. More links than that, of 50
// bytes at least, don't fit into a frame.
const maxRefs = otlp.MaxFrame / 50

// Reference takes a reference of the span. Whether it is a link or the parent
// is known when the span has been read.
func (w *Writer) Reference(r Ref) {
	if len(w.refs) == maxRefs {
		w.over = true
		return
	}
	w.refs = append(w.refs, r)
}

// parent finds the parent of a span that names none: the first in the same
// trace that it is a child of, otherwise the first that it follows from.
func (w *Writer) parent(s *Span) uint64 {
	follows := uint64(0)
	found := false
	for i := range w.refs {
		f := &w.refs[i]
		if !f.sameTrace(s) {
			continue
		}
		if f.Type == ChildOf {
			return f.Span
		}
		if f.Type == FollowsFrom && !found {
			follows, found = f.Span, true
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
func (w *Writer) links(s *Span) {
	b := &w.out.Builder
	dropped := uint64(0)
	for i := range w.refs {
		f := &w.refs[i]
		if f.Type == ChildOf && f.Span == s.Parent && f.sameTrace(s) {
			continue
		}
		if f.Span == 0 || f.TraceLow|f.TraceHigh == 0 {
			dropped++
			continue
		}
		m := b.Open(otlp.SpanLinks, 72)
		b.TraceID(otlp.LinkTraceID, f.TraceHigh, f.TraceLow)
		b.SpanID(otlp.LinkSpanID, f.Span)
		value := valueFollowsFrom
		if f.Type == ChildOf {
			value = valueChildOf
		}
		b.StringAttribute(otlp.LinkAttributes, keyRefType, value)
		b.Close(m)
	}
	if dropped > 0 {
		b.Varint(otlp.SpanDroppedLinks, dropped)
	}
}
