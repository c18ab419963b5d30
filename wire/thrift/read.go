package thrift

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Reader reads one message, struct by struct and field by field:
//
//	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
//		switch f {
//		case 1<<8 | thrift.Field(thrift.String):
//			name = r.String()
//		default:
//			r.Skip(f.Type())
//		}
//	}
//
// The first error stays: from then on every struct ends, every list is empty
// and every value is zero, so that loops end by themselves and Err is asked
// once. Byte slices that it returns alias the input.
type Reader struct {
	p       []byte
	i       int // offset of the next byte
	compact bool
	enc     Encoding
	truth   bool // compact: the value of the bool whose header was read last
	what    string
	where   int
}

// Error says what is wrong with a message, and where.
type Error struct {
	What   string
	Offset int // in bytes from the message's start
}

func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// Reset starts reading p as a message in the encoding that its first byte
// shows.
func (r *Reader) Reset(p []byte) {
	*r = Reader{p: p}
	if len(p) == 0 {
		r.Fail("no message")
		return
	}
	r.enc = Sniff(p[0])
	r.compact = r.enc == Compact
	if r.enc == Unknown {
		r.Fail("not a Thrift message")
	}
}

// ResetStruct starts reading p as a struct or a list by itself, in an encoding.
func (r *Reader) ResetStruct(p []byte, e Encoding) {
	*r = Reader{p: p, enc: e, compact: e == Compact}
}

// Err is the first error, a *Error, or nil.
func (r *Reader) Err() error {
	if r.what == "" {
		return nil
	}
	return &Error{What: r.what, Offset: r.where}
}

// OK reports whether there is no error so far.
func (r *Reader) OK() bool { return r.what == "" }

// Fail makes what the error, if there is none yet, and puts it at the byte that
// would be read next.
func (r *Reader) Fail(what string) {
	if r.what == "" {
		r.what, r.where = what, r.i
		r.i = len(r.p)
	}
}

const endsEarly = "the message ends early"

// Offset is the offset of the byte that is read next.
func (r *Reader) Offset() int { return r.i }

// Seek goes to an offset that Offset gave.
func (r *Reader) Seek(offset int) {
	if r.OK() {
		r.i = offset
	}
}

// Len is how many bytes have not been read yet.
func (r *Reader) Len() int { return len(r.p) - r.i }

// Encoding is the message's encoding.
func (r *Reader) Encoding() Encoding { return r.enc }

// Rest is what has not been read yet. It is for those who know a shorter way
// through what usually comes; they go on with Advance.
func (r *Reader) Rest() []byte { return r.p[r.i:] }

// Advance goes n bytes on, of those that Rest gave.
func (r *Reader) Advance(n int) { r.i += n }

// Message reads a message's header. The struct of its arguments follows.
func (r *Reader) Message() (name []byte, t MessageType, seqID int32) {
	switch r.enc {
	case Compact:
		head := r.take(2)
		if r.OK() && head[1]&0x1f != compactVersion {
			r.i--
			r.Fail("unknown version of the compact encoding")
		}
		if !r.OK() {
			return nil, 0, 0
		}
		seqID = int32(r.uvarint())
		return r.String(), MessageType(head[1] >> 5), seqID
	case Binary:
		head := r.take(4)
		if r.OK() && head[1] != 1 {
			r.i -= 3
			r.Fail("unknown version of the binary encoding")
		}
		if !r.OK() {
			return nil, 0, 0
		}
		name = r.String()
		return name, MessageType(head[3]), r.I32()
	default:
		name = r.String()
		if b := r.take(1); r.OK() {
			t = MessageType(b[0])
		}
		return name, t, r.I32()
	}
}

