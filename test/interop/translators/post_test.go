package translators

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/jaeger"
	"go.opentelemetry.io/collector/pdata/ptrace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/jaegerproto"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// ourPosts is what a Jaeger collector reads in the requests that the agent makes of one in OTLP, each of up to limit bytes.
func ourPosts(t *testing.T, e *jaegerproto.Encoder, request []byte, limit int) (list []fields.Span) {
	t.Helper()
	spans, err := otlp.Check(request)
	if err != nil {
		t.Fatal(err)
	}
	frames := [][]byte{request}
	for from := 0; ; {
		post, n := e.Encode(frames, limit)
		if len(post) > limit+16 && n > 1 {
			t.Fatalf("%d spans in %d bytes, the limit is %d", n, len(post), limit)
		}
		var p api_v2.PostSpansRequest
		if err := p.Unmarshal(post); err != nil {
			t.Fatalf("%x: %v", post, err)
		}
		if len(p.Batch.Spans) != n {
			t.Fatalf("%d spans in the request, the agent says %d", len(p.Batch.Spans), n)
		}
		for _, s := range p.Batch.Spans {
			list = append(list, jaegerFields(s, s.Process))
		}
		if from += n; from >= spans {
			return list
		}
		frames[0] = otlp.Extract(nil, request, from, spans)
	}
}

// theirPosts is what upstream makes of it, with all the rules but one.
func theirPosts(t *testing.T, request []byte, without string) (list []fields.Span, used []string) {
	t.Helper()
	td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(request)
	if err != nil {
		t.Fatal(err)
	}
	var all []posted
	for _, b := range upstream.ProtoFromTraces(td) {
		for _, s := range b.Spans {
			all = append(all, posted{jaeger: s, process: b.Process})
		}
	}
	at := 0
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				all[at].resource, all[at].scope, all[at].span = rs.Resource(), ss.Scope(), s
				at++
			}
		}
	}
	for i := range all { // each span has a process of its own, as rules change it
		p := *all[i].process
		p.Tags = slices.Clone(p.Tags)
		all[i].process = &p
	}
	for _, r := range postRules {
		changed := false
		for i := range all {
			changed = r.name != without && r.apply(&all[i]) || changed
		}
		if changed {
			used = append(used, r.name)
		}
	}
	for _, s := range all {
		list = append(list, jaegerFields(s.jaeger, s.process))
	}
	return list, used
}

// jaegerFields is a Jaeger span in fields. Tags are known by their keys: a list of them is no order. References and logs are
// known by their place.
func jaegerFields(s *model.Span, p *model.Process) fields.Span {
	f := map[string]string{
		"name": strconv.Quote(s.OperationName), "flags": fmt.Sprint(s.Flags), "warnings": fmt.Sprint(s.Warnings),
		"start": s.StartTime.UTC().String(), "duration": s.Duration.String(), "process_id": s.ProcessID,
	}
	if p != nil {
		f["process"] = strconv.Quote(p.ServiceName)
		tagFields(f, "process", p.Tags)
	}
	tagFields(f, "span", s.Tags)
	for i, r := range s.References {
		f[fmt.Sprintf("reference %d", i)] = fmt.Sprint(r)
	}
	for i, l := range s.Logs {
		at := fmt.Sprintf("log %d", i)
		f[at] = l.Timestamp.UTC().String()
		tagFields(f, at, l.Fields)
	}
	return fields.Span{ID: fmt.Sprintf("%v/%v", s.TraceID, s.SpanID), Fields: f}
}

func tagFields(f map[string]string, path string, tags []model.KeyValue) {
	seen := map[string]int{}
	for _, kv := range tags {
		key := path + "[" + kv.Key
		if seen[kv.Key]++; seen[kv.Key] > 1 {
			key += "#" + strconv.Itoa(seen[kv.Key])
		}
		f[key+"]"] = fmt.Sprintf("%v %q %v %d %x %x", kv.VType, kv.VStr, kv.VBool, kv.VInt64, math.Float64bits(kv.VFloat64), kv.VBinary)
	}
}

// odd makes a generated request odder: with the keys and links that the translation looks at.
func (g generator) odd(td *tracepb.TracesData) {
	text := func(s string) *commonpb.AnyValue {
		if g.one(5) {
			return g.value(1)
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
	}
	rename := func(list []*commonpb.KeyValue, keys ...string) {
		for _, kv := range list {
			if g.one(2) {
				kv.Key = pick(g, keys...)
				kv.Value = text(pick(g, "", "svc", "Jaeger-Go-2.30", "Jaeger-", "child_of", "follows_from", "a=b"))
			}
		}
	}
	for _, rs := range td.GetResourceSpans() {
		rename(rs.GetResource().GetAttributes(), "service.name", "service.name", "host.name", "hostname", "jaeger.version", "opencensus.exporterversion")
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				rename(s.Attributes, "error", "span.kind", "otel.status_code", "w3c.tracestate", "otel.scope.name")
				for _, e := range s.Events {
					rename(e.Attributes, "event", "message")
				}
				for _, l := range s.Links {
					rename(l.Attributes, "opentracing.ref_type")
					switch g.IntN(8) {
					case 0:
						l.TraceId, l.SpanId = s.TraceId, s.ParentSpanId
					case 1:
						l.SpanId = s.ParentSpanId
					case 2:
						l.TraceId = nil
					case 3:
						l.SpanId = make([]byte, 8)
					}
				}
			}
		}
	}
}

