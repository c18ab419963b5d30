package load

import "encoding/binary"

// The types of the Thrift compact protocol that a batch needs
// (thrift-compact-protocol.md, "Struct encoding").
const (
	typeTrue   = 1
	typeI32    = 5
	typeI64    = 6
	typeDouble = 7
	typeBinary = 8
	typeList   = 9
	typeStruct = 12
)

// writer appends Thrift compact protocol. It is not wire/thrift's, so that a
// mistake there is not measured as if it were right.
type writer struct {
	b    []byte
	last []byte // the last field id of each open struct; all ids here are under 16
}

// field begins field id; ids rise by less than 16, so every header is one byte.
func (w *writer) field(id, typ byte) {
	top := len(w.last) - 1
	w.b = append(w.b, (id-w.last[top])<<4|typ)
	w.last[top] = id
}

func (w *writer) open()  { w.last = append(w.last, 0) }
func (w *writer) close() { w.last = w.last[:len(w.last)-1]; w.b = append(w.b, 0) }

func (w *writer) string(id byte, s string) {
	w.field(id, typeBinary)
	w.b = binary.AppendUvarint(w.b, uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) i32(id byte, v int32) {
	w.field(id, typeI32)
	w.b = binary.AppendVarint(w.b, int64(v)) // zig-zag, as encoding/binary does it
}

func (w *writer) i64(id byte, v int64) {
	w.field(id, typeI64)
	w.b = binary.AppendVarint(w.b, v)
}

// list begins a list of n structs.
func (w *writer) list(id byte, n int) {
	w.field(id, typeList)
	if n < 15 {
		w.b = append(w.b, byte(n)<<4|typeStruct)
		return
	}
	w.b = append(w.b, 15<<4|typeStruct)
	w.b = binary.AppendUvarint(w.b, uint64(n))
}
