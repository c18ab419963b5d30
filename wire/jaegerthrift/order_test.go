package jaegerthrift

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wayside-tracing/wayside/wire/thrift"
)

// shuffler writes packets that mean the same as those of AppendEmitBatch, with
// the fields of every struct in random order, unknown fields and known ones of
// other types among them, and all values in every tag, as Node clients send
// them.
type shuffler struct {
	*thrift.Writer
	rand *rand.Rand
}

func shuffled(e thrift.Encoding, seed uint64, b *Batch) []byte {
	s := shuffler{thrift.NewWriter(nil, e), rand.New(rand.NewPCG(seed, 0))}
	s.Message(emitBatch, thrift.Call, int32(seed))
	s.object(member{field: argsBatch, value: func() { s.batch(b) }})
	return s.Bytes()
}

// member is a field of a struct, and what writes its value. A bool has it in
// the header.
type member struct {
	field thrift.Field
	value func()
	truth bool
}

func (s shuffler) object(members ...member) {
	members = append(members, member{field: 300<<8 | typeList, value: func() {
		s.List(thrift.String, 2)
		s.String("unknown")
		s.String("")
	}}, member{field: -1<<8 | typeI64, value: func() { s.I64(-1) }})
	for _, m := range members[:len(members)-2] {
		if m.field.Type() != thrift.I32 && s.rand.IntN(4) == 0 {
			members = append(members, member{field: m.field&^0xff | typeI32, value: func() { s.I32(1 << 20) }})
		}
	}
	s.rand.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	after := thrift.Field(0)
	for _, m := range members {
		if m.field.Type() == thrift.Bool {
			s.BoolField(after, m.field, m.truth)
		} else {
			s.Field(after, m.field)
			m.value()
		}
		after = m.field
	}
	s.Stop()
}

func (s shuffler) i64(f thrift.Field, v uint64) member {
	return member{field: f, value: func() { s.I64(int64(v)) }}
}

func (s shuffler) i32(f thrift.Field, v int32) member {
	return member{field: f, value: func() { s.I32(v) }}
}

func (s shuffler) text(f thrift.Field, v string) member {
	return member{field: f, value: func() { s.String(v) }}
}

func (s shuffler) batch(b *Batch) {
	members := []member{
		{field: batchProcess, value: func() {
			s.object(s.text(processServiceName, b.Process.ServiceName), s.tags(processTags, b.Process.Tags))
		}},
		{field: batchSpans, value: func() {
			s.List(thrift.Struct, len(b.Spans))
			for i := range b.Spans {
				s.span(&b.Spans[i])
			}
		}},
	}
	if b.SeqNo != nil {
		members = append(members, s.i64(batchSeqNo, uint64(*b.SeqNo)))
	}
	if b.Stats != nil {
		members = append(members, member{field: batchStats, value: func() {
			s.object(s.i64(statsFullQueue, uint64(b.Stats.FullQueueDroppedSpans)),
				s.i64(statsTooLarge, uint64(b.Stats.TooLargeDroppedSpans)),
				s.i64(statsFailedToEmit, uint64(b.Stats.FailedToEmitSpans)))
		}})
	}
	s.object(members...)
}

func (s shuffler) span(sp *Span) {
	s.object(
		s.i64(spanTraceIDLow, sp.TraceIDLow), s.i64(spanTraceIDHigh, sp.TraceIDHigh),
		s.i64(spanSpanID, sp.SpanID), s.i64(spanParentSpanID, sp.ParentSpanID),
		s.text(spanOperationName, sp.OperationName), s.i32(spanFlags, sp.Flags),
		s.i64(spanStartTime, uint64(sp.StartTime)), s.i64(spanDuration, uint64(sp.Duration)),
		s.tags(spanTags, sp.Tags),
		member{field: spanReferences, value: func() {
			s.List(thrift.Struct, len(sp.References))
			for _, r := range sp.References {
				s.object(s.i32(refType, int32(r.RefType)), s.i64(refTraceIDLow, r.TraceIDLow),
					s.i64(refTraceIDHigh, r.TraceIDHigh), s.i64(refSpanID, r.SpanID))
			}
		}},
		member{field: spanLogs, value: func() {
			s.List(thrift.Struct, len(sp.Logs))
			for _, l := range sp.Logs {
				s.object(s.i64(logTimestamp, uint64(l.Timestamp)), s.tags(logFields, l.Fields))
			}
		}},
	)
}

func (s shuffler) tags(f thrift.Field, tags []Tag) member {
	return member{field: f, value: func() {
		s.List(thrift.Struct, len(tags))
		for _, g := range tags {
			members := []member{s.text(tagKey, g.Key), s.i32(tagVType, int32(g.Type))}
			want := [...]thrift.Field{tagVStr, tagVDouble, tagVBool, tagVLong, tagVBinary}[g.Type]
			for _, m := range []member{
				s.text(tagVStr, g.Str), s.i64(tagVLong, uint64(g.Long)),
				{field: tagVDouble, value: func() { s.Double(g.Double) }},
				{field: tagVBinary, value: func() { s.Binary(g.Binary) }},
				{field: tagVBool, truth: g.Bool},
			} {
				if m.field == want || s.rand.IntN(2) == 0 {
					members = append(members, m)
				}
			}
			s.object(members...)
		}
	}}
}

// rich is a batch with something of everything.
func rich() *Batch {
	return &Batch{
		Process: Process{ServiceName: "svc", Tags: []Tag{str("hostname", "h"), str("jaeger.version", "v"), str("client-uuid", "u"), double("d", 2)}},
		Spans: []Span{
			{
				TraceIDLow: 1, TraceIDHigh: 2, SpanID: 3, ParentSpanID: 4, OperationName: "GET /", Flags: 1, StartTime: 1_700_000_000_000_000, Duration: 5_000,
				References: []SpanRef{{ChildOf, 1, 2, 4}, {FollowsFrom, 7, 8, 9}},
				Tags:       []Tag{str("span.kind", "client"), long("http.status_code", 503), str("k", "1"), blob("b", "\x01"), str("k", "2")},
				Logs:       []Log{{Timestamp: 5, Fields: []Tag{str("event", "e"), long("n", 1)}}, {Timestamp: 6, Fields: []Tag{str("message", "m")}}},
			},
			{
				TraceIDLow: 1, TraceIDHigh: 2, SpanID: 5, OperationName: "root",
				References: []SpanRef{{FollowsFrom, 1, 2, 6}},
				Tags:       []Tag{str("otel.scope.name", "lib"), str("otel.scope.version", "1"), str("w3c.tracestate", "a=b"), long("l", 1)},
			},
			{TraceIDLow: 1, OperationName: "invalid", Tags: []Tag{str("k", "v")}},
			{TraceIDLow: 1, SpanID: 7, OperationName: "bare"},
		},
		SeqNo: new(int64(12)),
		Stats: &ClientStats{1, 2, 3},
	}
}

func TestFieldsInAnyOrder(t *testing.T) {
	b := rich()
	frame, res := transcodeAll(t, b)
	want := show(frame)
	for seed := range uint64(500) {
		for _, e := range encodings {
			p := shuffled(e, seed, b)
			frame, got := transcode(t, p)
			if show(frame) != want {
				t.Fatalf("%v, seed %d:\n got %s\nwant %s\n%x", e, seed, show(frame), want, p)
			}
			got.Frames = res.Frames
			if a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", res); a != b {
				t.Fatalf("%v, seed %d:\n got %s\nwant %s", e, seed, a, b)
			}
		}
	}
}