// Requests of every shape become what upstream makes of them, however they are divided.
func TestPosts(t *testing.T) {
	const requests = 10_000
	used := make(map[string]int)
	var e jaegerproto.Encoder
	spans := 0
	for seed := range uint64(requests) {
		g := newGenerator(seed)
		td := g.request()
		g.odd(td)
		request, err := proto.Marshal(td)
		if err != nil {
			t.Fatal(err)
		}
		want, rules := theirPosts(t, request, "")
		got := ourPosts(t, &e, request, pick(g, 1, 300, 1000, 4000, 1<<20))
		if lines := fields.Diff(want, got); len(lines) > 0 {
			t.Fatalf("seed %d, %d differences: %s", seed, len(lines), strings.Join(lines[:min(len(lines), 10)], "\n"))
		}
		for i := range want {
			if want[i].ID != got[i].ID {
				t.Fatalf("seed %d: span %d is %s, not %s", seed, i, got[i].ID, want[i].ID)
			}
		}
		spans += len(want)
		for _, name := range rules {
			used[name]++
		}
	}
	if spans < requests {
		t.Errorf("%d spans: that is no comparison", spans)
	}
	for _, r := range postRules {
		if used[r.name] == 0 {
			t.Errorf("rule %q was never needed: delete it", r.name)
		}
		t.Logf("%6d requests needed %q", used[r.name], r.name)
	}
}

// Each rule has a case that shows it is needed.
func TestEachPostRuleIsNeeded(t *testing.T) {
	var e jaegerproto.Encoder
	for _, r := range postRules {
		t.Run(r.name, func(t *testing.T) {
			rs := plainRequest()
			r.example(rs)
			request, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{rs}})
			if err != nil {
				t.Fatal(err)
			}
			got := ourPosts(t, &e, request, 1<<20)
			if want, _ := theirPosts(t, request, r.name); len(fields.Diff(want, got)) == 0 {
				t.Error("there is no difference without it")
			}
			want, used := theirPosts(t, request, "")
			if lines := fields.Diff(want, got); len(lines) > 0 {
				t.Errorf("with it: %q", lines)
			}
			if !slices.Equal(used, []string{r.name}) {
				t.Errorf("rules used: %q", used)
			}
		})
	}
}

// Whatever is altered of a span is a difference.
func TestAlteredPostsDiffer(t *testing.T) {
	span := func() (*model.Span, *model.Process) {
		tags := func() []model.KeyValue {
			return []model.KeyValue{{Key: "k", VType: model.StringType, VStr: "v"}, {Key: "b", VType: model.BinaryType, VBinary: []byte("x")}}
		}
		return &model.Span{
			TraceID: model.NewTraceID(1, 2), SpanID: 3, OperationName: "op", Tags: tags(), Logs: []model.Log{{Fields: tags()}},
			References: []model.SpanRef{{TraceID: model.NewTraceID(1, 2), SpanID: 1}},
		}, &model.Process{ServiceName: "svc", Tags: tags()}
	}
	for name, alter := range map[string]func(*model.Span, *model.Process){
		"trace":          func(s *model.Span, _ *model.Process) { s.TraceID.Low++ },
		"span":           func(s *model.Span, _ *model.Process) { s.SpanID++ },
		"name":           func(s *model.Span, _ *model.Process) { s.OperationName += "x" },
		"reference":      func(s *model.Span, _ *model.Process) { s.References[0].SpanID++ },
		"reference type": func(s *model.Span, _ *model.Process) { s.References[0].RefType = model.FollowsFrom },
		"flags":          func(s *model.Span, _ *model.Process) { s.Flags = 1 },
		"start":          func(s *model.Span, _ *model.Process) { s.StartTime = s.StartTime.Add(1) },
		"duration":       func(s *model.Span, _ *model.Process) { s.Duration++ },
		"tag":            func(s *model.Span, _ *model.Process) { s.Tags[0].VStr = "w" },
		"tag's type":     func(s *model.Span, _ *model.Process) { s.Tags[0].VType = model.BinaryType },
		"tag's key":      func(s *model.Span, _ *model.Process) { s.Tags[1].Key = "c" },
		"tag lost":       func(s *model.Span, _ *model.Process) { s.Tags = s.Tags[:1] },
		"log":            func(s *model.Span, _ *model.Process) { s.Logs[0].Timestamp = s.Logs[0].Timestamp.Add(1) },
		"log's field":    func(s *model.Span, _ *model.Process) { s.Logs[0].Fields[1].VBinary[0]++ },
		"service":        func(_ *model.Span, p *model.Process) { p.ServiceName = "" },
		"process tag":    func(_ *model.Span, p *model.Process) { p.Tags[0].VBool = true },
		"warning":        func(s *model.Span, _ *model.Process) { s.Warnings = []string{"w"} },
	} {
		want := jaegerFields(span())
		s, p := span()
		alter(s, p)
		if len(fields.Diff([]fields.Span{want}, []fields.Span{jaegerFields(s, p)})) == 0 {
			t.Errorf("%s altered: no difference", name)
		}
	}
}
