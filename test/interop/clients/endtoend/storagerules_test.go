package endtoend

import (
	"strings"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// storageRules are what becomes of any span on its way through the agent into Jaeger's storage. The protocol is otlp-grpc or
// jaeger-grpc: it makes no other difference than the one that is said here.
func storageRules(protocol string) []fields.Rule {
	format := map[string]string{"otlp-grpc": "otlp", "jaeger-grpc": "proto"}[protocol]
	return []fields.Rule{
		{
			Name: "an error is said twice", Why: "OpenTelemetry's way back to Jaeger writes a status as two tags",
			Apply: func(s fields.Span) {
				// A tag of Zipkin's may have the same key, and comes first.
				if s.Fields["tags[error]"] == "bool true" || s.Fields["tags[error]#"] == "bool true" {
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
	}
}

// storyStorageRules are storageRules, and what becomes of the story by whomever it is told.
func storyStorageRules(protocol string) []fields.Rule {
	return append(storageRules(protocol),
		fields.Rule{
			Name: "invalid UTF-8 is replaced", Why: "OTLP's strings are UTF-8; the agent, or the client, puts U+FFFD for the rest",
			Apply: func(s fields.Span) {
				for path, v := range s.Fields {
					if !utf8.ValidString(v) {
						s.Fields[path] = strings.ToValidUTF8(v, "\ufffd")
					}
				}
			},
		},
		fields.Rule{
			Name: "attributes of links are lost", Why: "a Jaeger reference has none, and no trace state",
			Apply: func(s fields.Span) {
				for path := range s.Fields {
					if strings.HasPrefix(path, "references[") && strings.Contains(path, "].") {
						delete(s.Fields, path)
					}
				}
			},
		},
	)
}

// goStorageRules are those for clients in Go.
func goStorageRules(protocol string) []fields.Rule {
	return append([]fields.Rule{{ // before the one that says an error twice
		Name: "HTTP 503 is an error", Why: "OpenTelemetry's translation reads the status from http.status_code if nothing else says",
		Apply: func(s fields.Span) {
			if s.Fields["tags[http.status_code]"] == "int64 503" {
				s.Fields["tags[error]"] = "bool true"
			}
		},
	}}, storyStorageRules(protocol)...)
}

// versionTag and hostTag are what a Jaeger client says of itself, for which OpenTelemetry's translation has another name;
// Wayside's to Jaeger takes that back.
func versionTag(protocol, version string) (key, value string) {
	if protocol == "jaeger-grpc" {
		return "process.tags[jaeger.version]", "string " + version
	}
	return "process.tags[opencensus.exporterversion]", "string Jaeger-" + version
}

func hostTag(protocol string) string {
	if protocol == "jaeger-grpc" {
		return "process.tags[hostname]"
	}
	return "process.tags[host.name]"
}

func goClientStorageRules(host, protocol string) []fields.Rule {
	return append(goStorageRules(protocol), fields.Rule{
		Name: "the client names itself", Why: "jaeger-client-go adds its version, host, address and a uuid to the process; " +
			"OpenTelemetry's translation renames two of them, and Wayside's to Jaeger takes that back",
		Apply: func(s fields.Span) {
			number := map[string]string{`"shop"`: "1", `"payments"`: "2"}[s.Fields["process.serviceName"]]
			key, version := versionTag(protocol, "Go-2.30.0")
			s.Fields[key] = version
			s.Fields[hostTag(protocol)] = "string " + host
			s.Fields["process.tags[ip]"] = "string 192.0.2." + number
			s.Fields["process.tags[client-uuid]"] = "string " + number
		},
	}, storageSampler, fields.Rule{
		Name: "long texts are cut", Why: "jaeger-client-go sends 256 bytes of a tag at most",
		Apply: func(s fields.Span) {
			if v := s.Fields["tags[long]"]; v != "" {
				s.Fields["tags[long]"] = v[:len("string ")+256]
			}
		},
	}, storageNoScope, storageNoReason, storageNoLists)
}

func goExporterStorageRules(protocol string) []fields.Rule {
	return append(goStorageRules(protocol), fields.Rule{
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
	}, storageInternalIsNotSaid, storageNoBytes)
}

// What more than one client makes of it.

var storageSampler = fields.Rule{
	Name: "the sampler names itself", Why: "Jaeger's client adds its decision to spans that begin in the process",
	Apply: func(s fields.Span) {
		s.Fields["tags[sampler.type]"] = "string const"
		s.Fields["tags[sampler.param]"] = "bool true"
	},
}

var storageNoScope = fields.Rule{
	Name: "no scope", Why: "OpenTracing knows none",
	Apply: func(s fields.Span) {
		delete(s.Fields, "tags[otel.scope.name]")
		delete(s.Fields, "tags[otel.scope.version]")
	},
}

var storageNoReason = fields.Rule{
	Name: "no reason of a failure", Why: "OpenTracing has the tag error alone",
	Apply: func(s fields.Span) { delete(s.Fields, "tags[otel.status_description]") },
}

var storageNoLists = fields.Rule{
	Name: "no lists", Why: "a Jaeger tag is one value: the client is not told",
	Apply: func(s fields.Span) { delete(s.Fields, "tags[list]") },
}

var storageInternalIsNotSaid = fields.Rule{
	Name: "internal is not said", Why: "the exporter takes it for what is meant when nothing is said",
	Apply: func(s fields.Span) {
		if s.Fields["tags[span.kind]"] == "string internal" {
			delete(s.Fields, "tags[span.kind]")
		}
	},
}

var storageNoBytes = fields.Rule{
	Name: "no bytes", Why: "an OpenTelemetry attribute can't be bytes, or could not when the exporter was made: the client is not told",
	Apply: func(s fields.Span) { delete(s.Fields, "tags[binary]") },
}
