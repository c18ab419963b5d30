package translators

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/jaeger"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/jaegerproto"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// protoBatch is a batch for a collector's gRPC: what a Jaeger client sends, as its agent would pass it on, times finer than it
// has them, and now and then a process that is a span's own. Each span has an id of its own, since upstream's order of processes
// is any.
func (g generator) protoBatch() *model.Batch {
	b := g.batch()
	out := &model.Batch{Process: g.protoProcess(b.Process)}
	if g.one(20) {
		out.Process = nil
	}
	own := g.protoProcess(&jaeger.Process{ServiceName: g.text(), Tags: some(g, 5, g.processTag)})
	for i, s := range b.Spans {
		p := &model.Span{
			TraceID: model.NewTraceID(uint64(s.TraceIdHigh), uint64(s.TraceIdLow)), SpanID: model.SpanID(i + 1),
			OperationName: s.OperationName, Flags: model.Flags(s.Flags), StartTime: g.instant(s.StartTime),
			Duration: time.Duration(s.Duration%1_000_000_000)*time.Microsecond + time.Duration(g.IntN(1000)),
			Tags:     protoTags(s.Tags),
		}
		if g.one(30) {
			p.SpanID = 0
		}
		for _, r := range s.References {
			p.References = append(p.References, model.SpanRef{
				TraceID: model.NewTraceID(uint64(r.TraceIdHigh), uint64(r.TraceIdLow)), SpanID: model.SpanID(r.SpanId),
				RefType: model.SpanRefType(r.RefType),
			})
		}
		for _, l := range s.Logs {
			p.Logs = append(p.Logs, model.Log{Timestamp: g.instant(l.Timestamp), Fields: protoTags(l.Fields)})
		}
		switch g.IntN(6) {
		case 0:
			p.Process = own
		case 1:
			p.Process = g.protoProcess(&jaeger.Process{ServiceName: g.text(), Tags: some(g, 3, g.processTag)})
		case 2:
			p.Warnings, p.ProcessID = []string{g.text()}, "p1"
		}
		out.Spans = append(out.Spans, p)
	}
	return out
}

func (g generator) protoProcess(p *jaeger.Process) *model.Process {
	out := &model.Process{ServiceName: p.ServiceName, Tags: protoTags(p.Tags)}
	if g.one(20) {
		out.ServiceName = "OTLPResourceNoServiceName"
	}
	return out
}

// instant is a time that a Timestamp can hold: from year 1 to 9999.
func (g generator) instant(us int64) time.Time {
	return time.UnixMicro(us % 200_000_000_000_000_000).Add(time.Duration(g.IntN(1000))).UTC()
}

func protoTags(tags []*jaeger.Tag) (list []model.KeyValue) {
	types := map[jaeger.TagType]model.ValueType{
		jaeger.TagType_STRING: model.StringType, jaeger.TagType_DOUBLE: model.Float64Type, jaeger.TagType_BOOL: model.BoolType,
		jaeger.TagType_LONG: model.Int64Type, jaeger.TagType_BINARY: model.BinaryType,
	}
	for _, t := range tags {
		kind, known := types[t.VType]
		if !known {
			kind = model.ValueType(t.VType)
		}
		list = append(list, model.KeyValue{
			Key: t.Key, VType: kind, VStr: t.GetVStr(), VBool: t.GetVBool(), VInt64: t.GetVLong(), VFloat64: t.GetVDouble(), VBinary: t.VBinary,
		})
	}
	return list
}

// postSpans is a PostSpansRequest, whose one field is the batch (api_v2/collector.proto).
func postSpans(t *testing.T, b *model.Batch) []byte {
	t.Helper()
	bytes, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(bytes))), bytes...)
}

// oursOfProto is the agent's translation.
func oursOfProto(t *testing.T, request []byte) (list []fields.Span) {
	t.Helper()
	var transcoder jaegerproto.Transcoder
	result, err := transcoder.Request(request, nil)
	if err != nil {
		t.Fatalf("the agent refuses the request: %v", err)
	}
	for _, frame := range result.Frames {
		if _, err := otlp.Check(frame.Bytes); err != nil {
			t.Fatalf("the frame does not pass the agent's own check: %v", err)
		}
		list = append(list, decode(t, frame.Bytes)...)
	}
	if result.Spans != len(list) || result.TooBig != 0 {
		t.Fatalf("the agent counts %d spans (%d too big), a decoder %d", result.Spans, result.TooBig, len(list))
	}
	return list
}

