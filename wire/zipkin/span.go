package zipkin

import (
	"net/netip"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// span is what has been read of a span and not been written yet. Times are in
// microseconds.
type span struct {
	traceHigh, traceLow uint64
	id, parent          uint64
	hasParent           bool
	start               int64 // 0: there is none
	duration            int64
	hasDuration         bool
	kind                otlp.Kind
}

func (s *span) impossible() bool { return s.traceHigh|s.traceLow == 0 || s.id == 0 }

// absentStart is the key of an attribute that is true where a span does not say
// when it started, as in contrib (internal/zipkin/attributes.go).
const absentStart = "otel.zipkin.absentField.startTime"

// finish writes what all spans have, and closes it. Times are in nanoseconds.
func (t *Transcoder) finish(start, end uint64) {
	b, s := &t.out.Builder, &t.span
	b.TraceID(otlp.SpanTraceID, s.traceHigh, s.traceLow)
	b.SpanID(otlp.SpanSpanID, s.id)
	if s.parent != 0 {
		b.SpanID(otlp.SpanParentSpanID, s.parent)
	}
	if s.kind != otlp.KindUnspecified {
		b.Varint(otlp.SpanKind, uint64(s.kind))
	}
	b.Fixed64(otlp.SpanStart, start)
	b.Fixed64(otlp.SpanEnd, end)
	b.Close(t.mark)
}

// status writes the span's status.
func (t *Transcoder) status(code int64, message []byte) {
	if code == otlp.StatusUnset && len(message) == 0 {
		return
	}
	b := &t.out.Builder
	m := b.Open(otlp.SpanStatus, 4+len(message))
	if len(message) > 0 {
		b.Text(otlp.StatusMessage, message)
	}
	b.Varint(otlp.StatusCode, uint64(code))
	b.Close(m)
}

// endpoint is who sent a span, or its peer.
type endpoint struct {
	service []byte
	ipv4    netip.Addr // of either family: what the field held
	ipv6    netip.Addr
	port    uint16 // 0: none
}

// address is the one that counts of two: contrib writes the second over the
// first.
func (e *endpoint) address() netip.Addr {
	if e.ipv6.IsValid() {
		return e.ipv6
	}
	return e.ipv4
}

// address4or6 takes the bytes of an address; none if there are not 4 or 16.
func address4or6(p []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(p)
	return a.Unmap()
}

// portOf is a port, or 0 for a number that is none.
func portOf(v int64) uint16 {
	if v < 0 || v > 0xffff {
		return 0
	}
	return uint16(v)
}

// keep copies a text into the transcoder's memory, where it is valid as long as
// the span.
func (t *Transcoder) keep(s []byte) []byte {
	n := len(t.texts)
	t.texts = append(t.texts, s...)
	return t.texts[n:len(t.texts):len(t.texts)]
}

// write is keep for what appends to a slice.
func (t *Transcoder) write(add func([]byte) []byte) []byte {
	n := len(t.texts)
	t.texts = add(t.texts)
	return t.texts[n:len(t.texts):len(t.texts)]
}
