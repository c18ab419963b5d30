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
	if len(key)+len(value)+6 < 0x80 && Valid(value) {
		b.shortAttribute(field, key, value)
		return
	}
	if !Valid(value) {
		kv := b.Open(field, 4+len(key)+len(value))
		b.Blob(KeyValueKey, key)
		v := b.Open(KeyValueValue, 2+len(value))
		b.Text(AnyString, value)
		b.Close(v)
		b.Close(kv)
		return
	}
	b.attribute(field, key, 1+sizeVarint(uint64(len(value)))+len(value))
	b.Blob(AnyString, value)
}

// shortAttribute is for attributes whose lengths take one byte each: nearly all.
func (b *Builder) shortAttribute(field int, key, value []byte) {
	b.tag(field, wireBytes)
	k, v := len(key), len(value)
	at := len(b.buf)
	b.buf = slices.Grow(b.buf, k+v+7)[:at+k+v+7]
	p := b.buf[at:]
	p[0] = byte(k + v + 6)
	p[1] = KeyValueKey<<3 | wireBytes
	p[2] = byte(k)
	p = p[3+copy(p[3:], key):]
	p[0] = KeyValueValue<<3 | wireBytes
	p[1] = byte(v + 2)
	p[2] = AnyString<<3 | wireBytes
	p[3] = byte(v)
	copy(p[4:], value)
}

// BytesAttribute appends a KeyValue with bytes.
func (b *Builder) BytesAttribute(field int, key, value []byte) {
	b.attribute(field, key, 1+sizeVarint(uint64(len(value)))+len(value))
	b.Blob(AnyBytes, value)
}

// IntAttribute appends a KeyValue with an int64.
func (b *Builder) IntAttribute(field int, key []byte, value int64) {
	b.attribute(field, key, 1+sizeVarint(uint64(value)))
	b.Varint(AnyInt, uint64(value))
}

// BoolAttribute appends a KeyValue with a bool.
func (b *Builder) BoolAttribute(field int, key []byte, value bool) {
	v := uint64(0)
	if value {
		v = 1
	}
	b.attribute(field, key, 2)
	b.Varint(AnyBool, v)
}

// DoubleAttribute appends a KeyValue with a double, given as its bits.
func (b *Builder) DoubleAttribute(field int, key []byte, value uint64) {
	b.attribute(field, key, 9)
	b.Fixed64(AnyDouble, value)
}

// attribute appends a KeyValue up to its AnyValue, whose content is value bytes
// long and follows.
func (b *Builder) attribute(field int, key []byte, value int) {
	b.tag(field, wireBytes)
	b.length(1 + sizeVarint(uint64(len(key))) + len(key) + 1 + sizeVarint(uint64(value)) + value)
	b.Blob(KeyValueKey, key)
	b.tag(KeyValueValue, wireBytes)
	b.length(value)
}

func (b *Builder) length(n int) {
	if n < 0x80 {
		b.buf = append(b.buf, byte(n))
		return
	}
	b.buf = binary.AppendUvarint(b.buf, uint64(n))
}
