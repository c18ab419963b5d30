package load

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// message is protobuf that is being written, once. It is not wire/otlp's
// builder, so that a mistake there is not measured as if it were right.
type message []byte

func (m message) varint(field int, v uint64) message {
	return binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3), v)
}

func (m message) fixed64(field int, v uint64) message {
	return binary.LittleEndian.AppendUint64(binary.AppendUvarint(m, uint64(field)<<3|1), v)
}

func (m message) fixed32(field int, v uint32) message {
	return binary.LittleEndian.AppendUint32(binary.AppendUvarint(m, uint64(field)<<3|5), v)
}

// head begins a field of n bytes, which are to be appended.
func (m message) head(field, n int) message {
	return binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3|2), uint64(n))
}

func (m message) bytes(field int, v []byte) message { return append(m.head(field, len(v)), v...) }

// room is a field of n bytes that are put there later, at that place.
func (m message) room(field, n int) (with message, at int) {
	m = m.head(field, n)
	return append(m, make([]byte, n)...), len(m)
}

func (m message) text(field int, v string) message { return append(m.head(field, len(v)), v...) }

// attributes appends each as a KeyValue (common.proto).
func (m message) attributes(field int, all []attribute) message {
	for _, a := range all {
		var value message
		switch v := a.value.(type) {
		case string:
			value = value.text(1, v)
		case bool:
			value = value.varint(2, 1)
		case int:
			value = value.varint(3, uint64(v))
		case float64:
			value = value.fixed64(4, math.Float64bits(v))
		default:
			panic(fmt.Sprintf("load: attribute %s is a %T", a.key, v))
		}
		m = m.bytes(field, message(nil).text(1, a.key).bytes(2, value))
	}
	return m
}

// newProtobuf writes the request (trace_service.proto, trace.proto).
func newProtobuf(client, spans int, now time.Time) *request {
	r := &request{count: spans}
	span := r.protobufSpan(uint64(now.UnixNano()))
	element := message(nil).bytes(2, span) // ScopeSpans.spans
	r.size = len(element)
	r.at = r.at.moved(r.size - len(span))

	scope := message(nil).bytes(1, message(nil).text(1, scopeName).text(2, scopeVer))
	scopeSize := len(scope) + spans*r.size
	process := message(nil).bytes(1, message(nil).attributes(1, resource(client))).head(2, scopeSize)
	b := message(nil).head(1, len(process)+scopeSize)
	b = append(append(b, process...), scope...)
	r.first = len(b)
	for range spans {
		b = append(b, element...)
	}
	r.bytes = b
	return r
}

// protobufSpan writes a Span, with its fields in the order of their numbers.
func (r *request) protobufSpan(start uint64) (m message) {
	m, r.at.high = m.room(1, 16)
	r.at.low = r.at.high + 8
	m, r.at.id = m.room(2, 8)
	m, r.at.parent = m.room(4, 8)
	m = m.text(5, spanName).varint(6, spanKind).fixed64(7, start).fixed64(8, start+uint64(spanTook)).attributes(9, tags())
	event := message(nil).fixed64(1, start+uint64(eventAfter)).text(2, eventName).attributes(3, eventTags())
	return m.bytes(11, event).bytes(15, nil).fixed32(16, spanFlags)
}
