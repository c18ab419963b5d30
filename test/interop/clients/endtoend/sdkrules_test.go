package endtoend

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/test/interop/clients/sdk"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// sdkRules are for what an SDK itself makes of what it is told. On the way to the sink nothing may change.
func sdkRules(c sdk.Client) []fields.Rule {
	rules := []fields.Rule{
		{
			Name: "flags", Why: "trace.proto, Span.flags: the SDK says sampled (1), that it knows whether the parent is " +
				"remote (0x100), and that it is (0x200)",
			Apply: func(s fields.Span) {
				s.Fields["span.flags"] = fmt.Sprint(0x101)
				if s.Fields["span.parent_span_id"] != "" {
					s.Fields["span.flags"] = fmt.Sprint(0x301)
				}
				for i := 0; s.Fields[fmt.Sprintf("span.links[%d].span_id", i)] != ""; i++ {
					s.Fields[fmt.Sprintf("span.links[%d].flags", i)] = fmt.Sprint(0x301)
				}
			},
		},
		{
			Name: "a kind that is not said is internal", Why: "OpenTelemetry's specification, SpanKind",
			Apply: func(s fields.Span) {
				if s.Fields["span.kind"] == "" {
					s.Fields["span.kind"] = "1"
				}
			},
		},
		{
			Name: "broken text is replaced", Why: "OTLP's strings are UTF-8. Go's exporters send nothing with any other, so the SDK is " +
				"told U+FFFD; in Node, U+FFFD takes the place of a lone surrogate: in protobuf by Node, in JSON by the agent",
			Apply: func(s fields.Span) {
				for path, v := range s.Fields {
					if text, err := strconv.Unquote(v); err == nil && !utf8.ValidString(text) {
						s.Fields[path] = strconv.Quote(strings.ToValidUTF8(text, "\ufffd"))
					}
				}
			},
		},
	}
	if c.Node {
		return append(rules,
			fields.Rule{
				Name: "2⁶³-1 is a double", Why: "a number in JavaScript is one, and the nearest is 2⁶³: no int64. The exporter for protobuf " +
					"says so; the one for JSON sends an integer that is out of range, of which the agent makes the same",
				Apply: func(s fields.Span) {
					if s.Fields["span.attributes[most].value.int_value"] != "" {
						unset(s, "span.attributes[most].value")
						s.Fields["span.attributes[most].value.double_value"] = "9.223372036854776e+18"
					}
				},
			},
			fields.Rule{
				Name: "no bytes", Why: "an attribute of the SDK for Node can't be bytes: it is not told",
				Apply: func(s fields.Span) { unset(s, "span.attributes[binary]") },
			},
		)
	}
	return append(rules, fields.Rule{
		Name: "links have no trace state", Why: "Go's exporters leave it out: otlptrace, internal/tracetransform/span.go, links",
		Apply: func(s fields.Span) {
			for i := 0; s.Fields[fmt.Sprintf("span.links[%d].span_id", i)] != ""; i++ {
				delete(s.Fields, fmt.Sprintf("span.links[%d].trace_state", i))
			}
		},
	}, fields.Rule{
		Name: "a tracer without a name is called after the SDK", Why: "go.opentelemetry.io/otel/sdk/trace, provider.go",
		Apply: func(s fields.Span) {
			if s.Fields["scope_spans.scope.name"] == "" {
				s.Fields["scope_spans.scope.name"] = `"go.opentelemetry.io/otel/sdk/tracer"`
			}
		},
	})
}

// sdkStorageRules are for what becomes of the rich story in Jaeger when Go's SDK is told.
func sdkStorageRules(protocol string) []fields.Rule {
	return append(storyStorageRules(protocol), fields.Rule{
		Name: "a kind that is not said is internal", Why: "OpenTelemetry's specification, SpanKind",
		Apply: func(s fields.Span) {
			if s.Fields["tags[span.kind]"] == "" {
				s.Fields["tags[span.kind]"] = "string internal"
			}
		},
	}, fields.Rule{
		Name: "a tracer without a name is called after the SDK", Why: "go.opentelemetry.io/otel/sdk/trace, provider.go",
		Apply: func(s fields.Span) {
			if s.Fields["tags[otel.scope.name]"] == "" {
				s.Fields["tags[otel.scope.name]"] = "string go.opentelemetry.io/otel/sdk/tracer"
			}
		},
	}, fields.Rule{
		Name: "a link to the parent takes its reference's place", Why: "Jaeger has one reference to a span: OpenTelemetry's " +
			"translation (pkg/translator/jaeger, makeJaegerProtoReferences) lets the link say its type",
		Apply: func(s fields.Span) {
			_, parent, _ := strings.Cut(s.Fields["references[0]"], "CHILD_OF ")
			for i := 1; parent != "" && s.Fields[fmt.Sprintf("references[%d]", i)] != ""; i++ {
				if path := fmt.Sprintf("references[%d]", i); s.Fields[path] == "FOLLOWS_FROM "+parent {
					s.Fields["references[0]"] = s.Fields[path]
					delete(s.Fields, path) // the story has it last
				}
			}
		},
	}, fields.Rule{
		Name: "an attribute event takes the place of an event's name", Why: "OpenTelemetry's translation (spanEventsToJaegerProtoLogs): " +
			"a log has no name but in a field of that key",
		Apply: func(s fields.Span) {
			for path := range s.Fields {
				if strings.HasSuffix(path, ".fields[event]#") {
					delete(s.Fields, path)
				}
			}
		},
	})
}
