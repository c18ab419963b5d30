package scenario

import (
	"encoding/binary"
	"fmt"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// OTLP is the story as OTLP says it, with nothing lost and nothing added.
func OTLP(services []Service) []*tracepb.ResourceSpans {
	var list []*tracepb.ResourceSpans
	for _, service := range services {
		rs := &tracepb.ResourceSpans{Resource: &resourcepb.Resource{
			Attributes: append(keyValues(service.Tags), keyValue("service.name", service.Name)),
		}}
		for _, span := range service.Spans {
			rs.ScopeSpans = append(rs.ScopeSpans, &tracepb.ScopeSpans{
				Scope: &commonpb.InstrumentationScope{Name: span.Library, Version: span.Build},
				Spans: []*tracepb.Span{otlpSpan(span)},
			})
		}
		list = append(list, rs)
	}
	return list
}

func otlpSpan(s Span) *tracepb.Span {
	p := &tracepb.Span{
		TraceId: s.Trace.Bytes(), SpanId: id(s.ID), Name: s.Name,
		StartTimeUnixNano: nanoseconds(s.Start), EndTimeUnixNano: nanoseconds(s.Start.Add(s.Duration)),
		Attributes: keyValues(s.Tags), TraceState: s.State,
		Kind: map[string]tracepb.Span_SpanKind{
			"client": tracepb.Span_SPAN_KIND_CLIENT, "server": tracepb.Span_SPAN_KIND_SERVER,
			"producer": tracepb.Span_SPAN_KIND_PRODUCER, "consumer": tracepb.Span_SPAN_KIND_CONSUMER,
			"internal": tracepb.Span_SPAN_KIND_INTERNAL,
		}[s.Kind],
	}
	if s.Parent != 0 {
		p.ParentSpanId = id(s.Parent)
	}
	if s.Failed {
		p.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: s.Reason}
	}
	if s.Fine {
		p.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_OK}
	}
	for _, e := range s.Events {
		p.Events = append(p.Events, &tracepb.Span_Event{
			TimeUnixNano: nanoseconds(e.Time), Name: e.Name, Attributes: keyValues(e.Tags),
		})
	}
	for _, l := range s.Follows {
		p.Links = append(p.Links, &tracepb.Span_Link{TraceId: l.Trace.Bytes(), SpanId: id(l.ID), TraceState: l.State, Attributes: keyValues(l.Tags)})
	}
	return p
}

// Bytes is the trace id as OTLP has it.
func (t TraceID) Bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, t.High), t.Low)
}

func id(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func nanoseconds(t time.Time) uint64 { return uint64(t.UnixNano()) }

func keyValues(tags []Tag) []*commonpb.KeyValue {
	var list []*commonpb.KeyValue
	for _, tag := range tags {
		list = append(list, keyValue(tag.Key, tag.Value))
	}
	return list
}

func keyValue(key string, value any) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: anyValue(value)}
}

func anyValue(value any) *commonpb.AnyValue {
	switch v := value.(type) {
	case string:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}
	case bool:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v}}
	case int64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}
	case float64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v}}
	case []byte:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: v}}
	case []string:
		return arrayValue(v)
	case []bool:
		return arrayValue(v)
	case []int64:
		return arrayValue(v)
	case []float64:
		return arrayValue(v)
	case []any:
		return arrayValue(v)
	case []Tag:
		list := &commonpb.KeyValueList{Values: keyValues(v)}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: list}}
	case nil:
		return &commonpb.AnyValue{}
	default:
		panic(fmt.Sprintf("the story has a %T", v))
	}
}

func arrayValue[T any](values []T) *commonpb.AnyValue {
	list := &commonpb.ArrayValue{}
	for _, v := range values {
		list.Values = append(list.Values, anyValue(v))
	}
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list}}
}
