package translators

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// posted is a span as upstream has translated it, and what it has translated.
type posted struct {
	jaeger   *model.Span
	process  *model.Process
	resource pcommon.Resource
	scope    pcommon.InstrumentationScope
	span     ptrace.Span
}

// A postRule is a deliberate difference to what upstream posts to Jaeger. It says whether it had anything to change.
type postRule struct {
	name, why string
	apply     func(*posted) bool
	example   func(*tracepb.ResourceSpans)
}

var postRules = []postRule{
	{
		name: "a list or map is JSON that loses nothing",
		why: "upstream sorts the keys of a map, of two that are the same it loses one, and of a list with a NaN it makes an empty " +
			"text; here they stand as they came, and what is no number in JSON is a string",
		apply: valuesAsTheyCame,
		example: func(rs *tracepb.ResourceSpans) {
			nan := &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: math.NaN()}}
			rs.ScopeSpans[0].Spans[0].Attributes = []*commonpb.KeyValue{{Key: "list", Value: &commonpb.AnyValue{
				Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{nan}}},
			}}}
		},
	},
	{
		name:  "a resource without attributes has no name",
		why:   "a made-up service name hides that there is none, for which Jaeger has a name of its own (empty-service-name)",
		apply: noMadeUpName,
		example: func(rs *tracepb.ResourceSpans) {
			rs.Resource = nil
		},
	},
	{
		name:  "a service.name that is no string is a tag",
		why:   "upstream loses it",
		apply: otherServiceNames,
		example: func(rs *tracepb.ResourceSpans) {
			rs.Resource.Attributes[0].Value = &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 7}}
		},
	},
	{
		name: "a Jaeger client's process is in its own words",
		why: "its hostname and jaeger.version have other names in a resource; whoever puts Wayside between a client and " +
			"Jaeger finds the tags that were there before",
		apply: clientsOwnWords,
		example: func(rs *tracepb.ResourceSpans) {
			rs.Resource.Attributes = append(rs.Resource.Attributes, textAttribute("opencensus.exporterversion", "Jaeger-Go-2.30.0"), textAttribute("host.name", "h"))
		},
	},
	{
		name:  "attributes of a scope are tags of its spans",
		why:   "specification/common/mapping-to-non-otlp.md, Instrumentation Scope Attributes",
		apply: scopeAttributes,
		example: func(rs *tracepb.ResourceSpans) {
			rs.ScopeSpans[0].Scope = &commonpb.InstrumentationScope{Attributes: []*commonpb.KeyValue{textAttribute("a", "b")}}
		},
	},
	{
		name:  "a link without ids is not one",
		why:   "nothing can be found by it; it is counted as one that was dropped",
		apply: impossibleLinks,
		example: func(rs *tracepb.ResourceSpans) {
			rs.ScopeSpans[0].Spans[0].Links = []*tracepb.Span_Link{{SpanId: []byte("12345678")}}
		},
	},
	{
		name:  "counts of what was dropped are tags",
		why:   "mapping-to-non-otlp.md, Dropped Attributes Count and what follows; for events sdk_exporters/jaeger.md, Events",
		apply: droppedCounts,
		example: func(rs *tracepb.ResourceSpans) {
			rs.ScopeSpans[0].Spans[0].DroppedEventsCount = 3
		},
	},
}

func textAttribute(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// plainRequest has one span on which no rule has anything to do.
func plainRequest() *tracepb.ResourceSpans {
	return &tracepb.ResourceSpans{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{textAttribute("service.name", "svc")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: []byte("sixteen bytes id"), SpanId: []byte("8 bytes."), ParentSpanId: []byte("parent.."), Name: "op",
			StartTimeUnixNano: 1e18, EndTimeUnixNano: 1e18 + 5,
		}}}},
	}
}

// valuesAsTheyCame puts our text where a tag's value is a list or a map. Tags stand in the order of the attributes.
func valuesAsTheyCame(p *posted) (used bool) {
	each := func(tags []model.KeyValue, attributes pcommon.Map) {
		used := &used
		var of map[string][]pcommon.Value = map[string][]pcommon.Value{}
		for key, v := range attributes.All() {
			of[key] = append(of[key], v)
		}
		for i := range tags {
			values := of[tags[i].Key]
			if len(values) == 0 {
				continue
			}
			v := values[0]
			of[tags[i].Key] = values[1:]
			if v.Type() != pcommon.ValueTypeSlice && v.Type() != pcommon.ValueTypeMap {
				continue
			}
			if text := asItCame(v); text != tags[i].VStr {
				tags[i].VStr, *used = text, true
			}
		}
	}
	skip := 0 // what upstream puts before the attributes
	for _, s := range []string{p.scope.Name(), p.scope.Version()} {
		if s != "" {
			skip++
		}
	}
	each(p.process.Tags, p.resource.Attributes())
	each(p.jaeger.Tags[min(skip, len(p.jaeger.Tags)):], p.span.Attributes())
	for i := range p.jaeger.Logs {
		e := p.span.Events().At(i)
		fields := p.jaeger.Logs[i].Fields
		each(fields[len(fields)-e.Attributes().Len():], e.Attributes())
	}
	return used
}

