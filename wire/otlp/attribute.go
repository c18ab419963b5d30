package otlp

import (
	"encoding/binary"
	"slices"
)

// Attributes are most of what a frame is made of. Their lengths are known
// before they are written, so nothing is opened, closed or moved. Their keys
// must be UTF-8: who writes attributes compares keys, and has to compare what
// is written.

// StringAttribute appends a KeyValue with a string, in a field of its parent.
// Bytes of the value that are not UTF-8 are replaced as in Text.
func (b *Builder) StringAttribute(field int, key, value []byte) {
	if !Valid(value) {
		kv := b.Open(field, 4+len(key)+len(value))
		b.Blob(KeyValueKey, key)
		v := b.Open(KeyValueValue, 2+len(value))
		b.Text(AnyString, value)
		b.Close(v)
		b.Close(kv)
		return
	}
	b.bytesAttribute(field, key, AnyString<<3|wireBytes, value)
}

// BytesAttribute appends a KeyValue with bytes.
func (b *Builder) BytesAttribute(field int, key, value []byte) {
	b.bytesAttribute(field, key, AnyBytes<<3|wireBytes, value)
}

func (b *Builder) bytesAttribute(field int, key []byte, tag byte, value []byte) {
	n := len(value)
	if n < 0x80 {
		b.attribute(field, key, tag, 1+n)
		b.buf = append(b.buf, byte(n))
	} else {
		b.attribute(field, key, tag, sizeVarint(uint64(n))+n)
		b.buf = binary.AppendUvarint(b.buf, uint64(n))
	}
	b.buf = append(b.buf, value...)
}

// IntAttribute appends a KeyValue with an int64.
func (b *Builder) IntAttribute(field int, key []byte, value int64) {
	b.attribute(field, key, AnyInt<<3|wireVarint, sizeVarint(uint64(value)))
	b.buf = binary.AppendUvarint(b.buf, uint64(value))
}

// BoolAttribute appends a KeyValue with a bool.
func (b *Builder) BoolAttribute(field int, key []byte, value bool) {
	v := byte(0)
	if value {
		v = 1
	}
	b.attribute(field, key, AnyBool<<3|wireVarint, 1)
	b.buf = append(b.buf, v)
}

// DoubleAttribute appends a KeyValue with a double, given as its bits.
func (b *Builder) DoubleAttribute(field int, key []byte, value uint64) {
	b.attribute(field, key, AnyDouble<<3|wireFixed64, 8)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, value)
}

// attribute appends a KeyValue up to the tag of its AnyValue's field. n bytes
// must follow: the field's length, if it has one, and its value.
func (b *Builder) attribute(field int, key []byte, tag byte, n int) {
	k := len(key)
	if length := k + n + 5; length < 0x80 { // nearly always: every length takes one byte
		b.tag(field, wireBytes)
		at := len(b.buf)
		b.buf = slices.Grow(b.buf, length+1)[:at+k+6]
		p := b.buf[at:]
		p[0] = byte(length)
		p[1] = KeyValueKey<<3 | wireBytes
		p[2] = byte(k)
		p = p[3+copy(p[3:], key):]
		p[0] = KeyValueValue<<3 | wireBytes
		p[1] = byte(n + 1)
		p[2] = tag
		return
	}
	b.header(field, 1+sizeVarint(uint64(k))+k+1+sizeVarint(uint64(n+1))+n+1)
	b.Blob(KeyValueKey, key)
	b.header(KeyValueValue, n+1)
	b.buf = append(b.buf, tag)
}
