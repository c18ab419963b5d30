// Package jaegerproto also turns frames into the requests that Jaeger collectors
// take by gRPC: see Encoder.
package jaegerproto

import (
	"bytes"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Encoder makes requests for a Jaeger collector out of frames. It reads their
// bytes and writes the request's: there is no span in between. Its memory is
// used again and again, by one goroutine at a time. The zero value is ready.
//
// The translation is that of the OpenTelemetry specification
// (specification/trace/sdk_exporters/jaeger.md) as contrib's
// pkg/translator/jaeger has it (ProtoFromTraces); test/interop/translators
// compares them, and names the differences that are meant.
type Encoder struct {
	out     otlp.Builder
	process otlp.Builder // Span.process, as a field, for the resource at hand
	scope   otlp.Builder // Span.tags, as fields, for the scope at hand
	text    []byte       // of a value that is a list or a map
	limit   int          // of the request, in bytes
	spans   int          // in it
	merged  []byte       // of a resource or scope that stands there in pieces

	// What process and scope were made of, in the frames at hand; nil: not known.
	ofResource, ofScope []byte
}

// Cap is the memory that the encoder keeps, in bytes.
func (e *Encoder) Cap() int {
	return e.out.Cap() + e.process.Cap() + e.scope.Cap() + cap(e.text) + cap(e.merged)
}

// Encode returns a PostSpansRequest of the first spans of frames put end to
// end, as many as fit into limit bytes but one at least, and how many those
// are. The frames must have passed otlp.Check. The request is valid until the
// next call.
//
// Two requests put end to end are not one: they decode as one batch that has
// the last one's process. So there is one batch, and each span has its own
// process in it, which is why a request may be far larger than its frames.
func (e *Encoder) Encode(frames [][]byte, limit int) (request []byte, spans int) {
	size := 0
	for _, f := range frames {
		size += len(f)
	}
	e.out.Reset()
	e.limit, e.spans = limit, 0
	e.ofResource, e.ofScope = nil, nil
	batch := e.out.Open(requestBatch, size)
	for _, f := range frames {
		if !e.frame(f) {
			break
		}
	}
	e.out.Close(batch)
	return e.out.Bytes(), e.spans
}

// frame writes the spans of a frame. It says whether all of them fit.
func (e *Encoder) frame(frame []byte) bool {
	for f := range otlp.Fields(frame) {
		if f.Number == otlp.RequestResourceSpans && !e.resourceSpans(f.Data) {
			return false
		}
	}
	return true
}

func (e *Encoder) resourceSpans(rs []byte) bool {
	e.resource(rs)
	for f := range otlp.Fields(rs) {
		if f.Number == otlp.ResourceSpansScopeSpans && !e.scopeSpans(f.Data) {
			return false
		}
	}
	return true
}

func (e *Encoder) scopeSpans(ss []byte) bool {
	e.scopeTags(ss)
	for f, rest, ok := otlp.Next(ss); ok; f, rest, ok = otlp.Next(rest) {
		if f.Number != otlp.ScopeSpansSpans {
			continue
		}
		start := e.out.Len()
		e.span(f.Data)
		if e.out.Len() > e.limit && e.spans > 0 {
			e.out.Truncate(start)
			return false
		}
		e.spans++
	}
	return true
}

// scopeTags makes tags of what the spans of a ScopeSpans have in common.
func (e *Encoder) scopeTags(ss []byte) {
	scope, whole := e.merge(ss, otlp.ScopeSpansScope)
	if whole && same(scope, e.ofScope) {
		return
	}
	e.ofScope = nil
	if whole {
		e.ofScope = scope
	}
	b := &e.scope
	b.Reset()
	var name, version []byte
	for f := range otlp.Fields(scope) {
		switch f.Number {
		case otlp.ScopeName:
			name = f.Data
		case otlp.ScopeVersion:
			version = f.Data
		}
	}
	if len(name) > 0 {
		stringTag(b, spanTags, keyScopeName, name)
	}
	if len(version) > 0 {
		stringTag(b, spanTags, keyScopeVersion, version)
	}
	e.tags(b, spanTags, scope, otlp.ScopeAttributes)
}

// same says whether two messages are there and alike.
func same(a, b []byte) bool { return a != nil && b != nil && bytes.Equal(a, b) }
