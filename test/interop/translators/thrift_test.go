package translators

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
)

// A form is a way to write one and the same batch as a datagram, all of them allowed by Thrift and seen in the wild: the
// Node client writes every value of a tag, old ones wrote binary without a version, Go's says CALL where others say ONEWAY.
type form struct {
	binary, old   bool
	oneway        bool
	seq           int32
	shuffled      bool // the fields of a struct stand in any order
	unknown       bool // fields that nobody knows stand between them
	everyTagValue bool // a tag has all five values; only vType says which one counts
	random        *rand.Rand
	buffer        *thrift.TMemoryBuffer
	thrift.TProtocol
}

func (f form) String() string {
	name := "compact"
	if f.binary {
		name = "binary"
	}
	return fmt.Sprintf("%s, old %v, oneway %v, shuffled %v, unknown fields %v, every tag value %v",
		name, f.old, f.oneway, f.shuffled, f.unknown, f.everyTagValue)
}

// randomForm is any form of all.
func randomForm(seed uint64) form {
	g := newGenerator(seed)
	f := form{
		binary: g.one(2), oneway: g.one(2), shuffled: g.one(3), unknown: g.one(3), everyTagValue: g.one(3),
		seq: pick[int32](g, 0, 1, -1, g.Int32()), random: g.Rand,
	}
	f.old = f.binary && g.one(2)
	return f
}

var ctx = context.Background()

// datagram writes the call of emitBatch, as agent.thrift in jaeger-idl has it.
func (f form) datagram(b *jaeger.Batch) []byte {
	f.buffer = thrift.NewTMemoryBufferLen(1 << 12)
	if f.binary {
		f.TProtocol = thrift.NewTBinaryProtocolConf(f.buffer, &thrift.TConfiguration{TBinaryStrictWrite: new(!f.old)})
	} else {
		f.TProtocol = thrift.NewTCompactProtocolConf(f.buffer, nil)
	}
	kind := thrift.CALL
	if f.oneway {
		kind = thrift.ONEWAY
	}
	must(f.WriteMessageBegin(ctx, "emitBatch", kind, f.seq))
	f.structure(field{1, thrift.STRUCT, func() { f.batch(b) }})
	must(f.WriteMessageEnd(ctx))
	must(f.Flush(ctx))
	return f.buffer.Bytes()
}

// A memory buffer takes everything.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

type field struct {
	id    int16
	kind  thrift.TType
	write func()
}

// structure writes those of the fields that have something to write.
func (f form) structure(fields ...field) {
	if f.unknown && f.random.IntN(3) == 0 {
		id := int16(20 + f.random.IntN(100))
		fields = append(fields,
			field{id, thrift.LIST, func() {
				must(f.WriteListBegin(ctx, thrift.BOOL, 3))
				for range 3 {
					must(f.WriteBool(ctx, true))
				}
			}},
			field{id + 1, thrift.MAP, func() {
				must(f.WriteMapBegin(ctx, thrift.STRING, thrift.STRUCT, 1))
				must(f.WriteString(ctx, "key"))
				f.structure(f.text(1, "inner"))
			}},
			field{id + 100, thrift.DOUBLE, func() { must(f.WriteDouble(ctx, 1)) }})
	}
	if f.shuffled {
		f.random.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	}
	must(f.WriteStructBegin(ctx, ""))
	for _, fd := range fields {
		if fd.write == nil {
			continue
		}
		must(f.WriteFieldBegin(ctx, "", fd.kind, fd.id))
		fd.write()
		must(f.WriteFieldEnd(ctx))
	}
	must(f.WriteFieldStop(ctx))
	must(f.WriteStructEnd(ctx))
}

func (f form) text(id int16, s string) field {
	return field{id, thrift.STRING, func() { must(f.WriteString(ctx, s)) }}
}

func (f form) i32(id int16, v int32) field {
	return field{id, thrift.I32, func() { must(f.WriteI32(ctx, v)) }}
}

func (f form) i64(id int16, v int64) field {
	return field{id, thrift.I64, func() { must(f.WriteI64(ctx, v)) }}
}

