package grpc

import (
	"encoding/binary"
	"iter"
	"math"
	"time"

	"github.com/wayside-tracing/wayside/wire/protobuf"
)

// Field numbers.
const (
	statusCode    = 1 // google.rpc.Status
	statusMessage = 2
	statusDetails = 3

	anyType  = 1 // google.protobuf.Any
	anyValue = 2

	retryInfoDelay = 1 // google.rpc.RetryInfo

	durationSeconds = 1 // google.protobuf.Duration
	durationNanos   = 2

	responsePartial = 1 // ExportTraceServiceResponse

	partialRejected = 1 // ExportTracePartialSuccess
	partialMessage  = 2
)

// retryInfo is the type that an Any with a RetryInfo names.
const retryInfo = "type.googleapis.com/google.rpc.RetryInfo"

// retryDelay finds the delay that the RetryInfo in a google.rpc.Status asks
// for. It is 0 when there is none, or one that makes no sense.
func retryDelay(status []byte) time.Duration {
	for f := range fields(status) {
		if f.number != statusDetails {
			continue
		}
		var name, value []byte
		for g := range fields(f.data) {
			switch g.number {
			case anyType:
				name = g.data
			case anyValue:
				value = g.data
			}
		}
		if string(name) != retryInfo {
			continue
		}
		for g := range fields(value) {
			if g.number == retryInfoDelay {
				return duration(g.data)
			}
		}
	}
	return 0
}

// duration reads a google.protobuf.Duration. One that is negative is 0, one
// that is too long for Go the longest.
func duration(msg []byte) time.Duration {
	var seconds, nanos int64
	for f := range fields(msg) {
		switch f.number {
		case durationSeconds:
			seconds = int64(f.value)
		case durationNanos:
			nanos = int64(f.value)
		}
	}
	if seconds < 0 || nanos < 0 || nanos >= int64(time.Second) {
		return 0
	}
	if seconds > int64(math.MaxInt64/time.Second)-1 {
		return math.MaxInt64
	}
	return time.Duration(seconds)*time.Second + time.Duration(nanos)
}

// AppendProto appends the status as a google.rpc.Status, with a RetryInfo if
// there is a delay.
func (s Status) AppendProto(dst []byte) []byte {
	dst = appendVarint(dst, statusCode, uint64(s.Code))
	dst = appendBytes(dst, statusMessage, s.Message)
	if s.RetryDelay <= 0 {
		return dst
	}
	var d []byte
	d = appendVarint(d, durationSeconds, uint64(s.RetryDelay/time.Second))
	d = appendVarint(d, durationNanos, uint64(s.RetryDelay%time.Second))
	detail := appendBytes(nil, anyType, retryInfo)
	detail = appendBytes(detail, anyValue, appendBytes(nil, retryInfoDelay, d))
	return appendBytes(dst, statusDetails, detail)
}

func appendVarint(dst []byte, number int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return binary.AppendUvarint(append(dst, byte(number<<3|protobuf.Varint)), v)
}

func appendBytes[T string | []byte](dst []byte, number int, v T) []byte {
	if len(v) == 0 {
		return dst
	}
	dst = binary.AppendUvarint(append(dst, byte(number<<3|protobuf.Bytes)), uint64(len(v)))
	return append(dst, v...)
}

// field is one field of a message. data aliases the message.
type field struct {
	number int
	value  uint64 // of a varint
	data   []byte // of bytes
}

// fields yields the varints and byte strings of a message, up to where it is
// damaged. Other wire types are in none of the messages read here: they are
// passed over.
func fields(msg []byte) iter.Seq[field] {
	return func(yield func(field) bool) {
		for len(msg) > 0 {
			var f protobuf.Field
			rest, err := f.Next(msg)
			if err != nil {
				return
			}
			msg = rest
			if w := f.Key.Wire(); w != protobuf.Varint && w != protobuf.Bytes {
				continue
			}
			if !yield(field{f.Key.Number(), f.Value, f.Data}) {
				return
			}
		}
	}
}
