package zipkin

import (
	"encoding/binary"
	"errors"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/protobuf"
)

// Protobuf transcodes the body of a request to /api/v2/spans in protobuf: a
// ListOfSpans. A span that can't be read is left out.
func (t *Transcoder) Protobuf(body []byte, put func([]byte, int) error) (Result, error) {
	t.begin(put)
	var f protobuf.Field
	for len(body) > 0 && t.err == nil {
		rest, err := f.Next(body)
		if err != nil {
			return t.end(errField)
		}
		if body = rest; f.Key == protoSpans {
			t.protoSpan(f.Data)
		}
	}
	return t.end(nil)
}

var errField = errors.New("a field that is cut off, or is none")

func (t *Transcoder) protoSpan(msg []byte) {
	t.openV2()
	if t.protoFields(msg) && t.protoTags(msg) {
		t.endV2()
	} else {
		t.bad()
	}
}

// protoFields reads all of a span but its tags, and says whether it could.
func (t *Transcoder) protoFields(msg []byte) bool {
	s := &t.span
	var f protobuf.Field
	var err error
	for len(msg) > 0 {
		if msg, err = f.Next(msg); err != nil {
			return false
		}
		ok := true
		switch f.Key {
		case protoTraceID:
			switch len(f.Data) {
			case 16:
				s.traceHigh = binary.BigEndian.Uint64(f.Data)
				s.traceLow = binary.BigEndian.Uint64(f.Data[8:])
			case 8:
				s.traceHigh, s.traceLow = 0, binary.BigEndian.Uint64(f.Data)
			default:
				return false
			}
		case protoParentID:
			s.parent, ok = protoSpanID(f.Data)
		case protoID:
			s.id, ok = protoSpanID(f.Data)
		case protoKind:
			s.kind = protoKindOf(f.Value)
		case protoName:
			t.out.Text(otlp.SpanName, f.Data)
		case protoTimestamp:
			s.start = int64(f.Value)
		case protoDuration:
			s.duration = int64(f.Value)
		case protoLocal:
			ok = protoEndpoint(f.Data, &t.v2.local)
		case protoRemote:
			ok = protoEndpoint(f.Data, &t.v2.remote)
		case protoAnnotations:
			ok = t.protoAnnotation(f.Data)
		}
		if !ok {
			return false
		}
	}
	return true
}

// protoTags reads the tags of a span. They are read after all else: attributes
// are written side by side.
func (t *Transcoder) protoTags(msg []byte) bool {
	t.keys.Begin()
	var f, g protobuf.Field
	for len(msg) > 0 {
		msg, _ = f.Next(msg) // it has been read before
		if f.Key != protoTags {
			continue
		}
		var key, value []byte
		var err error
		for entry := f.Data; len(entry) > 0; {
			if entry, err = g.Next(entry); err != nil {
				return false
			}
			switch g.Key {
			case protoTagKey:
				key = g.Data
			case protoTagValue:
				value = g.Data
			}
		}
		t.tag(key, value)
	}
	t.keys.End(&t.out.Builder)
	return true
}

func (t *Transcoder) protoAnnotation(msg []byte) bool {
	var a annotation
	var f protobuf.Field
	var err error
	for len(msg) > 0 {
		if msg, err = f.Next(msg); err != nil {
			return false
		}
		switch f.Key {
		case protoTime:
			a.time = int64(f.Value)
		case protoValue:
			a.value = f.Data
		}
	}
	t.event(a.time, a.value)
	return true
}

// protoEndpoint reads an endpoint into e; of one that comes in parts, the parts
// are put together.
func protoEndpoint(msg []byte, e *endpoint) bool {
	var f protobuf.Field
	var err error
	for len(msg) > 0 {
		if msg, err = f.Next(msg); err != nil {
			return false
		}
		switch f.Key {
		case protoService:
			e.service = f.Data
		case protoIPv4:
			e.ipv4 = address4or6(f.Data)
		case protoIPv6:
			e.ipv6 = address4or6(f.Data)
		case protoPort:
			e.port = portOf(int64(f.Value))
		}
	}
	return true
}

// protoSpanID is an id of 8 bytes, or none.
func protoSpanID(p []byte) (uint64, bool) {
	switch len(p) {
	case 0:
		return 0, true
	case 8:
		return binary.BigEndian.Uint64(p), true
	}
	return 0, false
}

// protoKindOf is a Span.Kind.
func protoKindOf(v uint64) otlp.Kind {
	switch v {
	case 1:
		return otlp.KindClient
	case 2:
		return otlp.KindServer
	case 3:
		return otlp.KindProducer
	case 4:
		return otlp.KindConsumer
	}
	return otlp.KindUnspecified
}
