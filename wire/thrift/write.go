package thrift

import (
	"encoding/binary"
	"math"
)

// Writer appends a message to a byte slice. It writes what it is told: that
// fields, values and stops make sense together is the caller's part.
type Writer struct {
	buf []byte
	enc Encoding
}

// NewWriter gives a writer that appends to dst.
func NewWriter(dst []byte, e Encoding) *Writer { return &Writer{buf: dst, enc: e} }

// Bytes is dst with what was written.
func (w *Writer) Bytes() []byte { return w.buf }

// Message writes a message's header. The struct of its arguments follows.
func (w *Writer) Message(name string, t MessageType, seqID int32) {
	switch w.enc {
	case Compact:
		w.buf = append(w.buf, compactID, byte(t)<<5|compactVersion)
		w.buf = binary.AppendUvarint(w.buf, uint64(uint32(seqID)))
		w.String(name)
	case BinaryOld:
		w.String(name)
		w.buf = append(w.buf, byte(t))
		w.I32(seqID)
	default:
		w.buf = append(w.buf, binaryVersion, 1, 0, byte(t))
		w.String(name)
		w.I32(seqID)
	}
}

// Field writes the header of a field that is no bool. after is the field of the
// struct that was written before it, 0 if it is the first.
func (w *Writer) Field(after, f Field) { w.field(after, f, toCompact[f.Type()]) }

// BoolField writes a bool, header and value.
func (w *Writer) BoolField(after, f Field, v bool) {
	if w.enc != Compact {
		w.field(after, f, 0)
		w.Bool(v)
		return
	}
	t := byte(compactFalse)
	if v {
		t = compactTrue
	}
	w.field(after, f, t)
}

func (w *Writer) field(after, f Field, compact byte) {
	if w.enc != Compact {
		w.buf = append(w.buf, byte(f.Type()))
		w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(f.ID()))
		return
	}
	if d := int(f.ID()) - int(after.ID()); d >= 1 && d <= 15 {
		w.buf = append(w.buf, byte(d)<<4|compact)
		return
	}
	w.buf = append(w.buf, compact)
	w.I16(f.ID())
}

// Stop ends a struct.
func (w *Writer) Stop() { w.buf = append(w.buf, byte(Stop)) }

// List writes the header of a list, or of a set, of n elements.
func (w *Writer) List(elem Type, n int) {
	switch {
	case w.enc != Compact:
		w.buf = append(w.buf, byte(elem))
		w.I32(int32(n))
	case n < 15:
		w.buf = append(w.buf, byte(n)<<4|toCompact[elem])
	default:
		w.buf = append(w.buf, 0xf0|toCompact[elem])
		w.buf = binary.AppendUvarint(w.buf, uint64(n))
	}
}

// Bool writes a bool that is an element of a list.
func (w *Writer) Bool(v bool) {
	b := byte(0)
	if v {
		b = 1
	} else if w.enc == Compact {
		b = compactFalse
	}
	w.buf = append(w.buf, b)
}

// I16 writes an i16.
func (w *Writer) I16(v int16) {
	if w.enc == Compact {
		w.I64(int64(v))
		return
	}
	w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(v))
}

// I32 writes an i32.
func (w *Writer) I32(v int32) {
	if w.enc == Compact {
		w.I64(int64(v))
		return
	}
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(v))
}

// I64 writes an i64. In compact, AppendVarint's zig-zag is Thrift's.
func (w *Writer) I64(v int64) {
	if w.enc == Compact {
		w.buf = binary.AppendVarint(w.buf, v)
		return
	}
	w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(v))
}

// Double writes a double: big-endian in binary, little-endian in compact.
func (w *Writer) Double(v float64) {
	if w.enc == Compact {
		w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(v))
		return
	}
	w.buf = binary.BigEndian.AppendUint64(w.buf, math.Float64bits(v))
}

// String writes a string.
func (w *Writer) String(s string) {
	w.length(len(s))
	w.buf = append(w.buf, s...)
}

// Binary writes a string of bytes.
func (w *Writer) Binary(p []byte) {
	w.length(len(p))
	w.buf = append(w.buf, p...)
}

func (w *Writer) length(n int) {
	if w.enc == Compact {
		w.buf = binary.AppendUvarint(w.buf, uint64(n))
		return
	}
	w.I32(int32(n))
}
