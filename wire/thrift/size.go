package thrift

// size is what a type's values take, in bytes: all of them where fixed is not
// 0, the smallest otherwise. Both are 0 for a type that does not exist.
type size struct{ fixed, least uint8 }

// A struct is at least its stop, a string its length, a collection its header.
var binarySize = [...]size{
	Bool: {1, 1}, I8: {1, 1}, I16: {2, 2}, I32: {4, 4}, I64: {8, 8}, Double: {8, 8}, UUID: {16, 16},
	String: {0, 4}, Struct: {0, 1}, List: {0, 5}, Set: {0, 5}, Map: {0, 6},
}

var compactSize = [...]size{
	Bool: {1, 1}, I8: {1, 1}, I16: {0, 1}, I32: {0, 1}, I64: {0, 1}, Double: {8, 8}, UUID: {16, 16},
	String: {0, 1}, Struct: {0, 1}, List: {0, 1}, Set: {0, 1}, Map: {0, 1},
}

func (r *Reader) size(t Type) size {
	if int(t) >= len(binarySize) {
		return size{}
	}
	if r.compact {
		return compactSize[t]
	}
	return binarySize[t]
}
