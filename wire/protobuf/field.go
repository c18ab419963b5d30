package protobuf

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed is what a message is that can't be read to its end.
var ErrMalformed = errors.New("malformed protobuf")

// Wire types.
const (
	Varint  = 0
	Fixed64 = 1
	Bytes   = 2
	Fixed32 = 5
)

// Key is a field's number and wire type in one, as they stand on the wire, so that
// a field that is known and has the right type is one case of a switch, and
// everything else is the default, to be skipped as unknown.
type Key uint64

// KeyOf is the Key of a field.
func KeyOf(number, wire int) Key { return Key(number<<3 | wire) }

// Number is the field's.
func (k Key) Number() int { return int(k >> 3) }

// Wire is the field's wire type.
func (k Key) Wire() int { return int(k & 7) }

// maxField is the highest field number (protobuf.dev, "Assigning Field Numbers").
const maxField = 1<<29 - 1

// Field is one field of a message.
type Field struct {
	Key   Key
	Value uint64 // of a number
	Data  []byte // of bytes, a string or a message; aliases the message
}

// Next reads the first field of a message and returns what follows it. Groups
// (wire types 3 and 4) are malformed: no message of ours has any.
func (f *Field) Next(msg []byte) (rest []byte, err error) {
	tag, n := uvarint(msg)
	if n <= 0 || tag>>3 == 0 || tag>>3 > maxField {
		return nil, ErrMalformed
	}
	f.Key = Key(tag)
	switch tag & 7 {
	case Bytes:
		length, m := uvarint(msg[n:])
		if m <= 0 || length > uint64(len(msg)-n-m) {
			return nil, ErrMalformed
		}
		n += m
		end := n + int(length)
		f.Data = msg[n:end:end]
		return msg[end:], nil
	case Varint:
		v, m := uvarint(msg[n:])
		if m <= 0 {
			return nil, ErrMalformed
		}
		f.Value = v
		return msg[n+m:], nil
	case Fixed64:
		if len(msg)-n < 8 {
			return nil, ErrMalformed
		}
		f.Value = binary.LittleEndian.Uint64(msg[n:])
		return msg[n+8:], nil
	case Fixed32:
		if len(msg)-n < 4 {
			return nil, ErrMalformed
		}
		f.Value = uint64(binary.LittleEndian.Uint32(msg[n:]))
		return msg[n+4:], nil
	}
	return nil, ErrMalformed
}

// uvarint is binary.Uvarint with a quick way for one byte.
func uvarint(p []byte) (uint64, int) {
	if len(p) > 0 && p[0] < 0x80 {
		return uint64(p[0]), 1
	}
	return binary.Uvarint(p)
}