// asItCame writes a value as JSON, whose words are those of encoding/json.
func asItCame(v pcommon.Value) string {
	word := func(x any) string {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(x); err != nil {
			panic(err)
		}
		return strings.TrimSuffix(b.String(), "\n")
	}
	switch v.Type() {
	case pcommon.ValueTypeSlice:
		var items []string
		for _, item := range v.Slice().All() {
			items = append(items, asItCame(item))
		}
		return "[" + strings.Join(items, ",") + "]"
	case pcommon.ValueTypeMap:
		var items []string
		for key, item := range v.Map().All() {
			items = append(items, word(key)+":"+asItCame(item))
		}
		return "{" + strings.Join(items, ",") + "}"
	case pcommon.ValueTypeDouble:
		switch d := v.Double(); {
		case math.IsNaN(d):
			return `"NaN"`
		case math.IsInf(d, 0):
			return strconv.Quote(map[bool]string{true: "Infinity", false: "-Infinity"}[d > 0])
		}
		return word(v.Double())
	case pcommon.ValueTypeBytes:
		return word(base64.StdEncoding.EncodeToString(v.Bytes().AsRaw()))
	case pcommon.ValueTypeStr, pcommon.ValueTypeBool, pcommon.ValueTypeInt, pcommon.ValueTypeEmpty:
	}
	return word(v.AsRaw())
}

func noMadeUpName(p *posted) bool {
	if p.process.ServiceName != "OTLPResourceNoServiceName" || p.resource.Attributes().Len() > 0 {
		return false
	}
	p.process.ServiceName = ""
	return true
}

func otherServiceNames(p *posted) (used bool) {
	named := false
	for key, v := range p.resource.Attributes().All() {
		switch {
		case key != "service.name":
		case v.Type() != pcommon.ValueTypeStr:
			p.process.Tags = append(p.process.Tags, tagOf(key, v))
			used = true
		case !named:
			named = true
			used = used || p.process.ServiceName != v.Str()
			p.process.ServiceName = v.Str()
		}
	}
	return used
}

func tagOf(key string, v pcommon.Value) model.KeyValue {
	switch v.Type() {
	case pcommon.ValueTypeBool:
		return model.Bool(key, v.Bool())
	case pcommon.ValueTypeInt:
		return model.Int64(key, v.Int())
	case pcommon.ValueTypeDouble:
		return model.Float64(key, v.Double())
	case pcommon.ValueTypeBytes:
		return model.Binary(key, v.Bytes().AsRaw())
	case pcommon.ValueTypeSlice, pcommon.ValueTypeMap:
		return model.String(key, asItCame(v))
	case pcommon.ValueTypeStr, pcommon.ValueTypeEmpty:
	}
	return model.String(key, v.Str())
}

func clientsOwnWords(p *posted) (used bool) {
	client, hostname := false, false
	for i := range p.process.Tags {
		kv := &p.process.Tags[i]
		if version, ok := strings.CutPrefix(kv.VStr, "Jaeger-"); ok && kv.Key == "opencensus.exporterversion" && isText(p, kv.Key, "Jaeger-") {
			kv.Key, kv.VStr = "jaeger.version", version
			client, used = true, true
		}
		hostname = hostname || kv.Key == "hostname"
	}
	for i := range p.process.Tags {
		if kv := &p.process.Tags[i]; client && !hostname && kv.Key == "host.name" {
			kv.Key = "hostname"
		}
	}
	return used
}

// isText says that an attribute of the resource is a string, and not a list of which a string was made.
func isText(p *posted, key, prefix string) bool {
	for k, v := range p.resource.Attributes().All() {
		if k == key && v.Type() == pcommon.ValueTypeStr && strings.HasPrefix(v.Str(), prefix) {
			return true
		}
	}
	return false
}

func scopeAttributes(p *posted) (used bool) {
	var tags []model.KeyValue
	for key, v := range p.scope.Attributes().All() {
		tags = append(tags, tagOf(key, v))
	}
	// After the scope's name and version, before the span's own: of tags with one key, the place is what tells them apart.
	at := 0
	for _, s := range []string{p.scope.Name(), p.scope.Version()} {
		if s != "" {
			at++
		}
	}
	p.jaeger.Tags = slices.Insert(p.jaeger.Tags, at, tags...)
	return len(tags) > 0
}

func impossibleLinks(p *posted) bool {
	parent := !p.span.ParentSpanID().IsEmpty()
	refs := p.jaeger.References[:0:0]
	gone := uint32(0)
	for i, r := range p.jaeger.References {
		if (i > 0 || !parent) && (r.TraceID == model.TraceID{} || r.SpanID == 0) {
			gone++
			continue
		}
		refs = append(refs, r)
	}
	p.jaeger.References = refs
	if gone > 0 {
		n := p.span.DroppedLinksCount()
		p.span.SetDroppedLinksCount(n + gone)
		if n == 0 && n+gone > 0 {
			// The tag is this rule's, unless another count of the span has it anyway.
			p.jaeger.Tags = append(p.jaeger.Tags, model.Int64("otel.dropped_links_count", int64(gone)))
			p.span.SetDroppedLinksCount(0)
		}
	}
	return gone > 0
}

func droppedCounts(p *posted) (used bool) {
	count := func(tags *[]model.KeyValue, key string, n uint32) {
		if n > 0 {
			*tags = append(*tags, model.Int64(key, int64(n)))
			used = true
		}
	}
	count(&p.jaeger.Tags, "otel.dropped_attributes_count", p.span.DroppedAttributesCount())
	count(&p.jaeger.Tags, "otel.dropped_events_count", p.span.DroppedEventsCount())
	count(&p.jaeger.Tags, "otel.dropped_links_count", p.span.DroppedLinksCount())
	for i := range p.jaeger.Logs {
		count(&p.jaeger.Logs[i].Fields, "otel.event.dropped_attributes_count", p.span.Events().At(i).DroppedAttributesCount())
	}
	return used
}
