package otlp

import "iter"

// Field is one field of a message as it stands on the wire.
type Field struct {
	Number int
	Value  uint64 // of a number
	Data   []byte // of bytes, a string or a message; aliases the message
}

// Fields yields the fields of a message in a frame that Check has passed, in
// the order in which they stand.
func Fields(msg []byte) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for rest := msg; len(rest) > 0; {
			var f field
			var err error
			if rest, err = f.next(rest); err != nil || !yield(Field{f.number, f.value, f.data}) {
				return
			}
		}
	}
}

// AttributesIn are those that stand in a field of a message.
func AttributesIn(msg []byte, field int) Attributes { return Attributes{msg, field} }

// Next reads the first field of a message in a frame that Check has passed, and
// returns what follows it; ok is false at the end of the message. It is Fields
// for where a loop over every field is all the work that there is.
func Next(msg []byte) (f Field, rest []byte, ok bool) {
	if len(msg) >= 2 && msg[0] < 0x80 && msg[0]&7 == wireBytes && msg[1] < 0x80 {
		if end := 2 + int(msg[1]); end <= len(msg) {
			return Field{Number: int(msg[0] >> 3), Data: msg[2:end:end]}, msg[end:], true
		}
	}
	if len(msg) == 0 {
		return Field{}, nil, false
	}
	var slow field
	rest, err := slow.next(msg)
	return Field{slow.number, slow.value, slow.data}, rest, err == nil
}

// ReadAttribute reads a KeyValue.
func ReadAttribute(msg []byte) (key []byte, value Value) { return readKeyValue(msg) }
