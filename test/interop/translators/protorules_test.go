package translators

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A protoRule is a rule for what comes in protobuf.
type protoRule struct {
	name, why string
	before    func(*model.Batch) bool                // changes what upstream is given
	apply     func(*model.Batch, ptrace.Traces) bool // changes what upstream makes of it
	example   func() *model.Batch
}

// protoRules are applied in this order.
var protoRules = []protoRule{
	{
		name:   "invalid UTF-8 is replaced",
		why:    "upstream passes it on, and the next protobuf decoder refuses the whole request",
		before: replaceInvalidProtoText,
		example: func() *model.Batch {
			b := plainProto()
			b.Spans[0].OperationName = "\xffop"
			return b
		},
	},
	{
		name: "the scope is named by the last tag",
		why: "of several tags with one key the last counts, everywhere else and in Thrift; upstream takes the first for the scope, and " +
			"leaves the others",
		before: lastScopeTag,
		example: func() *model.Batch {
			return plainProto(model.String("otel.scope.name", "a"), model.String("otel.scope.name", "b"))
		},
	},
	{
		name:   "a process without a name has its tags",
		why:    "OTLPResourceNoServiceName says that a resource had no service.name; upstream drops its other attributes as well",
		before: namelessProcess,
		example: func() *model.Batch {
			b := plainProto()
			b.Process = &model.Process{ServiceName: "OTLPResourceNoServiceName", Tags: []model.KeyValue{model.String("k", "v")}}
			return b
		},
	},
	{
		name: "parent of another trace is a link",
		why: "upstream leaves a CHILD_OF reference out of the links when its span id is the parent's, even if it " +
			"is of another trace, and so another span",
		apply: linkOtherTracesProto,
		example: func() *model.Batch {
			b := plainProto()
			id := b.Spans[0].TraceID
			b.Spans[0].References = []model.SpanRef{model.NewChildOfRef(id, 5), model.NewChildOfRef(model.NewTraceID(0, 99), 5)}
			return b
		},
	},
	{
		name:  "links with impossible ids are left out",
		why:   "as for spans; the span's dropped_links_count says how many",
		apply: func(_ *model.Batch, td ptrace.Traces) bool { return leaveOutImpossibleLinks(nil, td) },
		example: func() *model.Batch {
			b := plainProto()
			b.Spans[0].References = []model.SpanRef{model.NewFollowsFromRef(model.NewTraceID(0, 99), 0)}
			return b
		},
	},
	{
		name:  "spans with impossible ids are left out",
		why:   "a trace or span id of zero is invalid in OTLP (trace.proto, Span.trace_id); a collector may refuse its batch",
		apply: func(_ *model.Batch, td ptrace.Traces) bool { return leaveOutImpossible(nil, td) },
		example: func() *model.Batch {
			b := plainProto()
			b.Spans[0].SpanID = 0
			return b
		},
	},
}

// plainProto is a batch of one span on which no rule has anything to do.
func plainProto(tags ...model.KeyValue) *model.Batch {
	return &model.Batch{
		Process: &model.Process{ServiceName: "svc"},
		Spans: []*model.Span{{
			TraceID: model.NewTraceID(2, 1), SpanID: 3, OperationName: "op", StartTime: time.Unix(1, 2).UTC(), Duration: 5, Tags: tags,
		}},
	}
}

// processes are all that there are in a batch.
func processes(b *model.Batch) (list []*model.Process) {
	if b.Process != nil {
		list = append(list, b.Process)
	}
	for _, s := range b.Spans {
		if s.Process != nil {
			list = append(list, s.Process)
		}
	}
	return list
}

func replaceInvalidProtoText(b *model.Batch) (used bool) {
	text := func(s *string) {
		if !utf8.ValidString(*s) {
			*s = strings.ToValidUTF8(*s, "\ufffd")
			used = true
		}
	}
	tags := func(list []model.KeyValue) {
		for i := range list {
			text(&list[i].Key)
			text(&list[i].VStr)
		}
	}
	for _, p := range processes(b) {
		text(&p.ServiceName)
		tags(p.Tags)
	}
	for _, s := range b.Spans {
		text(&s.OperationName)
		tags(s.Tags)
		for _, l := range s.Logs {
			tags(l.Fields)
		}
	}
	return used
}

func lastScopeTag(b *model.Batch) (used bool) {
	for _, s := range b.Spans {
		last := map[string]int{}
		for i, t := range s.Tags {
			if t.Key == "otel.scope.name" || t.Key == "otel.scope.version" {
				last[t.Key] = i
			}
		}
		var kept []model.KeyValue
		for i, t := range s.Tags {
			at, scope := last[t.Key]
			if scope && at != i {
				used = true
				continue
			}
			if scope && t.VType > model.BinaryType || scope && t.VType < 0 { // as an attribute of such a type
				t = model.String(t.Key, fmt.Sprintf("<Unknown Jaeger TagType %q>", t.VType))
				used = true
			} else if scope && t.VType != model.StringType && t.VStr != "" {
				t.VStr = ""
				used = true
			}
			kept = append(kept, t)
		}
		s.Tags = kept
	}
	return used
}

func namelessProcess(b *model.Batch) (used bool) {
	for _, p := range processes(b) {
		if p.ServiceName == "OTLPResourceNoServiceName" {
			p.ServiceName = ""
			used = used || len(p.Tags) > 0
		}
	}
	return used
}

func linkOtherTracesProto(b *model.Batch, td ptrace.Traces) (used bool) {
	sources := map[[24]byte]*model.Span{}
	key := func(trace [16]byte, span [8]byte) (k [24]byte) {
		copy(k[:], trace[:])
		copy(k[16:], span[:])
		return k
	}
	for _, s := range b.Spans {
		sources[key(traceID(int64(s.TraceID.High), int64(s.TraceID.Low)), spanID(int64(s.SpanID)))] = s
	}
	for _, s := range spans(td) {
		source := sources[key(s.TraceID(), s.SpanID())]
		links := ptrace.NewSpanLinkSlice()
		for _, r := range source.References {
			childOf := r.RefType == model.ChildOf
			if r.TraceID == source.TraceID && childOf && spanID(int64(r.SpanID)) == s.ParentSpanID() {
				continue
			}
			l := links.AppendEmpty()
			l.SetTraceID(traceID(int64(r.TraceID.High), int64(r.TraceID.Low)))
			l.SetSpanID(spanID(int64(r.SpanID)))
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
