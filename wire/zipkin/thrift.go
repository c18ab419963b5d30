package zipkin

import (
	"encoding/binary"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// Datagram transcodes a packet that a client sent to the Jaeger Agent: the
// message emitZipkinBatch of agent.thrift, in any of the encodings, as a call or a
// oneway. Bytes that follow it are passed over.
func (t *Transcoder) Datagram(packet []byte, put func([]byte, int) error) (Result, error) {
	t.begin(put)
	r := &t.thrift
	r.Reset(packet)
	name, kind, _ := r.Message()
	switch {
	case r.OK() && string(name) != emitZipkinBatch:
		r.Fail("an unknown method")
	case kind != thrift.Call && kind != thrift.Oneway:
		r.Fail("a message that is no call")
	}
	seen := false
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		if f != argsSpans {
			r.Skip(f.Type())
			continue
		}
		if seen {
			r.Fail("a field that comes twice")
		}
		seen = true
		t.thriftSpans()
	}
	if !seen {
		r.Fail("emitZipkinBatch without spans")
	}
	return t.end(r.Err())
}

// Thrift transcodes the body of a request to /api/v1/spans: a list of spans, in
// the binary encoding.
func (t *Transcoder) Thrift(body []byte, put func([]byte, int) error) (Result, error) {
	t.begin(put)
	t.thrift.ResetStruct(body, thrift.Binary)
	t.thriftSpans()
	return t.end(t.thrift.Err())
}

func (t *Transcoder) thriftSpans() {
	r := &t.thrift
	for n := r.Structs(); n > 0 && r.OK() && t.err == nil; n-- {
		t.thriftSpan()
	}
}

func (t *Transcoder) thriftSpan() {
	t.open()
	t.v1 = v1{}
	r, b, s := &t.thrift, &t.out.Builder, &t.span
	seen := 0 // 1 << id
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case thriftTraceID:
			s.traceLow = uint64(r.I64())
		case thriftTraceIDHigh:
			s.traceHigh = uint64(r.I64())
		case thriftID:
			s.id = uint64(r.I64())
		case thriftParentID:
			s.parent, s.hasParent = uint64(r.I64()), true
		case thriftName:
			b.Text(otlp.SpanName, r.String())
		case thriftTimestamp:
			s.start = r.I64()
		case thriftDuration:
			s.duration, s.hasDuration = r.I64(), true
		case thriftAnnotations, thriftBinaryAnnotations:
			// A second list would have to take the first one back.
			if bit := 1 << f.ID(); seen&bit != 0 {
				r.Fail("a field that comes twice")
			} else {
				seen |= bit
			}
			if f == thriftAnnotations {
				t.thriftAnnotations()
			} else {
				t.thriftBinaries()
			}
		default:
			r.Skip(f.Type())
		}
	}
	if r.OK() {
		t.endV1()
	}
}

func (t *Transcoder) thriftAnnotations() {
	r := &t.thrift
	for n := r.Structs(); n > 0 && r.OK(); n-- {
		var a annotation
		for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
			switch f {
			case annotationTimestamp:
				a.time = r.I64()
			case annotationValue:
				a.value = r.String()
			case annotationHost:
				t.thriftEndpoint(&a.host)
			default:
				r.Skip(f.Type())
			}
		}
		t.annotation(&a)
	}
}

func (t *Transcoder) thriftBinaries() {
	r := &t.thrift
	t.keys.Begin()
	for n := r.Structs(); n > 0 && r.OK(); n-- {
		var (
			g     tag
			host  endpoint
			value []byte
			kind  int32
		)
		for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
			switch f {
			case binaryKey:
				g.key = r.String()
			case binaryValue:
				value = r.String()
			case binaryType:
				kind = r.I32()
			case binaryHost:
				t.thriftEndpoint(&host)
			default:
				r.Skip(f.Type())
			}
		}
		if kind != annotationBool && fold(g.key, "error") {
			kind = annotationString // whatever it is, to the Jaeger Agent it was words
		}
		if !t.full() {
			t.setValue(&g, kind, value)
		}
		t.binary(&g, host.service)
	}
	t.keys.End(&t.out.Builder)
}

func (t *Transcoder) thriftEndpoint(e *endpoint) {
	r := &t.thrift
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case hostIPv4:
			if v := r.I32(); v != 0 {
				var p [4]byte
				binary.BigEndian.PutUint32(p[:], uint32(v))
				e.ipv4 = address4or6(p[:])
			}
		case hostPort:
			e.port = uint16(r.I16())
		case hostService:
			e.service = r.String()
		case hostIPv6:
			e.ipv6 = address4or6(r.String())
		default:
			r.Skip(f.Type())
		}
	}
}
