package fields

import (
	"bytes"
	"fmt"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A comparison is worth what it notices. Every field that the OTLP descriptors have, at every place of a rich span, is
// altered, added or removed here, one at a time: each must be seen.
func TestEveryAlterationIsSeen(t *testing.T) {
	want := Of(rich().ResourceSpans)
	if lines := Diff(want, Of(rich().ResourceSpans)); len(lines) > 0 {
		t.Fatalf("the same spans differ: %q", lines)
	}
	tried := make(map[string]bool)
	for n := 0; ; n++ {
		altered := rich()
		left := n
		name := alter(altered.ProtoReflect(), "", &left)
		if name == "" {
			break
		}
		tried[name] = true
		if len(Diff(want, Of(altered.ResourceSpans))) == 0 {
			t.Errorf("%s: not seen", name)
		}
	}
	// Each of these would be missed if the walk below skipped a level.
	for _, name := range []string{
		"set resource_spans[0].scope_spans[0].spans[0].trace_id",
		"set resource_spans[0].scope_spans[0].spans[0].flags",
		"set resource_spans[0].scope_spans[0].spans[0].dropped_events_count",
		"set resource_spans[0].scope_spans[0].spans[0].links[0].trace_state",
		"set resource_spans[0].scope_spans[0].spans[0].events[0].attributes[0].key",
		"clear resource_spans[0].scope_spans[0].spans[0].status.code",
		"set resource_spans[0].resource.attributes[0].value.string_value",
		"unknown field in resource_spans[0].scope_spans[0].scope",
	} {
		if !tried[name] {
			t.Errorf("%q was not tried", name)
		}
	}
	t.Logf("%d alterations", len(tried))
}

// alter makes the alteration number *left, counting down, and names it; "" if there are not that many. The alterations of
// one message: each field set to another value, each set field cleared, a field that nobody knows, those of its messages.
func alter(m protoreflect.Message, path string, left *int) string {
	next := func() bool { *left--; return *left == -1 }
	if path != "" && next() {
		m.SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 500, protowire.VarintType), 1))
		return "unknown field in " + path
	}
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		p := string(fd.Name())
		if path != "" {
			p = path + "." + p
		}
		switch {
		case fd.IsList():
			list := m.Mutable(fd).List()
			// A group without a span is no part of any span.
			if group := fd.Name() == "resource_spans" || fd.Name() == "scope_spans"; !group && next() {
				list.Append(list.NewElement())
				return "append to " + p
			}
			for k := range list.Len() {
				if fd.Kind() != protoreflect.MessageKind {
					continue
				}
				if name := alter(list.Get(k).Message(), fmt.Sprintf("%s[%d]", p, k), left); name != "" {
					return name
				}
			}
		case fd.Kind() == protoreflect.MessageKind:
			if m.Has(fd) {
				if name := alter(m.Mutable(fd).Message(), p, left); name != "" {
					return name
				}
			} else if fd.ContainingOneof() == nil {
				panic("the rich span lacks " + p)
			} else if next() {
				m.Mutable(fd)
				return "set " + p
			}
		case next():
			m.Set(fd, another(fd, m.Get(fd)))
			return "set " + p
		}
		if m.Has(fd) && next() {
			m.Clear(fd)
			return "clear " + p
		}
	}
	return ""
}

func another(fd protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(v.String() + "x")
	case protoreflect.BytesKind:
		b := bytes.Clone(v.Bytes())
		if len(b) == 0 {
			return protoreflect.ValueOfBytes([]byte{1})
		}
		b[len(b)-1] ^= 1
		return protoreflect.ValueOfBytes(b)
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(!v.Bool())
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(v.Enum() ^ 1)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(v.Float() + 1)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind:
		return protoreflect.ValueOfInt32(int32(v.Int()) ^ 1)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(v.Int() ^ 1)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(v.Uint()) ^ 1)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(v.Uint() ^ 1)
	default:
		panic("the OTLP descriptors have a field of a new kind: " + fd.Kind().String())
	}
}

func rich() *tracepb.TracesData {
	text := func(s string) *commonpb.AnyValue {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
	}
	kv := func(key string, v *commonpb.AnyValue) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: v}
	}
	span := &tracepb.Span{
		TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), ParentSpanId: []byte("89abcdef"),
		TraceState: "k=v", Flags: 1, Name: "op", Kind: tracepb.Span_SPAN_KIND_CLIENT,
		StartTimeUnixNano: 10, EndTimeUnixNano: 20,
		Attributes: []*commonpb.KeyValue{
			kv("text", text("v")),
			kv("bool", &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}),
			kv("int", &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 4}}),
			kv("double", &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 1.5}}),
			kv("bytes", &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{1, 2}}}),
			kv("list", &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{
				ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{text("a")}},
			}}),
			kv("map", &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{
				KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{kv("k", text("a"))}},
			}}),
		},
		Events: []*tracepb.Span_Event{{
			TimeUnixNano: 15, Name: "event", Attributes: []*commonpb.KeyValue{kv("k", text("v"))}, DroppedAttributesCount: 1,
		}},
		Links: []*tracepb.Span_Link{{
			TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"),
			Attributes: []*commonpb.KeyValue{kv("k", text("v"))},
		}},
		Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "no"},
	}
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{kv("service.name", text("svc"))}},
		ScopeSpans: []*tracepb.ScopeSpans{{
			Scope: &commonpb.InstrumentationScope{Name: "lib", Version: "1"},
			Spans: []*tracepb.Span{span, proto.CloneOf(span)},
		}},
	}}}
}

func TestDiffNamesTheField(t *testing.T) {
	got := rich()
	got.ResourceSpans[0].ScopeSpans[0].Spans[0].Attributes[2].Value = &commonpb.AnyValue{
		Value: &commonpb.AnyValue_IntValue{IntValue: 5},
	}
	lines := Diff(Of(rich().ResourceSpans), Of(got.ResourceSpans))
	want := "30313233343536373839616263646566/3031323334353637: span.attributes[int].value.int_value: want 4, got 5"
	if len(lines) != 1 || lines[0] != want {
		t.Errorf("got %q\nwant %q", lines, want)
	}
}

func TestDiffCountsSpans(t *testing.T) {
	all := Of(rich().ResourceSpans)
	if lines := Diff(all, all[:1]); len(lines) != 1 {
		t.Errorf("one span less: %q", lines)
	}
	if lines := Diff(all[:1], all); len(lines) != 1 {
		t.Errorf("one span more: %q", lines)
	}
}

// Of two attributes with one key, both are compared, whichever comes first.
func TestSecondAttributeOfAKey(t *testing.T) {
	one := rich()
	span := one.ResourceSpans[0].ScopeSpans[0].Spans[0]
	span.Attributes = append(span.Attributes, proto.CloneOf(span.Attributes[0]))
	if len(Diff(Of(rich().ResourceSpans), Of(one.ResourceSpans))) == 0 {
		t.Error("the second attribute was not seen")
	}
}
