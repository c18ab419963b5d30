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
