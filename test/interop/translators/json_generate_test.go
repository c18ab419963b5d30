package translators

import (
	"encoding/binary"
	"math"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// request makes OTLP requests with every field that there is, set and not set. All of them may be passed on: their spans have
// ids, and their texts are UTF-8.
func (g generator) request() *tracepb.TracesData {
	return &tracepb.TracesData{ResourceSpans: some(g, 3, func() *tracepb.ResourceSpans {
		rs := &tracepb.ResourceSpans{SchemaUrl: g.maybeText()}
		if !g.one(5) {
			rs.Resource = &resourcepb.Resource{Attributes: some(g, 5, g.attribute), DroppedAttributesCount: g.count()}
			rs.Resource.EntityRefs = some(g, 1, func() *commonpb.EntityRef {
				return &commonpb.EntityRef{
					SchemaUrl: g.maybeText(), Type: g.maybeText(),
					IdKeys: some(g, 2, g.utf8), DescriptionKeys: some(g, 2, g.utf8),
				}
			})
		}
		rs.ScopeSpans = some(g, 3, func() *tracepb.ScopeSpans {
			ss := &tracepb.ScopeSpans{SchemaUrl: g.maybeText(), Spans: some(g, 5, g.otlpSpan)}
			if !g.one(4) {
				ss.Scope = &commonpb.InstrumentationScope{
					Name: g.maybeText(), Version: g.maybeText(), Attributes: some(g, 2, g.attribute), DroppedAttributesCount: g.count(),
				}
			}
			return ss
		})
		return rs
	})}
}

func (g generator) otlpSpan() *tracepb.Span {
	s := &tracepb.Span{
		TraceId: g.bytes(16), SpanId: g.bytes(8), TraceState: g.maybeText(), Flags: g.count(), Name: g.maybeText(),
		Kind:              tracepb.Span_SpanKind(pick(g, int32(0), 1, 2, 3, 4, 5, 6, -1, math.MaxInt32)),
		StartTimeUnixNano: g.nanos(), EndTimeUnixNano: g.nanos(),
		Attributes: some(g, 6, g.attribute), DroppedAttributesCount: g.count(),
		DroppedEventsCount: g.count(), DroppedLinksCount: g.count(),
	}
	if !g.one(3) {
		s.ParentSpanId = g.bytes(8)
	}
	s.Events = some(g, 3, func() *tracepb.Span_Event {
		return &tracepb.Span_Event{
			TimeUnixNano: g.nanos(), Name: g.maybeText(), Attributes: some(g, 3, g.attribute), DroppedAttributesCount: g.count(),
		}
	})
	s.Links = some(g, 3, func() *tracepb.Span_Link {
		return &tracepb.Span_Link{
			TraceId: g.bytes(16), SpanId: g.bytes(8), TraceState: g.maybeText(), Flags: g.count(),
			Attributes: some(g, 3, g.attribute), DroppedAttributesCount: g.count(),
		}
	})
	if g.one(2) {
		s.Status = &tracepb.Status{Message: g.maybeText(), Code: tracepb.Status_StatusCode(g.IntN(4))}
	}
	return s
}

func (g generator) bytes(n int) []byte {
	b := binary.BigEndian.AppendUint64(nil, g.Uint64()|1)
	b = binary.BigEndian.AppendUint64(b, g.Uint64())
	return b[:n]
}

func (g generator) count() uint32 { return pick(g, uint32(0), 0, 0, 1, 257, math.MaxUint32) }

func (g generator) nanos() uint64 {
	return pick(g, 0, 1, 1_700_000_000_000_000_000+g.Uint64N(1e15), 1_700_000_000_000_000_000, 1<<53+1, math.MaxInt64, math.MaxUint64)
}

func (g generator) utf8() string { return strings.ToValidUTF8(g.text(), "?") }

func (g generator) maybeText() string {
	if g.one(2) {
		return ""
	}
	return g.utf8()
}

func (g generator) attribute() *commonpb.KeyValue {
	kv := &commonpb.KeyValue{Key: g.utf8()}
	if kv.Key == "" || !g.one(20) {
		kv.Value = g.value(3)
	}
	return kv
}

// value has up to so many lists around it.
func (g generator) value(lists int) *commonpb.AnyValue {
	switch n := g.IntN(10); {
	case n == 0:
		return &commonpb.AnyValue{}
	case n == 1:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: g.one(2)}}
	case n == 2:
		v := pick(g, 0, 1, -1, math.MaxInt64, math.MinInt64, 1<<53+1, g.Int64())
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}
	case n == 3:
		v := pick(g, 0, math.Copysign(0, -1), 1.5, -2e300, 5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 0.1, g.Float64())
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v}}
	case n == 4:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: g.bytes(16)[:g.IntN(17)]}}
	case n == 5 && lists > 0:
		list := &commonpb.ArrayValue{Values: some(g, 3, func() *commonpb.AnyValue { return g.value(lists - 1) })}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list}}
	case n == 6 && lists > 0:
		list := &commonpb.KeyValueList{Values: some(g, 3, func() *commonpb.KeyValue {
			return &commonpb.KeyValue{Key: g.utf8(), Value: g.value(lists - 1)}
		})}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: list}}
	default:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: g.utf8()}}
	}
}
