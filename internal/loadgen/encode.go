package loadgen

import (
	"fmt"

	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// encoder makes requests of the shop's spans, which are Jaeger's: by way of
// what a Jaeger client would send, and what the agent would make of it.
type encoder struct {
	packet     []byte
	transcoder jaegerthrift.Transcoder
	request    []byte
}

// encode returns an ExportTraceServiceRequest, valid until the next call.
func (e *encoder) encode(p Protocol, process *jaegerthrift.Process, spans []jaegerthrift.Span) ([]byte, error) {
	for i := range spans {
		widen(&spans[i])
	}
	batch := jaegerthrift.Batch{Process: *process, Spans: spans}
	e.packet = jaegerthrift.AppendEmitBatch(e.packet[:0], thrift.Compact, thrift.Call, 0, &batch)
	r, err := e.transcoder.Packet(e.packet)
	if err != nil || r.Spans != len(spans) {
		return nil, fmt.Errorf("made a request with %d of %d spans: %w", r.Spans, len(spans), err)
	}
	e.request = e.request[:0]
	for _, f := range r.Frames {
		e.request = append(e.request, f.Bytes...)
	}
	if p == OTLPJSON {
		return appendJSON(nil, e.request), nil
	}
	return e.request, nil
}

// widen gives a span a trace id of 128 bits, as OpenTelemetry's are.
func widen(s *jaegerthrift.Span) {
	const odd = 0x9E3779B97F4A7C15 // 2^64 / golden ratio: each id has another upper half
	s.TraceIDHigh = s.TraceIDLow * odd
	for i := range s.References {
		r := &s.References[i]
		r.TraceIDHigh = r.TraceIDLow * odd
	}
}
