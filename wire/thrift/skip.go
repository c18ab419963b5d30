package thrift

import "encoding/binary"

// maxDepth is how deep values may be nested in one that is skipped, as in
// Thrift's own libraries (lib/go/thrift, DEFAULT_RECURSION_DEPTH).
const maxDepth = 64

// Skip reads over the value of a field whose header was read last. It takes
// time in proportion to the bytes.
func (r *Reader) Skip(t Type) {
	if t == Bool && r.compact {
		return // it was in the header
	}
	r.skip(t, maxDepth)
}

func (r *Reader) skip(t Type, depth int) {
	if size := r.size(t); size > 0 {
		r.take(size)
		return
	}
	switch t {
	case I16, I32, I64: // in compact: they have no fixed size
		r.uvarint()
		return
	case String:
		r.String()
		return
	default: // it has parts
	}
	if depth == 0 {
		r.Fail("nested too deep")
		return
	}
	switch t {
	case Struct:
		for f := r.Next(0); f.Type() != Stop; f = r.Next(f) {
			if f.Type() != Bool || !r.compact {
				r.skip(f.Type(), depth-1)
			}
		}
	case List, Set:
		elem, n := r.list()
		if size := r.size(elem); size > 0 {
			r.take(n * size)
			return
		}
		for ; n > 0 && r.OK(); n-- {
			r.skip(elem, depth-1)
		}
	case Map:
		key, value, n := r.mapHeader()
		for ; n > 0 && r.OK(); n-- {
			r.skip(key, depth-1)
			r.skip(value, depth-1)
		}
	default:
		r.Fail("unknown type")
	}
}

// mapHeader reads the header of a map of n entries. An empty one has no types
// in compact.
func (r *Reader) mapHeader() (key, value Type, n int) {
	if r.compact {
		n = r.length()
		if n == 0 {
			return Stop, Stop, 0
		}
		if b := r.take(1); r.OK() {
			key, value = fromCompact[b[0]>>4], fromCompact[b[0]&0xf]
		}
	} else if head := r.take(6); r.OK() {
		key, value, n = Type(head[0]), Type(head[1]), int(int32(binary.BigEndian.Uint32(head[2:])))
	}
	return key, value, r.believe(n)
}

// size is what every value of a type takes, in bytes, or 0 if that varies.
func (r *Reader) size(t Type) int {
	switch {
	case t == Bool || t == I8:
		return 1
	case t == Double:
		return 8
	case t == UUID:
		return 16
	case r.compact: // whose other numbers are varints
		return 0
	case t == I16:
		return 2
	case t == I32:
		return 4
	case t == I64:
		return 8
	}
	return 0
}
