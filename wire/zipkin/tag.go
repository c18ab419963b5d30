package zipkin

import (
	"bytes"
	"math/bits"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// tag is a key with a value.
type tag struct {
	key    []byte
	text   []byte
	number uint64 // of what is no text: 0 or 1, an integer, a double's bits
	kind   valueKind
}

// valueKind is what a tag's value is.
type valueKind uint8

const (
	ofText valueKind = iota
	ofBool
	ofInt
	ofDouble
)

// write appends the tag as an attribute.
func (g *tag) write(b *otlp.Builder, field int) {
	switch g.kind {
	case ofBool:
		b.BoolAttribute(field, g.key, g.number == 1)
	case ofInt:
		b.IntAttribute(field, g.key, int64(g.number))
	case ofDouble:
		b.DoubleAttribute(field, g.key, g.number)
	default:
		b.StringAttribute(field, g.key, g.text)
	}
}

// attribute writes a tag as an attribute of the span. Of several with one key
// the last counts.
func (t *Transcoder) attribute(g *tag) {
	g.key = valid(g.key)
	t.keys.Add(&t.out.Builder, g.key)
	g.write(&t.out.Builder, otlp.SpanAttributes)
}

// valid is a key with what is not UTF-8 replaced, as the builder does for values.
func valid(key []byte) []byte {
	if otlp.Valid(key) {
		return key
	}
	return bytes.ToValidUTF8(key, []byte("\uFFFD"))
}

// slot is a place where a tag is kept that means something, or that gives way to
// another attribute, until the whole span is known. The last of several counts.
type slot uint8

const (
	noSlot slot = iota
	slotResource
	slotAbsentStart

	// version 1
	slotErrorMessage
	slotNegativeDuration
	slotZeroParent

	// version 2
	slotKind
	slotError
	slotStatusCode
	slotStatusDescription
	slotTraceState
	slotScopeName
	slotScopeVersion
	slotLibraryName
	slotLibraryVersion
	slotNameSource
	slotLocalAddress
	slotLocalPort
	slotPeerName
	slotPeerAddress
	slotPeerPort

	slots
)

// held are the tags of a span that have a slot.
type held struct {
	set  uint32 // 1 << slot
	tags [slots]tag
}

func (l *held) put(s slot, g *tag) {
	l.tags[s] = *g
	l.set |= 1 << s
}

func (l *held) has(s slot) bool { return l.set>>s&1 != 0 }

// get is the text of the tag in a slot, or nil.
func (l *held) get(s slot) []byte {
	if !l.has(s) {
		return nil
	}
	return l.tags[s].text
}

// take is get, and takes the tag out, so that it is not written.
func (l *held) take(s slot) []byte {
	text := l.get(s)
	l.set &^= 1 << s
	return text
}

// write appends the tags that have not been taken as attributes.
func (l *held) write(b *otlp.Builder) {
	for set := l.set; set != 0; set &= set - 1 {
		l.tags[bits.TrailingZeros32(set)].write(b, otlp.SpanAttributes)
	}
}

// own writes an attribute that takes the place of a tag in a slot.
func (t *Transcoder) own(s slot, g *tag) {
	t.held.take(s)
	g.write(&t.out.Builder, otlp.SpanAttributes)
}

var keyAbsentStart = []byte(absentStart)

// noStart says that the span did not say when it started.
func (t *Transcoder) noStart() {
	t.own(slotAbsentStart, &tag{key: keyAbsentStart, kind: ofBool, number: 1})
}