// theirsOfProto is upstream's, with all the rules but one, and which rules had something to change.
func theirsOfProto(t *testing.T, request []byte, without string) (list []fields.Span, used []string) {
	t.Helper()
	_, n := binary.Uvarint(request[1:])
	b := new(model.Batch)
	if err := b.Unmarshal(request[1+n:]); err != nil {
		t.Fatalf("Jaeger refuses the request: %v", err)
	}
	for _, r := range protoRules {
		if r.before != nil && r.name != without && r.before(b) {
			used = append(used, r.name)
		}
	}
	source := *b
	source.Spans = slices.Clone(b.Spans)
	td, err := upstream.ProtoToTraces([]*model.Batch{b})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range protoRules {
		if r.apply != nil && r.name != without && r.apply(&source, td) {
			used = append(used, r.name)
		}
	}
	bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	if !decodable(bytes) {
		return nil, used
	}
	return decode(t, bytes), used
}

func TestGeneratedPostSpans(t *testing.T) {
	used := make(map[string]int)
	for seed := range uint64(20_000) {
		request := postSpans(t, newGenerator(seed).protoBatch())
		want, rules := theirsOfProto(t, request, "")
		lines := fields.Diff(want, oursOfProto(t, request))
		for _, line := range lines[:min(len(lines), 10)] {
			t.Errorf("seed %d: %s", seed, line)
		}
		if t.Failed() {
			return
		}
		for _, name := range rules {
			used[name]++
		}
	}
	for _, r := range protoRules {
		if used[r.name] == 0 {
			t.Errorf("rule %q was never needed: delete it", r.name)
		}
		t.Logf("%6d requests needed %q", used[r.name], r.name)
	}
}

// Each rule has a case that shows it is needed.
func TestEachProtoRuleIsNeeded(t *testing.T) {
	for _, r := range protoRules {
		t.Run(r.name, func(t *testing.T) {
			request := postSpans(t, r.example())
			got := oursOfProto(t, request)
			if want, _ := theirsOfProto(t, request, r.name); len(fields.Diff(want, got)) == 0 {
				t.Error("there is no difference without it")
			}
			want, used := theirsOfProto(t, request, "")
			if lines := fields.Diff(want, got); len(lines) > 0 {
				t.Errorf("with it: %q", lines)
			}
			if !slices.Equal(used, []string{r.name}) {
				t.Errorf("rules used: %q", used)
			}
		})
	}
}

// A batch means the same in Thrift and in protobuf, where that can say it.
func TestThriftAndProtobufAgree(t *testing.T) {
	for seed := range uint64(2000) {
		g := newGenerator(seed)
		b := g.batch()
		b.Process.Tags = knownTags(b.Process.Tags)
		p := &model.Batch{Process: &model.Process{ServiceName: b.Process.ServiceName, Tags: protoTags(b.Process.Tags)}}
		for i, s := range b.Spans {
			s.ParentSpanId, s.SpanId, s.StartTime, s.Duration = 0, int64(i+1), s.StartTime%1e15, s.Duration%1e9
			s.Tags, s.Logs, s.References = knownTags(s.Tags), nil, nil
			p.Spans = append(p.Spans, &model.Span{
				TraceID: model.NewTraceID(uint64(s.TraceIdHigh), uint64(s.TraceIdLow)), SpanID: model.SpanID(i + 1), OperationName: s.OperationName,
				StartTime: time.UnixMicro(s.StartTime).UTC(), Duration: time.Duration(s.Duration) * time.Microsecond, Tags: protoTags(s.Tags),
			})
		}
		if lines := fields.Diff(ours(t, form{}.datagram(b)), oursOfProto(t, postSpans(t, p))); len(lines) > 0 {
			t.Fatalf("seed %d: %q", seed, lines)
		}
	}
}

// knownTags are the tags of a type that there is: of others, the number is told in protobuf alone. Jaeger's code for protobuf
// does not write a zero, nor one below zero.
func knownTags(tags []*jaeger.Tag) []*jaeger.Tag {
	for _, t := range tags {
		if t.GetVDouble() == 0 {
			t.VDouble = nil
		}
	}
	return slices.DeleteFunc(tags, func(t *jaeger.Tag) bool { return t.VType < 0 || t.VType > jaeger.TagType_BINARY })
}