// structs is a list of structs, left out where it is nil.
func structs[T any](f form, id int16, list []T, write func(T)) field {
	if list == nil {
		return field{}
	}
	return field{id, thrift.LIST, func() {
		must(f.WriteListBegin(ctx, thrift.STRUCT, len(list)))
		for _, v := range list {
			write(v)
		}
		must(f.WriteListEnd(ctx))
	}}
}

func (f form) batch(b *jaeger.Batch) {
	spans := b.Spans
	if spans == nil {
		spans = []*jaeger.Span{} // required
	}
	process := func() { f.structure(f.text(1, b.Process.ServiceName), structs(f, 2, b.Process.Tags, f.tag)) }
	fields := []field{{1, thrift.STRUCT, process}, structs(f, 2, spans, f.span)}
	if b.SeqNo != nil {
		fields = append(fields, f.i64(3, *b.SeqNo))
	}
	if s := b.Stats; s != nil {
		fields = append(fields, field{4, thrift.STRUCT, func() {
			f.structure(f.i64(1, s.FullQueueDroppedSpans), f.i64(2, s.TooLargeDroppedSpans), f.i64(3, s.FailedToEmitSpans))
		}})
	}
	f.structure(fields...)
}

func (f form) span(s *jaeger.Span) {
	f.structure(
		f.i64(1, s.TraceIdLow), f.i64(2, s.TraceIdHigh), f.i64(3, s.SpanId), f.i64(4, s.ParentSpanId),
		f.text(5, s.OperationName), structs(f, 6, s.References, f.reference), f.i32(7, s.Flags),
		f.i64(8, s.StartTime), f.i64(9, s.Duration), structs(f, 10, s.Tags, f.tag), structs(f, 11, s.Logs, f.log))
}

func (f form) reference(r *jaeger.SpanRef) {
	f.structure(f.i32(1, int32(r.RefType)), f.i64(2, r.TraceIdLow), f.i64(3, r.TraceIdHigh), f.i64(4, r.SpanId))
}

func (f form) log(l *jaeger.Log) {
	f.structure(f.i64(1, l.Timestamp), structs(f, 2, l.Fields, f.tag))
}

func (f form) tag(t *jaeger.Tag) {
	fields := []field{f.text(1, t.Key), f.i32(2, int32(t.VType))}
	if t.VStr != nil || f.everyTagValue {
		fields = append(fields, f.text(3, t.GetVStr()))
	}
	if t.VDouble != nil || f.everyTagValue {
		fields = append(fields, field{4, thrift.DOUBLE, func() { must(f.WriteDouble(ctx, t.GetVDouble())) }})
	}
	if t.VBool != nil || f.everyTagValue {
		fields = append(fields, field{5, thrift.BOOL, func() { must(f.WriteBool(ctx, t.GetVBool())) }})
	}
	if t.VLong != nil || f.everyTagValue {
		fields = append(fields, f.i64(6, t.GetVLong()))
	}
	if t.VBinary != nil || f.everyTagValue {
		fields = append(fields, field{7, thrift.STRING, func() { must(f.WriteBinary(ctx, t.VBinary)) }})
	}
	f.structure(fields...)
}

// readDatagram is what Apache's Thrift makes of a datagram: the other opinion.
func readDatagram(datagram []byte) (*jaeger.Batch, error) {
	buffer := thrift.NewTMemoryBufferLen(len(datagram))
	buffer.Write(datagram)
	var p thrift.TProtocol
	if datagram[0] == 0x82 { // compact_protocol.go, COMPACT_PROTOCOL_ID
		p = thrift.NewTCompactProtocolConf(buffer, nil)
	} else {
		p = thrift.NewTBinaryProtocolConf(buffer, &thrift.TConfiguration{TBinaryStrictRead: new(false)})
	}
	name, _, _, err := p.ReadMessageBegin(ctx)
	if err != nil {
		return nil, err
	}
	if name != "emitBatch" {
		return nil, fmt.Errorf("message %q", name)
	}
	args := agent.NewAgentEmitBatchArgs()
	if err := args.Read(ctx, p); err != nil {
		return nil, err
	}
	return args.GetBatch(), nil
}
