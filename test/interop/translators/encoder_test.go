package translators

import (
	"testing"

	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"

	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// What the project's own encoder writes, with which the load generator and many tests speak, Apache's Thrift reads as the
// same batch.
func TestEncoder(t *testing.T) {
	for seed := range uint64(2_000) {
		b := newGenerator(seed).batch()
		for _, encoding := range []thrift.Encoding{thrift.Compact, thrift.Binary, thrift.BinaryOld} {
			datagram := jaegerthrift.AppendEmitBatch(nil, encoding, thrift.Oneway, 7, ourBatch(b))
			got, err := readDatagram(datagram)
			if err != nil {
				t.Fatalf("seed %d, %s: Apache's Thrift refuses it: %v", seed, encoding, err)
			}
			if want := text(t, normal(b)); text(t, normal(got)) != want {
				t.Fatalf("seed %d, %s: Apache's Thrift reads\n%s\nwhere the batch was\n%s", seed, encoding, text(t, got), want)
			}
		}
	}
}

func text(t *testing.T, b *jaeger.Batch) string {
	t.Helper()
	f := form{}
	// Fields in one order, whatever wrote them: two batches are the same if their compact bytes are.
	return string(f.datagram(b))
}

// normal is a batch without the distinctions that the encoder does not make: between no list and an empty one, and between
// no value and the zero value of a tag's type.
func normal(b *jaeger.Batch) *jaeger.Batch {
	n := *b
	n.Process = &jaeger.Process{ServiceName: b.Process.ServiceName, Tags: normalTags(b.Process.Tags)}
	n.Spans = nil
	for _, s := range b.Spans {
		c := *s
		c.Tags = normalTags(s.Tags)
		if len(s.References) == 0 {
			c.References = nil
		}
		c.Logs = nil
		for _, l := range s.Logs {
			fields := normalTags(l.Fields)
			if fields == nil {
				fields = []*jaeger.Tag{} // required
			}
			c.Logs = append(c.Logs, &jaeger.Log{Timestamp: l.Timestamp, Fields: fields})
		}
		n.Spans = append(n.Spans, &c)
	}
	return &n
}

func normalTags(list []*jaeger.Tag) (tags []*jaeger.Tag) {
	for _, t := range list {
		c := &jaeger.Tag{Key: t.Key, VType: t.VType}
		switch t.VType {
		case jaeger.TagType_STRING:
			c.VStr = new(t.GetVStr())
		case jaeger.TagType_DOUBLE:
			c.VDouble = new(t.GetVDouble())
		case jaeger.TagType_BOOL:
			c.VBool = new(t.GetVBool())
		case jaeger.TagType_LONG:
			c.VLong = new(t.GetVLong())
		case jaeger.TagType_BINARY:
			c.VBinary = append([]byte{}, t.VBinary...)
		}
		tags = append(tags, c)
	}
	return tags
}

func ourBatch(b *jaeger.Batch) *jaegerthrift.Batch {
	o := &jaegerthrift.Batch{
		Process: jaegerthrift.Process{ServiceName: b.Process.ServiceName, Tags: ourTags(b.Process.Tags)},
		SeqNo:   b.SeqNo,
	}
	if s := b.Stats; s != nil {
		o.Stats = &jaegerthrift.ClientStats{
			FullQueueDroppedSpans: s.FullQueueDroppedSpans,
			TooLargeDroppedSpans:  s.TooLargeDroppedSpans,
			FailedToEmitSpans:     s.FailedToEmitSpans,
		}
	}
	for _, s := range b.Spans {
		span := jaegerthrift.Span{
			TraceIDLow: uint64(s.TraceIdLow), TraceIDHigh: uint64(s.TraceIdHigh),
			SpanID: uint64(s.SpanId), ParentSpanID: uint64(s.ParentSpanId),
			OperationName: s.OperationName, Flags: s.Flags, StartTime: s.StartTime, Duration: s.Duration,
			Tags: ourTags(s.Tags),
		}
		for _, r := range s.References {
			span.References = append(span.References, jaegerthrift.SpanRef{
				RefType:    jaegerthrift.RefType(r.RefType),
				TraceIDLow: uint64(r.TraceIdLow), TraceIDHigh: uint64(r.TraceIdHigh), SpanID: uint64(r.SpanId),
			})
		}
		for _, l := range s.Logs {
			span.Logs = append(span.Logs, jaegerthrift.Log{Timestamp: l.Timestamp, Fields: ourTags(l.Fields)})
		}
		o.Spans = append(o.Spans, span)
	}
	return o
}

func ourTags(list []*jaeger.Tag) (tags []jaegerthrift.Tag) {
	for _, t := range list {
		tags = append(tags, jaegerthrift.Tag{
			Key: t.Key, Type: jaegerthrift.TagType(t.VType), Str: t.GetVStr(), Double: t.GetVDouble(), Bool: t.GetVBool(),
			Long: t.GetVLong(), Binary: t.VBinary,
		})
	}
	return tags
}
