package otlp

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// Wire types of the protobuf encoding (protobuf.dev, "Encoding").
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// Builder appends protobuf fields to one byte slice, which it keeps from use
// to use. A nested message is opened, filled and closed; its length is written
// into the place that Open kept for it.
//
// Numbers that are zero and strings that are empty are written all the same:
// whether a field is there at all is the caller's choice.
type Builder struct {
	buf []byte
}

// Reset forgets the content and keeps the memory.
func (b *Builder) Reset() { b.buf = b.buf[:0] }

// Bytes is the content. It is valid until the next call of Reset.
func (b *Builder) Bytes() []byte { return b.buf }

// Len is the length of the content in bytes.
func (b *Builder) Len() int { return len(b.buf) }

// Grow makes room for n more bytes.
func (b *Builder) Grow(n int) { b.buf = slices.Grow(b.buf, n) }

// Cap is the memory that the builder keeps, in bytes.
func (b *Builder) Cap() int { return cap(b.buf) }

// Extend appends n bytes and returns them, for the caller to write. What is in
// them before that is of no meaning.
func (b *Builder) Extend(n int) []byte {
	end := len(b.buf)
	b.buf = slices.Grow(b.buf, n)[:end+n]
	return b.buf[end:]
}

// Truncate takes back what was written after the first n bytes.
func (b *Builder) Truncate(n int) { b.buf = b.buf[:n] }

// Mark is a message that was opened: where its content starts, and how many
// bytes before that were kept for its length.
type Mark struct {
	start int32
	kept  int8
}

// Open starts a message in a field. guess is the length that its content will
// probably have, in bytes: where the guess needs as many bytes to write as the
// length, Close moves nothing.
func (b *Builder) Open(field, guess int) Mark {
	b.tag(field, wireBytes)
	kept := sizeVarint(uint64(guess))
	b.buf = append(b.buf, zeros[:kept]...)
	return Mark{start: int32(len(b.buf)), kept: int8(kept)}
}

// zeros are in the place of a length that is not known yet.
var zeros [binary.MaxVarintLen64]byte

// Close ends the message that was opened last and is still open.
func (b *Builder) Close(m Mark) {
	start, kept := int(m.start), int(m.kept)
	length := len(b.buf) - start
	if need := sizeVarint(uint64(length)); need != kept {
		b.buf = append(b.buf, zeros[:max(need-kept, 0)]...)
		copy(b.buf[start-kept+need:], b.buf[start:start+length])
		b.buf = b.buf[:start-kept+need+length]
	}
	binary.PutUvarint(b.buf[start-kept:], uint64(length))
}

// Raw appends bytes that are already encoded fields.
func (b *Builder) Raw(p []byte) { b.buf = append(b.buf, p...) }

// Blob appends a field of bytes.
func (b *Builder) Blob(field int, p []byte) {
	b.header(field, len(p))
	b.buf = append(b.buf, p...)
}

// Text appends a string field. Bytes that are not UTF-8 are replaced by
// U+FFFD, a run of them by one, as strings.ToValidUTF8 does.
func (b *Builder) Text(field int, s []byte) {
	if !Valid(s) {
		m := b.Open(field, len(s))
		b.buf = appendValid(b.buf, s)
		b.Close(m)
		return
	}
	b.Blob(field, s)
}

// TextString is Text for a string that is known to be UTF-8.
func (b *Builder) TextString(field int, s string) {
	b.header(field, len(s))
	b.buf = append(b.buf, s...)
}

// Varint appends a field of type uint64, int64, enum or bool. A negative int64
// is given as its two's complement.
func (b *Builder) Varint(field int, v uint64) {
	b.tag(field, wireVarint)
	b.buf = binary.AppendUvarint(b.buf, v)
}

// Fixed64 appends a field of type fixed64.
func (b *Builder) Fixed64(field int, v uint64) {
	b.tag(field, wireFixed64)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, v)
}

// Fixed32 appends a field of type fixed32.
func (b *Builder) Fixed32(field int, v uint32) {
	b.tag(field, wireFixed32)
	b.buf = binary.LittleEndian.AppendUint32(b.buf, v)
}

// TraceID appends a field of a trace id, 16 bytes big-endian.
func (b *Builder) TraceID(field int, high, low uint64) {
	b.tag(field, wireBytes)
	b.buf = append(b.buf, 16)
	b.buf = binary.BigEndian.AppendUint64(b.buf, high)
	b.buf = binary.BigEndian.AppendUint64(b.buf, low)
}

// SpanID appends a field of a span id, 8 bytes big-endian.
func (b *Builder) SpanID(field int, id uint64) {
	b.tag(field, wireBytes)
	b.buf = append(b.buf, 8)
	b.buf = binary.BigEndian.AppendUint64(b.buf, id)
}

// tag writes a field's number, 1 to 2047, and wire type.
func (b *Builder) tag(field, wire int) {
	if field < 16 {
		b.buf = append(b.buf, byte(field<<3|wire))
		return
	}
	b.buf = append(b.buf, byte(field<<3|wire|0x80), byte(field>>4))
}

// header writes the tag and the length of a field of n bytes.
func (b *Builder) header(field, n int) {
	b.tag(field, wireBytes)
	b.buf = binary.AppendUvarint(b.buf, uint64(n))
}

// sizeVarint is how many bytes a varint takes: a seventh of its bits, rounded
// up, without a division.
func sizeVarint(v uint64) int { return (9*bits.Len64(v|1) + 64) / 64 }

// Valid is utf8.Valid, with a quick way for the ASCII strings that keys and most
// values are.
func Valid(s []byte) bool { return ascii(s) || utf8.Valid(s) }

// ascii looks at eight bytes at a time, at the last eight once more.
func ascii(s []byte) bool {
	n := len(s)
	all := uint64(0)
	switch {
	case n >= 8:
		all = binary.LittleEndian.Uint64(s[n-8:])
		for i := 0; i < n-8; i += 8 {
			all |= binary.LittleEndian.Uint64(s[i:])
		}
	case n >= 4:
		all = uint64(binary.LittleEndian.Uint32(s) | binary.LittleEndian.Uint32(s[n-4:]))
	default:
		for _, c := range s {
			all |= uint64(c)
		}
	}
	return all&0x8080808080808080 == 0
}

func appendValid(dst, s []byte) []byte {
	bad := false
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && n == 1 {
			if !bad {
				dst = utf8.AppendRune(dst, utf8.RuneError)
			}
			bad = true
		} else {
			dst = append(dst, s[:n]...)
			bad = false
		}
		s = s[n:]
	}
	return dst
}
