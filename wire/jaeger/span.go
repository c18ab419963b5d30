package jaeger

import "github.com/wayside-tracing/wayside/wire/otlp"

// Span is what is known of a span, beside tags, logs and references, when all
// of it has been read.
type Span struct {
	TraceHigh, TraceLow uint64
	ID, Parent          uint64 // no parent: 0
	Name                []byte // valid until EndSpan
	Begin, End          uint64 // ns since 1970
}

// BeginSpan begins with a span.
func (w *Writer) BeginSpan() {
	w.start = w.out.Len()
	w.span = w.out.Open(otlp.ScopeSpansSpans, 512)
	w.refs, w.over, w.scope = w.refs[:0], false, otlp.Scope{}
}

// EndSpan ends a span, and keeps it if it is possible and fits into a frame.
func (w *Writer) EndSpan(s *Span) {
	b := &w.out.Builder
	switch {
	case s.TraceLow|s.TraceHigh == 0 || s.ID == 0:
		b.Truncate(w.start)
		w.invalid++
		return
	case w.over || w.huge || len(s.Name) > otlp.MaxFrame:
		w.out.LeaveOut(w.start)
		return
	}
	if s.Parent == 0 {
		s.Parent = w.parent(s)
	}
	b.Text(otlp.SpanName, s.Name)
	b.TraceID(otlp.SpanTraceID, s.TraceHigh, s.TraceLow)
	b.SpanID(otlp.SpanSpanID, s.ID)
	if s.Parent != 0 {
		b.SpanID(otlp.SpanParentSpanID, s.Parent)
	}
	b.Fixed64(otlp.SpanStart, s.Begin)
	b.Fixed64(otlp.SpanEnd, s.End)
	w.links(s)
	b.Close(w.span)
	w.out.Place(w.start, w.scope)
}

// BeginLog begins with a log of the span, of which its tags follow.
func (w *Writer) BeginLog() {
	w.log = w.out.Open(otlp.SpanEvents, 100)
	w.tags(ofLog, &w.out.Builder, otlp.EventAttributes)
}

// EndLog ends it. time is in ns since 1970.
func (w *Writer) EndLog(time uint64) {
	b := &w.out.Builder
	w.keys.End(b)
	if g := w.slots.take(slotEvent); g != nil {
		b.Text(otlp.EventName, g.text())
	}
	b.Fixed64(otlp.EventTime, time)
	b.Close(w.log)
	if b.Len()-w.start > otlp.MaxFrame {
		w.over = true
		b.Truncate(w.start)
	}
}
