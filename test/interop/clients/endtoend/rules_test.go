package endtoend

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// storyRules are what becomes of the story on its way into OTLP, whichever client is told.
func storyRules() []fields.Rule {
	return []fields.Rule{
		{
			Name: "times are in µs", Why: "jaeger.thrift, Span.startTime: the client cuts the nanoseconds off",
			Apply: func(s fields.Span) {
				duration := number(s, "span.end_time_unix_nano") - number(s, "span.start_time_unix_nano")
				for path := range s.Fields {
					if strings.HasSuffix(path, "time_unix_nano") {
						s.Fields[path] = fmt.Sprint(number(s, path) / 1000 * 1000)
					}
				}
				end := number(s, "span.start_time_unix_nano") + duration/1000*1000
				s.Fields["span.end_time_unix_nano"] = fmt.Sprint(end)
			},
		},
		{
			Name: "invalid UTF-8 is replaced", Why: "OTLP's strings are UTF-8; the agent puts U+FFFD for the rest",
			Apply: func(s fields.Span) {
				for path, v := range s.Fields {
					if text, err := strconv.Unquote(v); err == nil && !utf8.ValidString(text) {
						s.Fields[path] = strconv.Quote(strings.ToValidUTF8(text, "\ufffd"))
					}
				}
			},
		},
		{
			Name: "links say what they are", Why: "a Jaeger reference has a type, for which OTLP has an attribute",
			Apply: func(s fields.Span) {
				for i := 0; s.Fields[fmt.Sprintf("span.links[%d].span_id", i)] != ""; i++ {
					set(s, fmt.Sprintf("span.links[%d]", i), "opentracing.ref_type", "string_value", `"follows_from"`)
				}
			},
		},
		{
			Name: "attributes of links are not sent", Why: "a Jaeger reference has none",
			Apply: func(s fields.Span) { unset(s, "span.links[1].attributes[reason]") },
		},
	}
}

func goClientRules(host string) []fields.Rule {
	return append([]fields.Rule{
		{
			Name: "the client names itself", Why: "jaeger-client-go adds its version, host, address and a uuid to the process",
			Apply: func(s fields.Span) {
				number := map[string]string{`"shop"`: "1", `"payments"`: "2"}[text(s, "resource_spans.resource", "service.name")]
				set(s, "resource_spans.resource", "opencensus.exporterversion", "string_value", `"Jaeger-Go-2.30.0"`)
				set(s, "resource_spans.resource", "host.name", "string_value", strconv.Quote(host))
				set(s, "resource_spans.resource", "ip", "string_value", `"192.0.2.`+number+`"`)
				set(s, "resource_spans.resource", "client-uuid", "string_value", `"`+number+`"`)
			},
		},
		{
			Name: "long texts are cut", Why: "jaeger-client-go sends 256 bytes of a tag at most",
			Apply: func(s fields.Span) {
				if v := text(s, "span", "long"); v != "" {
					set(s, "span", "long", "string_value", v[:1+256]+`"`)
				}
			},
		},
	}, append(storyRules(), httpError, samplerNamesItself, noScope, noReason, noLists)...)
}

func goExporterRules() []fields.Rule {
	return append([]fields.Rule{
		{
			Name: "the scope is two attributes", Why: "the exporter knows the names that were used before otel.scope.name; " +
				"the SDK calls a tracer without a name after itself",
			Apply: func(s fields.Span) {
				library, build := s.Fields["scope_spans.scope.name"], s.Fields["scope_spans.scope.version"]
				delete(s.Fields, "scope_spans.scope.name")
				delete(s.Fields, "scope_spans.scope.version")
				if library == "" {
					library = `"go.opentelemetry.io/otel/sdk/tracer"`
				}
				set(s, "span", "otel.library.name", "string_value", library)
				if build != "" {
					set(s, "span", "otel.library.version", "string_value", build)
				}
			},
		},
		{
			Name: "lists are JSON", Why: "a Jaeger tag is one value (OpenTelemetry's specification, Jaeger exporter)",
			Apply: func(s fields.Span) {
				if s.Fields["span.attributes[list].key"] != "" {
					unset(s, "span.attributes[list]")
					set(s, "span", "list", "string_value", strconv.Quote(`["a","b"]`))
				}
			},
		},
	}, append(storyRules(), httpError, internalIsNotSaid, noBytes)...)
}

// What more than one client makes of it.

var samplerNamesItself = fields.Rule{
	Name: "the sampler names itself", Why: "Jaeger's client adds its decision to spans that begin in the process",
	Apply: func(s fields.Span) {
		set(s, "span", "sampler.type", "string_value", `"const"`)
		set(s, "span", "sampler.param", "bool_value", "true")
	},
}

var noScope = fields.Rule{
	Name: "no scope", Why: "OpenTracing knows none",
	Apply: func(s fields.Span) {
		delete(s.Fields, "scope_spans.scope.name")
		delete(s.Fields, "scope_spans.scope.version")
	},
}

var noReason = fields.Rule{
	Name: "no reason of a failure", Why: "OpenTracing has the tag error alone",
	Apply: func(s fields.Span) { delete(s.Fields, "span.status.message") },
}

var noLists = fields.Rule{
	Name: "no lists", Why: "a Jaeger tag is one value: the client is not told",
	Apply: func(s fields.Span) { unset(s, "span.attributes[list]") },
}

var internalIsNotSaid = fields.Rule{
	Name: "internal is not said", Why: "the exporter takes it for what is meant when nothing is said",
	Apply: func(s fields.Span) {
		if s.Fields["span.kind"] == "1" {
			delete(s.Fields, "span.kind")
		}
	},
}

var noBytes = fields.Rule{
	Name: "no bytes", Why: "an OpenTelemetry attribute can't be bytes, or could not when the exporter was made: the client is not told",
	Apply: func(s fields.Span) { unset(s, "span.attributes[binary]") },
}

var httpError = fields.Rule{
	Name: "HTTP 503 is an error", Why: "OpenTelemetry's translation reads the status from http.status_code if nothing else says",
	Apply: func(s fields.Span) {
		if s.Fields["span.attributes[http.status_code].value.int_value"] == "503" {
			s.Fields["span.status.code"] = "2"
		}
	},
}

func number(s fields.Span, path string) uint64 {
	n, err := strconv.ParseUint(s.Fields[path], 10, 64)
	if err != nil {
		panic(fmt.Sprintf("%s of %s: %v", path, s.ID, err))
	}
	return n
}

// text is an attribute's string value, quoted.
func text(s fields.Span, of, key string) string {
	return s.Fields[of+".attributes["+key+"].value.string_value"]
}

// set gives an attribute a value.
func set(s fields.Span, of, key, kind, value string) {
	s.Fields[of+".attributes["+key+"].key"] = strconv.Quote(key)
	s.Fields[of+".attributes["+key+"].value."+kind] = value
}

// unset takes away everything at and below a path.
func unset(s fields.Span, path string) {
	for p := range s.Fields {
		if p == path || strings.HasPrefix(p, path+".") {
			delete(s.Fields, p)
		}
	}
}