// Next reads the header of a struct's next field. after is the field before
// it, 0 at the start. Its type is Stop at the struct's end.
func (r *Reader) Next(after Field) Field {
	if r.i >= len(r.p) {
		r.Fail(endsEarly)
		return 0
	}
	b := r.p[r.i]
	if r.compact {
		r.i++
		delta := b >> 4
		if delta == 0 {
			return r.nextLong(b)
		}
		t := fromCompact[b&0xf]
		r.truth = b&0xf == compactTrue
		if t == invalid || t == Stop {
			return r.noField(t)
		}
		// thrift-compact-protocol.md: ids wrap as int16 does.
		return Field(after.ID()+int16(delta))<<8 | Field(t)
	}
	if b == 0 {
		r.i++
		return 0
	}
	if len(r.p)-r.i < 3 {
		r.Fail(endsEarly)
		return 0
	}
	id := int16(binary.BigEndian.Uint16(r.p[r.i+1:]))
	r.i += 3
	return Field(id)<<8 | Field(b)
}

// nextLong is for compact fields whose id stands after the type, and for stops.
func (r *Reader) nextLong(b byte) Field {
	t := fromCompact[b&0xf]
	if t == Stop || t == invalid {
		return r.noField(t)
	}
	r.truth = b&0xf == compactTrue
	id := int16(r.I32())
	if !r.OK() {
		return 0
	}
	return Field(id)<<8 | Field(t)
}

func (r *Reader) noField(t Type) Field {
	if t == invalid {
		r.i--
		r.Fail("unknown type of a field")
	}
	return 0
}

// Structs reads the header of a list, whose elements must be structs, and
// returns their number.
func (r *Reader) Structs() int {
	elem, n := r.list()
	if n > 0 && elem != Struct {
		r.Fail("a list of the wrong type")
		return 0
	}
	return n
}

// list reads the header of a list or set.
func (r *Reader) list() (elem Type, n int) {
	if r.compact {
		if r.i >= len(r.p) {
			r.Fail(endsEarly)
			return Stop, 0
		}
		b := r.p[r.i]
		r.i++
		n = int(b >> 4)
		if n == 15 {
			n = r.length()
		}
		elem = fromCompact[b&0xf]
	} else {
		head := r.take(5)
		if !r.OK() {
			return Stop, 0
		}
		elem, n = Type(head[0]), int(int32(binary.BigEndian.Uint32(head[1:])))
	}
	return elem, r.believe(n)
}

// believe is n, if n elements can follow, of which each has a byte at least.
func (r *Reader) believe(n int) int {
	if n < 0 || n > r.Len() {
		r.Fail("a list is longer than the message")
		return 0
	}
	return n
}

// Bool reads a bool field, whose header must be what was read last.
func (r *Reader) Bool() bool {
	if r.compact {
		return r.truth && r.OK()
	}
	b := r.take(1)
	return r.OK() && b[0] == 1
}

// I16 reads an i16.
func (r *Reader) I16() int16 {
	if r.compact {
		return int16(r.I64())
	}
	b := r.take(2)
	if b == nil {
		return 0
	}
	return int16(binary.BigEndian.Uint16(b))
}

// I32 reads an i32.
func (r *Reader) I32() int32 {
	if r.compact {
		return int32(r.I64())
	}
	b := r.take(4)
	if b == nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

// I64 reads an i64.
func (r *Reader) I64() int64 {
	if r.compact {
		v := r.uvarint()
		return int64(v>>1) ^ -int64(v&1)
	}
	b := r.take(8)
	if b == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

// Double reads a double's IEEE 754 bits. They are big-endian in binary and
// little-endian in compact.
func (r *Reader) Double() uint64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	v := binary.LittleEndian.Uint64(b)
	if !r.compact {
		v = bits.ReverseBytes64(v)
	}
	return v
}

// String reads a string, or a string of bytes. It may be anything but UTF-8.
func (r *Reader) String() []byte {
	return r.take(r.length())
}

// length reads the length of a string.
func (r *Reader) length() int {
	if r.compact {
		// What is negative as an i32 is over any length.
		return int(min(r.uvarint(), 1<<31))
	}
	return int(r.I32())
}

// take reads n bytes. It is nil if there are not as many.
func (r *Reader) take(n int) []byte {
	if uint(n) > uint(len(r.p)-r.i) {
		r.Fail(endsEarly)
		return nil
	}
	b := r.p[r.i : r.i+n : r.i+n]
	r.i += n
	return b
}
