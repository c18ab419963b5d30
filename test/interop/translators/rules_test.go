package translators

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A rule is a deliberate difference: it takes what upstream's translator makes of a batch and changes it into what Wayside
// promises instead, or the batch before that. It says whether it had anything to change. Its example shows that the comparison
// fails without it.
type rule struct {
	name, why string
	before    func(*jaeger.Batch) bool                // changes what upstream is given
	apply     func(*jaeger.Batch, ptrace.Traces) bool // changes what upstream makes of it
	example   func() *jaeger.Batch
}

// rules are applied in this order: the first needs the spans as upstream counts them, the later ones change that.
var rules = []rule{
	{
		name: "parent of another trace is a link",
		why: "upstream leaves a CHILD_OF reference out of the links when its span id is the parent's, even if it " +
			"is of another trace, and so another span",
		apply: linkOtherTraces,
		example: func() *jaeger.Batch {
			b := plainBatch()
			b.Spans[0].ParentSpanId = 5
			b.Spans[0].References = []*jaeger.SpanRef{{RefType: jaeger.SpanRefType_CHILD_OF, TraceIdLow: 99, SpanId: 5}}
			return b
		},
	},
	{
		name:  "links with impossible ids are left out",
		why:   "as for spans; the span's dropped_links_count says how many",
		apply: leaveOutImpossibleLinks,
		example: func() *jaeger.Batch {
			b := plainBatch()
			b.Spans[0].References = []*jaeger.SpanRef{{RefType: jaeger.SpanRefType_FOLLOWS_FROM, TraceIdLow: 99}}
			return b
		},
	},
	{
		name:  "tag w3c.tracestate is the trace state",
		why:   "upstream does it for Jaeger protobuf only; what a client sends does not depend on how it is packed",
		apply: traceStateFromTag,
		example: func() *jaeger.Batch {
			return plainBatch(&jaeger.Tag{Key: "w3c.tracestate", VType: jaeger.TagType_STRING, VStr: new("a=b")})
		},
	},
	{
		name:  "tags otel.scope.name and otel.scope.version are the scope",
		why:   "as for the trace state",
		apply: scopeFromTags,
		example: func() *jaeger.Batch {
			return plainBatch(&jaeger.Tag{Key: "otel.scope.name", VType: jaeger.TagType_STRING, VStr: new("lib")},
				&jaeger.Tag{Key: "otel.scope.version", VType: jaeger.TagType_STRING, VStr: new("1.2")})
		},
	},
	{
		name:  "spans with impossible ids are left out",
		why:   "a trace or span id of zero is invalid in OTLP (trace.proto, Span.trace_id); a collector may refuse its batch",
		apply: leaveOutImpossible,
		example: func() *jaeger.Batch {
			b := plainBatch()
			b.Spans[0].SpanId = 0
			return b
		},
	},
	{
		name:   "invalid UTF-8 is replaced",
		why:    "upstream passes it on, and the next protobuf decoder refuses the whole request",
		before: replaceInvalidText,
		example: func() *jaeger.Batch {
			b := plainBatch()
			b.Spans[0].OperationName = "\xffop"
			return b
		},
	},
}

// plainBatch is a batch of one span on which no rule has anything to do.
func plainBatch(tags ...*jaeger.Tag) *jaeger.Batch {
	return &jaeger.Batch{
		Process: &jaeger.Process{ServiceName: "svc"},
		Spans: []*jaeger.Span{{
			TraceIdLow: 1, TraceIdHigh: 2, SpanId: 3, OperationName: "op", StartTime: 1_000_000, Duration: 5, Tags: tags,
		}},
	}
}

func spans(td ptrace.Traces) []ptrace.Span {
	var all []ptrace.Span
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				all = append(all, s)
			}
		}
	}
	return all
}

func linkOtherTraces(b *jaeger.Batch, td ptrace.Traces) (used bool) {
	sources := slices.DeleteFunc(slices.Clone(b.Spans), blank)
	for i, s := range spans(td) {
		links := ptrace.NewSpanLinkSlice()
		for _, r := range sources[i].References {
			same := r.TraceIdLow == sources[i].TraceIdLow && r.TraceIdHigh == sources[i].TraceIdHigh
			childOf := r.RefType == jaeger.SpanRefType_CHILD_OF
			if same && childOf && spanID(r.SpanId) == s.ParentSpanID() {
				continue
			}
			l := links.AppendEmpty()
			l.SetTraceID(traceID(r.TraceIdHigh, r.TraceIdLow))
			l.SetSpanID(spanID(r.SpanId))
			kind := "follows_from"
			if childOf {
				kind = "child_of"
			}
			l.Attributes().PutStr("opentracing.ref_type", kind)
		}
		if links.Len() != s.Links().Len() {
			links.CopyTo(s.Links())
			used = true
		}
	}
	return used
}

func leaveOutImpossibleLinks(_ *jaeger.Batch, td ptrace.Traces) (used bool) {
	for _, s := range spans(td) {
		before := s.Links().Len()
		s.Links().RemoveIf(func(l ptrace.SpanLink) bool { return l.TraceID().IsEmpty() || l.SpanID().IsEmpty() })
		if gone := before - s.Links().Len(); gone > 0 {
			s.SetDroppedLinksCount(uint32(gone))
			used = true
		}
	}
	return used
}

// blank is a span that upstream skips.
func blank(s *jaeger.Span) bool {
	empty := jaeger.Span{}
	return s.String() == empty.String()
}

func traceStateFromTag(_ *jaeger.Batch, td ptrace.Traces) (used bool) {
	for _, s := range spans(td) {
		if v, ok := s.Attributes().Get("w3c.tracestate"); ok {
			s.TraceState().FromRaw(v.Str())
			s.Attributes().Remove("w3c.tracestate")
			used = true
		}
	}
	return used
}

func scopeFromTags(_ *jaeger.Batch, td ptrace.Traces) (used bool) {
	for _, rs := range td.ResourceSpans().All() {
		regrouped := ptrace.NewScopeSpansSlice()
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				to := regrouped.AppendEmpty()
				if name, ok := s.Attributes().Get("otel.scope.name"); ok {
					used = true
					to.Scope().SetName(name.Str())
					s.Attributes().Remove("otel.scope.name")
					if version, ok := s.Attributes().Get("otel.scope.version"); ok {
						to.Scope().SetVersion(version.Str())
						s.Attributes().Remove("otel.scope.version")
					}
				}
				s.CopyTo(to.Spans().AppendEmpty())
			}
		}
		regrouped.CopyTo(rs.ScopeSpans())
	}
	return used
}

func leaveOutImpossible(_ *jaeger.Batch, td ptrace.Traces) (used bool) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			ss.Spans().RemoveIf(func(s ptrace.Span) bool {
				gone := s.TraceID().IsEmpty() || s.SpanID().IsEmpty()
				used = used || gone
				return gone
			})
		}
	}
	return used
}

// replaceInvalidText changes the batch before upstream sees it: of two keys that become the same, the last one counts.
func replaceInvalidText(b *jaeger.Batch) (used bool) {
	text := func(s *string) {
		if s != nil && !utf8.ValidString(*s) {
			*s = strings.ToValidUTF8(*s, "\ufffd")
			used = true
		}
	}
	tags := func(list []*jaeger.Tag) {
		for _, t := range list {
			text(&t.Key)
			text(t.VStr)
		}
	}
	text(&b.Process.ServiceName)
	tags(b.Process.Tags)
	for _, s := range b.Spans {
		text(&s.OperationName)
		tags(s.Tags)
		for _, l := range s.Logs {
			tags(l.Fields)
		}
	}
	return used
}
