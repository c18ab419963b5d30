package load

import (
	"encoding/binary"
	"math"
)

// kind is the type of a Thrift field, in the compact protocol
// (thrift-compact-protocol.md, "Struct encoding").
type kind byte

// The types that a batch needs.
const (
	typeTrue   kind = 1
	typeI16    kind = 4
	typeI32    kind = 5
	typeI64    kind = 6
	typeDouble kind = 7
	typeBinary kind = 8
	typeList   kind = 9
	typeStruct kind = 12
)

// binaryTypes are the same in the binary protocol (thrift-binary-protocol.md,
// "Struct encoding").
var binaryTypes = map[kind]byte{
	typeTrue: 2, typeI16: 6, typeI32: 8, typeI64: 10, typeDouble: 4, typeBinary: 11, typeList: 15, typeStruct: 12,
}

// writer appends Thrift, in the compact protocol unless binary is set. It is not
// wire/thrift's, so that a mistake there is not measured as if it were right.
type writer struct {
	b      []byte
	binary bool
	last   []byte // compact: the last field id of each open struct; all ids here are under 16
}

// field begins field id; ids rise by less than 16, so every compact header is one byte.
func (w *writer) field(id byte, typ kind) {
	if w.binary {
		w.b = append(w.b, binaryTypes[typ], 0, id)
		return
	}
	top := len(w.last) - 1
	w.b = append(w.b, (id-w.last[top])<<4|byte(typ))
	w.last[top] = id
}

func (w *writer) open()  { w.last = append(w.last, 0) }
func (w *writer) close() { w.last = w.last[:len(w.last)-1]; w.b = append(w.b, 0) }

func (w *writer) string(id byte, s string) {
	w.field(id, typeBinary)
	if w.binary {
		w.b = binary.BigEndian.AppendUint32(w.b, uint32(len(s)))
	} else {
		w.b = binary.AppendUvarint(w.b, uint64(len(s)))
	}
	w.b = append(w.b, s...)
}

func (w *writer) i16(id byte, v int16) {
	w.field(id, typeI16)
	if w.binary {
		w.b = binary.BigEndian.AppendUint16(w.b, uint16(v))
	} else {
		w.b = binary.AppendVarint(w.b, int64(v)) // zig-zag, as encoding/binary does it
	}
}

func (w *writer) i32(id byte, v int32) {
	w.field(id, typeI32)
	if w.binary {
		w.b = binary.BigEndian.AppendUint32(w.b, uint32(v))
	} else {
		w.b = binary.AppendVarint(w.b, int64(v))
	}
}

func (w *writer) i64(id byte, v int64) {
	w.field(id, typeI64)
	if w.binary {
		w.b = binary.BigEndian.AppendUint64(w.b, uint64(v))
	} else {
		w.b = binary.AppendVarint(w.b, v)
	}
}

func (w *writer) float(id byte, v float64) {
	w.field(id, typeDouble)
	if w.binary {
		w.b = binary.BigEndian.AppendUint64(w.b, math.Float64bits(v))
	} else {
		w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(v))
	}
}

// yes is a field that is true; the compact protocol has it in the type.
func (w *writer) yes(id byte) {
	w.field(id, typeTrue)
	if w.binary {
		w.b = append(w.b, 1)
	}
}

// list begins a list of n structs.
func (w *writer) list(id byte, n int) {
	w.field(id, typeList)
	w.structs(n)
}

// structs is the head of a list of n structs.
func (w *writer) structs(n int) {
	switch {
	case w.binary:
		w.b = binary.BigEndian.AppendUint32(append(w.b, binaryTypes[typeStruct]), uint32(n))
	case n < 15:
		w.b = append(w.b, byte(n)<<4|byte(typeStruct))
	default:
		w.b = binary.AppendUvarint(append(w.b, 15<<4|byte(typeStruct)), uint64(n))
	}
}
