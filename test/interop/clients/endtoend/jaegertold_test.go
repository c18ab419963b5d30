package endtoend

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// toldToJaeger is what was told as Jaeger's query API would tell it, with nothing lost and nothing added. For what OTLP has a
// field and Jaeger has not, there are the names that OpenTelemetry's specification gives it ("OpenTelemetry to Jaeger
// Transformation"); attributes of a link, which have none, are fields beside the reference.
func toldToJaeger(t *testing.T, told []*tracepb.ResourceSpans) []fields.Span {
	t.Helper()
	var list []fields.Span
	for _, rs := range told {
		var process harness.JaegerProcess
		for _, tag := range jaegerTags(t, rs.GetResource().GetAttributes()) {
			if tag.Key == "service.name" {
				process.ServiceName = fmt.Sprint(tag.Value)
			} else {
				process.Tags = append(process.Tags, tag)
			}
		}
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				f := jaegerFields(jaegerSpan(t, s, ss.GetScope()), process)
				for i, l := range s.GetLinks() {
					reference := fmt.Sprintf("references[%d]", i+min(1, len(s.GetParentSpanId())))
					putTags(f, reference+".tags", jaegerTags(t, l.GetAttributes()))
					if state := l.GetTraceState(); state != "" {
						f.Fields[reference+".tracestate"] = state
					}
				}
				list = append(list, f)
			}
		}
	}
	return list
}

func jaegerSpan(t *testing.T, s *tracepb.Span, scope *commonpb.InstrumentationScope) harness.JaegerSpan {
	t.Helper()
	j := harness.JaegerSpan{
		TraceID: jaegerTraceID(s.GetTraceId()), SpanID: hex.EncodeToString(s.GetSpanId()), Flags: 1, OperationName: s.GetName(),
		StartTime: s.GetStartTimeUnixNano() / 1000, Duration: (s.GetEndTimeUnixNano() - s.GetStartTimeUnixNano()) / 1000,
		Tags: jaegerTags(t, s.GetAttributes()),
	}
	reference := func(kind string, trace, span []byte) {
		j.References = append(j.References, harness.JaegerReference{
			RefType: kind, TraceID: jaegerTraceID(trace), SpanID: hex.EncodeToString(span),
		})
	}
	if parent := s.GetParentSpanId(); len(parent) > 0 {
		reference("CHILD_OF", s.GetTraceId(), parent)
	}
	for _, l := range s.GetLinks() {
		reference("FOLLOWS_FROM", l.GetTraceId(), l.GetSpanId())
	}
	add := func(key, value string) {
		if value != "" {
			j.Tags = append(j.Tags, harness.JaegerTag{Key: key, Type: "string", Value: value})
		}
	}
	if kind := s.GetKind(); kind != tracepb.Span_SPAN_KIND_UNSPECIFIED {
		add("span.kind", strings.ToLower(strings.TrimPrefix(kind.String(), "SPAN_KIND_")))
	}
	switch s.GetStatus().GetCode() {
	case tracepb.Status_STATUS_CODE_ERROR:
		j.Tags = append(j.Tags, harness.JaegerTag{Key: "error", Type: "bool", Value: true})
	case tracepb.Status_STATUS_CODE_OK:
		add("otel.status_code", "OK")
	}
	add("otel.status_description", s.GetStatus().GetMessage())
	add("otel.scope.name", scope.GetName())
	add("otel.scope.version", scope.GetVersion())
	add("w3c.tracestate", s.GetTraceState())
	for _, e := range s.GetEvents() {
		log := harness.JaegerLog{Timestamp: e.GetTimeUnixNano() / 1000, Fields: jaegerTags(t, e.GetAttributes())}
		if e.GetName() != "" {
			log.Fields = append(log.Fields, harness.JaegerTag{Key: "event", Type: "string", Value: e.GetName()})
		}
		j.Logs = append(j.Logs, log)
	}
	return j
}

// jaegerTraceID is an id of 16 bytes as Jaeger writes it: short if it has 64 bits.
func jaegerTraceID(id []byte) string {
	return strings.TrimPrefix(hex.EncodeToString(id), "0000000000000000")
}

func jaegerTags(t *testing.T, attributes []*commonpb.KeyValue) []harness.JaegerTag {
	t.Helper()
	var list []harness.JaegerTag
	for _, a := range attributes {
		tag := harness.JaegerTag{Key: a.GetKey()}
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			tag.Type, tag.Value = "string", v.StringValue
		case *commonpb.AnyValue_BoolValue:
			tag.Type, tag.Value = "bool", v.BoolValue
		case *commonpb.AnyValue_IntValue:
			tag.Type, tag.Value = "int64", v.IntValue
		case *commonpb.AnyValue_DoubleValue:
			tag.Type, tag.Value = "float64", strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
		case *commonpb.AnyValue_BytesValue:
			tag.Type, tag.Value = "binary", base64.StdEncoding.EncodeToString(v.BytesValue)
		case nil:
			tag.Type, tag.Value = "string", ""
		default: // lists and maps: a Jaeger tag is one value
			text, err := json.Marshal(plain(a.GetValue()))
			if err != nil {
				t.Fatal(err)
			}
			tag.Type, tag.Value = "string", string(text)
		}
		list = append(list, tag)
	}
	return list
}

// plain is a value as package json knows it.
func plain(value *commonpb.AnyValue) any {
	switch v := value.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_BytesValue:
		return v.BytesValue
	case *commonpb.AnyValue_ArrayValue:
		list := []any{}
		for _, item := range v.ArrayValue.GetValues() {
			list = append(list, plain(item))
		}
		return list
	case *commonpb.AnyValue_KvlistValue:
		object := map[string]any{}
		for _, item := range v.KvlistValue.GetValues() {
			object[item.GetKey()] = plain(item.GetValue())
		}
		return object
	}
	return nil
}
