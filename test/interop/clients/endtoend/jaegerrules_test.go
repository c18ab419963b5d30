package endtoend

import (
	"strings"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// jaegerRules are what becomes of what a client is told, on its way through the agent into Jaeger's storage, by OTLP or by
// Jaeger's own protocol.
func jaegerRules(client, host, protocol string) []fields.Rule {
	format, version, hostname := "otlp", "opencensus.exporterversion", "host.name"
	if protocol == "jaeger-grpc" {
		format, version, hostname = "proto", "jaeger.version", "hostname"
	}
	rules := []fields.Rule{
		{
			Name: "HTTP 503 is an error", Why: "OpenTelemetry's translation reads the status from http.status_code if nothing else says",
			Apply: func(s fields.Span) {
				if s.Fields["tags[http.status_code]"] == "int64 503" {
					s.Fields["tags[error]"] = "bool true"
				}
			},
		},
		{
			Name: "an error is said twice", Why: "OpenTelemetry's way back to Jaeger writes a status as two tags",
			Apply: func(s fields.Span) {
				if s.Fields["tags[error]"] == "bool true" {
					s.Fields["tags[otel.status_code]"] = "string ERROR"
				}
			},
		},
		{
			Name: "no flags", Why: "OpenTelemetry's translations, there and back, leave the sampled bit out",
			Apply: func(s fields.Span) { s.Fields["flags"] = "0" },
		},
		{
			Name: "Jaeger says how it got a span", Why: "its collector adds a tag",
			Apply: func(s fields.Span) { s.Fields["tags[internal.span.format]"] = "string " + format },
		},
		{
			Name: "invalid UTF-8 is replaced", Why: "OTLP's strings are UTF-8; the agent puts U+FFFD for the rest",
			Apply: func(s fields.Span) {
				for path, v := range s.Fields {
					if !utf8.ValidString(v) {
						s.Fields[path] = strings.ToValidUTF8(v, "\ufffd")
					}
				}
			},
		},
	}
	if client == "jaeger-client-go" {
		return append(rules, fields.Rule{
			Name: "the client names itself", Why: "jaeger-client-go adds its version, host, address and a uuid to the process; " +
				"OpenTelemetry's translation renames two of them, and Wayside's to Jaeger takes that back",
			Apply: func(s fields.Span) {
				number := map[string]string{`"shop"`: "1", `"payments"`: "2"}[s.Fields["process.serviceName"]]
				s.Fields["process.tags["+version+"]"] = map[string]string{"otlp": "string Jaeger-Go-2.30.0", "proto": "string Go-2.30.0"}[format]
				s.Fields["process.tags["+hostname+"]"] = "string " + host
				s.Fields["process.tags[ip]"] = "string 192.0.2." + number
				s.Fields["process.tags[client-uuid]"] = "string " + number
			},
		}, fields.Rule{
			Name: "the sampler names itself", Why: "jaeger-client-go adds its decision to spans that begin in the process",
			Apply: func(s fields.Span) {
				s.Fields["tags[sampler.type]"] = "string const"
				s.Fields["tags[sampler.param]"] = "bool true"
			},
		}, fields.Rule{
			Name: "long texts are cut", Why: "jaeger-client-go sends 256 bytes of a tag at most",
			Apply: func(s fields.Span) {
				if v := s.Fields["tags[long]"]; v != "" {
					s.Fields["tags[long]"] = v[:len("string ")+256]
				}
			},
		}, fields.Rule{
			Name: "no scope", Why: "OpenTracing knows none",
			Apply: func(s fields.Span) {
				delete(s.Fields, "tags[otel.scope.name]")
				delete(s.Fields, "tags[otel.scope.version]")
			},
		}, fields.Rule{
			Name: "no reason of a failure", Why: "OpenTracing has the tag error alone",
			Apply: func(s fields.Span) { delete(s.Fields, "tags[otel.status_description]") },
		}, fields.Rule{
			Name: "no lists", Why: "a Jaeger tag is one value: the client is not told",
			Apply: func(s fields.Span) { delete(s.Fields, "tags[list]") },
		})
	}
	return append(rules, fields.Rule{
		Name: "the scope has its old names", Why: "the exporter knows those that were used before otel.scope.name; " +
			"the SDK calls a tracer without a name after itself",
		Apply: func(s fields.Span) {
			library := s.Fields["tags[otel.scope.name]"]
			if library == "" {
				library = "string go.opentelemetry.io/otel/sdk/tracer"
			}
			s.Fields["tags[otel.library.name]"] = library
			if build := s.Fields["tags[otel.scope.version]"]; build != "" {
				s.Fields["tags[otel.library.version]"] = build
			}
			delete(s.Fields, "tags[otel.scope.name]")
			delete(s.Fields, "tags[otel.scope.version]")
		},
	}, fields.Rule{
		Name: "internal is not said", Why: "the exporter takes it for what is meant when nothing is said",
		Apply: func(s fields.Span) {
			if s.Fields["tags[span.kind]"] == "string internal" {
				delete(s.Fields, "tags[span.kind]")
			}
		},
	}, fields.Rule{
		Name: "no bytes", Why: "an OpenTelemetry attribute can't be bytes: the client is not told",
		Apply: func(s fields.Span) { delete(s.Fields, "tags[binary]") },
	})
}
