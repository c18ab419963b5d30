package jaegerproto

import (
	"bytes"
	"math"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

var noID [16]byte

// span writes a span.
func (e *Encoder) span(msg []byte) {
	var (
		trace, id, parent, name, state, description []byte
		kind, code                                  uint64
		start, end                                  int64  // ns since 1970; what is too large wraps around, as upstream
		attributes, events, links                   uint32 // that were dropped
	)
	for f := range otlp.Fields(msg) {
		switch f.Number {
		case otlp.SpanTraceID:
			trace = f.Data
		case otlp.SpanSpanID:
			id = f.Data
		case otlp.SpanParentSpanID:
			parent = f.Data
		case otlp.SpanTraceState:
			state = f.Data
		case otlp.SpanName:
			name = f.Data
		case otlp.SpanKind:
			kind = f.Value
		case otlp.SpanStart:
			start = int64(f.Value)
		case otlp.SpanEnd:
			end = int64(f.Value)
		case otlp.SpanDroppedAttributes:
			attributes = uint32(f.Value)
		case otlp.SpanDroppedEvents:
			events = uint32(f.Value)
		case otlp.SpanDroppedLinks:
			links = uint32(f.Value)
		case otlp.SpanStatus:
			for g := range otlp.Fields(f.Data) {
				switch g.Number {
				case otlp.StatusMessage:
					description = g.Data
				case otlp.StatusCode:
					code = g.Value
				}
			}
		}
	}
	b := &e.out
	b.Grow(len(msg) + e.process.Len() + e.scope.Len())
	m := b.Open(batchSpans, len(msg)+e.process.Len()+e.scope.Len())
	b.Blob(spanTraceID, trace)
	b.Blob(spanSpanID, id)
	b.Blob(spanOperationName, name)
	links += references(b, msg, trace, parent)
	timestamp(b, spanStartTime, start)
	duration(b, start, end)
	b.Raw(e.scope.Bytes())
	e.tags(b, spanTags, otlp.AttributesIn(msg, otlp.SpanAttributes))
	if k := kindName(kind); k != nil {
		stringTag(b, spanTags, keyKind, k)
	}
	switch code {
	case otlp.StatusOK:
		stringTag(b, spanTags, keyStatusCode, valueOK)
	case otlp.StatusError:
		stringTag(b, spanTags, keyStatusCode, valueError)
		boolTag(b, spanTags, keyError, true)
	}
	if len(description) > 0 {
		stringTag(b, spanTags, keyStatusDescription, description)
	}
	if len(state) > 0 {
		stringTag(b, spanTags, keyTraceState, state)
	}
	countTag(b, spanTags, keyDroppedAttributes, attributes)
	countTag(b, spanTags, keyDroppedEvents, events)
	countTag(b, spanTags, keyDroppedLinks, links)
	e.logs(b, msg)
	b.Raw(e.process.Bytes())
	b.Close(m)
}

// references writes the parent and the links. It returns how many links can't
// be written, since they lack an id.
//
// The parent comes first. A link to it says of what kind that reference is,
// and is not one more.
func references(b *otlp.Builder, msg, trace, parent []byte) (impossible uint32) {
	hasParent := len(parent) == 8 && !bytes.Equal(parent, noID[:8])
	toParent := func(l *link) bool {
		return hasParent && bytes.Equal(l.span, parent) && bytes.Equal(l.trace, trace)
	}
	if hasParent {
		kind := uint64(childOf)
		for f := range otlp.Fields(msg) {
			if f.Number == otlp.SpanLinks {
				if l := readLink(f.Data); toParent(&l) {
					kind = l.kind
				}
			}
		}
		reference(b, &link{trace, parent, kind})
	}
	for f := range otlp.Fields(msg) {
		if f.Number != otlp.SpanLinks {
			continue
		}
		switch l := readLink(f.Data); {
		case toParent(&l):
		case len(l.trace) != 16 || len(l.span) != 8 || bytes.Equal(l.trace, noID[:]) || bytes.Equal(l.span, noID[:8]):
			impossible++
		default:
			reference(b, &l)
		}
	}
	return impossible
}

// link is a Span.Link, as far as a reference can say it.
type link struct {
	trace, span []byte
	kind        uint64 // SpanRefType
}

func readLink(msg []byte) link {
	l := link{kind: followsFrom}
	for f := range otlp.Fields(msg) {
		switch f.Number {
		case otlp.LinkTraceID:
			l.trace = f.Data
		case otlp.LinkSpanID:
			l.span = f.Data
		}
	}
	if v, ok := otlp.AttributesIn(msg, otlp.LinkAttributes).Get("opentracing.ref_type"); ok && string(v.Bytes) == "child_of" {
		l.kind = childOf
	}
	return l
}

func reference(b *otlp.Builder, l *link) {
	m := b.Open(spanReferences, 30)
	b.Blob(refTraceID, l.trace)
	b.Blob(refSpanID, l.span)
	if l.kind != childOf {
		b.Varint(refType, l.kind)
	}
	b.Close(m)
}

const second = 1_000_000_000 // in ns

// timestamp writes a google.protobuf.Timestamp. Its nanoseconds count forward,
// before 1970 too (timestamp.proto).
func timestamp(b *otlp.Builder, field int, ns int64) {
	s, n := ns/second, ns%second
	if n < 0 {
		s, n = s-1, n+second
	}
	moment(b, field, s, n)
}

// duration writes how long a span took, a google.protobuf.Duration. What does
// not fit into 64 bits is the longest that does, as time.Time.Sub has it.
func duration(b *otlp.Builder, start, end int64) {
	d := end - start
	switch {
	case end > start && d < 0:
		d = math.MaxInt64
	case end < start && d > 0:
		d = math.MinInt64
	}
	moment(b, spanDuration, d/second, d%second)
}

func moment(b *otlp.Builder, field int, seconds, nanos int64) {
	m := b.Open(field, 12)
	if seconds != 0 {
		b.Varint(timeSeconds, uint64(seconds))
	}
	if nanos != 0 {
		b.Varint(timeNanos, uint64(nanos))
	}
	b.Close(m)
}

// logs writes a span's events.
func (e *Encoder) logs(b *otlp.Builder, msg []byte) {
	for f := range otlp.Fields(msg) {
		if f.Number == otlp.SpanEvents {
			e.log(b, f.Data)
		}
	}
}

func (e *Encoder) log(b *otlp.Builder, msg []byte) {
	var name []byte
	at, dropped := uint64(0), uint32(0)
	for f := range otlp.Fields(msg) {
		switch f.Number {
		case otlp.EventTime:
			at = f.Value
		case otlp.EventName:
			name = f.Data
		case otlp.EventDroppedAttributes:
			dropped = uint32(f.Value)
		}
	}
	m := b.Open(spanLogs, len(msg)+16)
	timestamp(b, logTimestamp, int64(at))
	attributes := otlp.AttributesIn(msg, otlp.EventAttributes)
	if _, said := attributes.Get("event"); len(name) > 0 && !said {
		stringTag(b, logFields, keyEvent, name)
	}
	e.tags(b, logFields, attributes)
	countTag(b, logFields, keyDroppedEventAttributes, dropped)
	b.Close(m)
}
