package receive

import (
	"encoding/binary"
	"errors"
)

// Where spans are in a request, as the numbers of the fields that hold them.
// In both, a span's own id is field 2, 8 bytes.
var (
	otlpPath   = []uint64{1, 2, 2} // ExportTraceServiceRequest.resource_spans.scope_spans.spans
	jaegerPath = []uint64{1, 1}    // PostSpansRequest.batch.spans
)

const spanIDField = 2

var errWire = errors.New("not protobuf")

// tally counts the spans of a message, and adds up their ids modulo 2^64. It
// walks the wire format and decodes nothing else.
func tally(b []byte, path []uint64) (spans, ids uint64, err error) {
	for len(b) > 0 {
		field, value, rest, err := next(b)
		if err != nil {
			return 0, 0, err
		}
		b = rest
		if field != path[0] || value == nil {
			continue
		}
		if len(path) > 1 {
			n, sum, err := tally(value, path[1:])
			if err != nil {
				return 0, 0, err
			}
			spans, ids = spans+n, ids+sum
			continue
		}
		id, err := spanID(value)
		if err != nil {
			return 0, 0, err
		}
		spans, ids = spans+1, ids+id
	}
	return spans, ids, nil
}

func spanID(span []byte) (uint64, error) {
	for len(span) > 0 {
		field, value, rest, err := next(span)
		if err != nil {
			return 0, err
		}
		if field == spanIDField && len(value) == 8 {
			return binary.BigEndian.Uint64(value), nil
		}
		span = rest
	}
	return 0, errors.New("a span without an id of 8 bytes")
}

// next reads one field. value is the content of a length-delimited field, not
// nil, or nil for every other type; it aliases b.
func next(b []byte) (field uint64, value, rest []byte, err error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, nil, errWire
	}
	b = b[n:]
	var skip int // the size of a value that is not looked at
	switch tag & 7 {
	case 0:
		if _, skip = binary.Uvarint(b); skip <= 0 {
			return 0, nil, nil, errWire
		}
	case 1:
		skip = 8
	case 5:
		skip = 4
	case 2:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return 0, nil, nil, errWire
		}
		end := n + int(size)
		return tag >> 3, b[n:end:end], b[end:], nil
	default:
		return 0, nil, nil, errWire
	}
	if skip > len(b) {
		return 0, nil, nil, errWire
	}
	return tag >> 3, nil, b[skip:], nil
}
