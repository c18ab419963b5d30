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
		hasEvents, hasLinks                         bool
	)
	for f, rest, ok := otlp.Next(msg); ok; f, rest, ok = otlp.Next(rest) {
		switch f.Number {
		case otlp.SpanAttributes: // below; most fields are
		case otlp.SpanEvents:
			hasEvents = true
		case otlp.SpanLinks:
			hasLinks = true
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
	if hasLinks {
		links += references(b, msg, trace, parent)
	} else if hasID(parent) {
		reference(b, &link{trace, parent, childOf})
	}
	timestamp(b, spanStartTime, start)
	duration(b, start, end)
	b.Raw(e.scope.Bytes())
	e.tags(b, spanTags, msg, otlp.SpanAttributes)
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
	if hasEvents {
		e.logs(b, msg)
	}
	b.Raw(e.process.Bytes())
	b.Close(m)
}

// hasID says whether a span's id is one.
func hasID(id []byte) bool { return len(id) == 8 && !bytes.Equal(id, noID[:8]) }

// references writes the parent and the links. It returns how many links can't
// be written, since they lack an id.
//
// The parent comes first. A link to it says of what kind that reference is,
// and is not one more.
func references(b *otlp.Builder, msg, trace, parent []byte) (impossible uint32) {
	hasParent := hasID(parent)
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
	for f, rest, ok := otlp.Next(msg); ok; f, rest, ok = otlp.Next(rest) {
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
	for f, rest, ok := otlp.Next(msg); ok; f, rest, ok = otlp.Next(rest) {
		if f.Number == otlp.SpanEvents {
			e.log(b, f.Data)
		}
	}
}

// hasKey says whether one of the attributes in a field of a message has a key.
func hasKey(msg []byte, field int, key []byte) bool {
	for f, rest, ok := otlp.Next(msg); ok; f, rest, ok = otlp.Next(rest) {
		if f.Number != field {
			continue
		}
		var k []byte
		for g, rest, ok := otlp.Next(f.Data); ok; g, rest, ok = otlp.Next(rest) {
			if g.Number == otlp.KeyValueKey {
				k = g.Data
			}
		}
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

func (e *Encoder) log(b *otlp.Builder, msg []byte) {
	var name []byte
	at, dropped := uint64(0), uint32(0)
	for f, rest, ok := otlp.Next(msg); ok; f, rest, ok = otlp.Next(rest) {
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
	if len(name) > 0 && !hasKey(msg, otlp.EventAttributes, keyEvent) {
		stringTag(b, logFields, keyEvent, name)
	}
	e.tags(b, logFields, msg, otlp.EventAttributes)
	countTag(b, logFields, keyDroppedEventAttributes, dropped)
	b.Close(m)
}
