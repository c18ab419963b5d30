package otlp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is what every error of this package wraps: the bytes are not an
// ExportTraceServiceRequest that may be passed on.
var ErrMalformed = errors.New("malformed OTLP")

// maxField is the highest field number of protobuf (protobuf.dev, "Assigning
// Field Numbers").
const maxField = 1<<29 - 1

// field is one field of a message as it stands on the wire.
type field struct {
	number int
	wire   int
	value  uint64 // of a varint, fixed32 or fixed64
	data   []byte // content of wireBytes; aliases the message
	raw    []byte // the whole field, tag included; aliases the message
}

// next reads the first field of msg and returns what follows it.
func (f *field) next(msg []byte) (rest []byte, err error) {
	tag, n := uvarint(msg)
	if n <= 0 || tag>>3 == 0 || tag>>3 > maxField {
		return nil, fmt.Errorf("%w: bad field tag", ErrMalformed)
	}
	f.number, f.wire = int(tag>>3), int(tag&7)
	switch f.wire {
	case wireBytes:
		length, m := uvarint(msg[n:])
		if m <= 0 || length > uint64(len(msg)-n-m) {
			return nil, fmt.Errorf("%w: field %d is longer than its message", ErrMalformed, f.number)
		}
		n += m
		end := n + int(length)
		f.data = msg[n:end:end]
		n = end
	case wireVarint:
		v, m := uvarint(msg[n:])
		if m <= 0 {
			return nil, fmt.Errorf("%w: field %d has a bad varint", ErrMalformed, f.number)
		}
		f.value = v
		n += m
	case wireFixed64:
		if len(msg)-n < 8 {
			return nil, fmt.Errorf("%w: field %d is cut off", ErrMalformed, f.number)
		}
		f.value = binary.LittleEndian.Uint64(msg[n:])
		n += 8
	case wireFixed32:
		if len(msg)-n < 4 {
			return nil, fmt.Errorf("%w: field %d is cut off", ErrMalformed, f.number)
		}
		f.value = uint64(binary.LittleEndian.Uint32(msg[n:]))
		n += 4
	default:
		return nil, fmt.Errorf("%w: field %d has wire type %d", ErrMalformed, f.number, f.wire)
	}
	f.raw = msg[:n]
	return msg[n:], nil
}

// uvarint is binary.Uvarint with a quick way for one byte.
func uvarint(p []byte) (uint64, int) {
	if len(p) > 0 && p[0] < 0x80 {
		return uint64(p[0]), 1
	}
	return binary.Uvarint(p)
}
