package thrift

// Encoding is how a message is written.
type Encoding uint8

// The encodings. BinaryOld differs from Binary only in the message's header,
// which has no version.
const (
	Unknown Encoding = iota
	Compact
	Binary
	BinaryOld
)

func (e Encoding) String() string {
	switch e {
	case Compact:
		return "compact"
	case Binary:
		return "binary"
	case BinaryOld:
		return "binary-old"
	default:
		return "unknown"
	}
}

// First bytes of a message. A message in the old binary framing starts with
// the length of its name, four bytes big-endian, so with 0.
const (
	compactID     = 0x82 // protocol id; the byte after it holds version and type
	binaryVersion = 0x80 // first byte of the version, 0x8001
)

// Sniff tells a message's encoding from its first byte. It is Unknown for a
// byte that no message starts with.
func Sniff(first byte) Encoding {
	switch first {
	case compactID:
		return Compact
	case binaryVersion:
		return Binary
	case 0:
		return BinaryOld
	}
	return Unknown
}

// compactVersion is in the low five bits of a compact message's second byte.
const compactVersion = 1

// MessageType says what a message is: a call, or an answer.
type MessageType uint8

// The types of a message.
const (
	Call      MessageType = 1
	Reply     MessageType = 2
	Exception MessageType = 3
	Oneway    MessageType = 4
)

// Type is the type of a value, numbered as in the binary encoding.
type Type uint8

// The types of a value. Stop ends a struct.
const (
	Stop   Type = 0
	Bool   Type = 2
	I8     Type = 3
	Double Type = 4
	I16    Type = 6
	I32    Type = 8
	I64    Type = 10
	String Type = 11
	Struct Type = 12
	Map    Type = 13
	Set    Type = 14
	List   Type = 15
	UUID   Type = 16
)

// Field is the header of a struct's field: id<<8 | type in one number, so that
// a field that is known and has the right type is one case of a switch, and
// everything else is the default, to be skipped.
type Field int32

// Type is the type of the field's value. It is Stop where there is no field,
// because the struct has ended.
func (f Field) Type() Type { return Type(f) }

// ID is the field's number.
func (f Field) ID() int16 { return int16(f >> 8) }

// invalid stands for a type that does not exist.
const invalid Type = 0xff

// Types as the compact encoding numbers them. A bool in a struct carries its
// value in the type.
const (
	compactTrue  = 1
	compactFalse = 2
)

// fromCompact gives the Type for a compact type.
var fromCompact = [16]Type{
	0: Stop, compactTrue: Bool, compactFalse: Bool, 3: I8, 4: I16, 5: I32, 6: I64, 7: Double,
	8: String, 9: List, 10: Set, 11: Map, 12: Struct, 13: UUID, 14: invalid, 15: invalid,
}

// toCompact gives the compact type for a Type. A list of bools has the type
// of true.
var toCompact = [17]byte{
	Bool: compactTrue, I8: 3, I16: 4, I32: 5, I64: 6, Double: 7,
	String: 8, List: 9, Set: 10, Map: 11, Struct: 12, UUID: 13,
}
