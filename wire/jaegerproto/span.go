package jaegerproto

import (
	"encoding/binary"

	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/protobuf"
)

const (
	keySpanTraceID       = spanTraceID<<3 | protobuf.Bytes
	keySpanSpanID        = spanSpanID<<3 | protobuf.Bytes
	keySpanOperationName = spanOperationName<<3 | protobuf.Bytes
	keySpanReferences    = spanReferences<<3 | protobuf.Bytes
	keySpanStartTime     = spanStartTime<<3 | protobuf.Bytes
	keySpanDuration      = spanDuration<<3 | protobuf.Bytes
	keySpanTags          = spanTags<<3 | protobuf.Bytes
	keySpanLogs          = spanLogs<<3 | protobuf.Bytes

	keyRefTraceID = refTraceID<<3 | protobuf.Bytes
	keyRefSpanID  = refSpanID<<3 | protobuf.Bytes
	keyRefType    = refType<<3 | protobuf.Varint

	keyLogTimestamp = logTimestamp<<3 | protobuf.Bytes
	keyLogFields    = logFields<<3 | protobuf.Bytes

	keyTimeSeconds = timeSeconds<<3 | protobuf.Varint
	keyTimeNanos   = timeNanos<<3 | protobuf.Varint
)

// span reads a Span.
func (t *Transcoder) span(msg []byte) {
	var (
		f              protobuf.Field
		s              jaeger.Span
		g              jaeger.Tag
		start, lasting instant
		logs           bool
	)
	w := &t.w
	w.BeginSpan()
	w.BeginTags() // until all of it has been read: tags may stand anywhere
	for rest := msg; len(rest) > 0; {
		rest = t.next(&f, rest)
		switch f.Key {
		case keySpanTraceID:
			s.TraceHigh, s.TraceLow = traceID(f.Data)
		case keySpanSpanID:
			s.ID = spanID(f.Data)
		case keySpanOperationName:
			s.Name = f.Data
		case keySpanReferences:
			w.Reference(t.reference(f.Data))
		case keySpanStartTime:
			t.instant(f.Data, &start)
		case keySpanDuration:
			t.instant(f.Data, &lasting)
		case keySpanTags:
			t.tag(f.Data, &g)
		case keySpanLogs:
			logs = true
		}
	}
	w.EndTags()
	if logs {
		t.logs(msg)
	}
	s.Begin = start.ns()
	s.End = s.Begin + lasting.ns()
	w.EndSpan(&s)
}

// traceID reads a trace id; one of 8 bytes is the lower half (jaeger-idl,
// model/v1/ids.go, TraceIDFromBytes). It is 0 if it has another length.
func traceID(p []byte) (high, low uint64) {
	switch len(p) {
	case 16:
		return binary.BigEndian.Uint64(p), binary.BigEndian.Uint64(p[8:])
	case 8:
		return 0, binary.BigEndian.Uint64(p)
	}
	return 0, 0
}

// spanID reads a span id. It is 0 if it has a wrong length.
func spanID(p []byte) uint64 {
	if len(p) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(p)
}

// reference reads a SpanRef.
func (t *Transcoder) reference(msg []byte) (r jaeger.Ref) {
	var f protobuf.Field
	for len(msg) > 0 {
		msg = t.next(&f, msg)
		switch f.Key {
		case keyRefTraceID:
			r.TraceHigh, r.TraceLow = traceID(f.Data)
		case keyRefSpanID:
			r.Span = spanID(f.Data)
		case keyRefType:
			r.Type = jaeger.RefType(f.Value)
		}
	}
	return r
}

// logs reads a span's logs.
func (t *Transcoder) logs(span []byte) {
	var f protobuf.Field
	for len(span) > 0 {
		span = t.next(&f, span)
		if f.Key == keySpanLogs {
			t.log(f.Data)
		}
	}
}

func (t *Transcoder) log(msg []byte) {
	var (
		f    protobuf.Field
		g    jaeger.Tag
		time instant
	)
	t.w.BeginLog()
	for len(msg) > 0 {
		msg = t.next(&f, msg)
		switch f.Key {
		case keyLogTimestamp:
			t.instant(f.Data, &time)
		case keyLogFields:
			t.tag(f.Data, &g)
		}
	}
	t.w.EndLog(time.ns())
}

// instant is a google.protobuf.Timestamp or a google.protobuf.Duration.
type instant struct{ seconds, nanos int64 }

// ns is the time in nanoseconds. As in Go, what is too large wraps around.
func (i instant) ns() uint64 { return uint64(i.seconds*1_000_000_000 + i.nanos) }

func (t *Transcoder) instant(msg []byte, i *instant) {
	var f protobuf.Field
	for len(msg) > 0 {
		msg = t.next(&f, msg)
		switch f.Key {
		case keyTimeSeconds:
			i.seconds = int64(f.Value)
		case keyTimeNanos:
			i.nanos = int64(int32(f.Value))
		}
	}
}
