// Package sender plays the tracers beside an agent: OTLP over gRPC, each on a
// connection of its own, and Jaeger over UDP. Every span has an id of its own, so
// that each can be accounted for.
package sender

import (
	"strings"

	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// padding makes a span about as large as those of a web service.
var padding = strings.Repeat("/orders/8817", 25)

// AppendRequest appends an ExportTraceServiceRequest of the spans of a range.
// Traces have five spans.
func AppendRequest(b *otlp.Builder, r account.Range) {
	rs := b.Open(otlp.RequestResourceSpans, 400*r.Len())
	resource := b.Open(otlp.ResourceSpansResource, 50)
	b.StringAttribute(otlp.ResourceAttributes, []byte("service.name"), []byte("shop"))
	b.Close(resource)
	ss := b.Open(otlp.ResourceSpansScopeSpans, 400*r.Len())
	for id := r.From; id < r.To; id++ {
		s := b.Open(otlp.ScopeSpansSpans, 400)
		b.TraceID(otlp.SpanTraceID, 1, 1+id/5)
		b.SpanID(otlp.SpanSpanID, id)
		b.TextString(otlp.SpanName, "GET /orders/{id}")
		b.StringAttribute(otlp.SpanAttributes, []byte("http.url"), []byte(padding))
		b.Close(s)
	}
	b.Close(ss)
	b.Close(rs)
}
