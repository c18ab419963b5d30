package endtoend

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// nodeDuration is what Jaeger's client for Node makes of a start and a duration in µs: it is told them in milliseconds, and
// subtracts the start from the end (span.js, thrift.js).
func nodeDuration(start, duration uint64) uint64 {
	from := float64(start) / 1000
	to := from + float64(duration)/1000
	return uint64((to - from) * 1000)
}

// nodeEventTime is what OpenTelemetry's exporter makes of an event's time: hrTimeToMilliseconds (transform.js), and then µs
// (jaeger-client's thrift.js).
func nodeEventTime(ns uint64) (us uint64) {
	ms := float64(ns/1e9)*1e3 + float64(ns%1e9)/1e6
	return uint64(ms * 1000)
}

const (
	numbersAreDoubles = "a number in JavaScript is one, and its tag a double"
	subtracted        = "it subtracts milliseconds since 1970, as doubles, and cuts: a µs is lost"
	eventInDoubles    = "it has them in milliseconds since 1970, as a double: a µs is won or lost"
	undefinedVersion  = "the exporter knows the names that were used before otel.scope.name, and writes the text undefined for none"
	spanHasResource   = "the exporter puts the resource into each span's tags, and only the service's name into the process"
)

func nodeNumber(text string) float64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return f
}

var nodeNumbers = fields.Rule{
	Name: "numbers are doubles", Why: numbersAreDoubles,
	Apply: func(s fields.Span) {
		for path, v := range s.Fields {
			if of, ok := strings.CutSuffix(path, ".int_value"); ok {
				delete(s.Fields, path)
				s.Fields[of+".double_value"] = fmt.Sprint(nodeNumber(v))
			}
		}
	},
}

func nodeClientRules() []fields.Rule {
	return append(storyRules(), noScope, noReason, noLists, samplerNamesItself, nodeNumbers, fields.Rule{
		Name: "the client names itself", Why: "jaeger-client adds its version and a uuid to the process, and the host and the address that it is told",
		Apply: func(s fields.Span) {
			for key, value := range map[string]string{
				"opencensus.exporterversion": "Jaeger-Node-3.19.0", "host.name": "recorder", "ip": "192.0.2.9",
				"client-uuid": "00000000-0000-4000-8000-000000000001",
			} {
				set(s, "resource_spans.resource", key, "string_value", strconv.Quote(value))
			}
		},
	}, fields.Rule{
		Name: "durations are differences", Why: subtracted,
		Apply: func(s fields.Span) {
			start := number(s, "span.start_time_unix_nano") / 1000
			duration := number(s, "span.end_time_unix_nano")/1000 - start
			s.Fields["span.end_time_unix_nano"] = fmt.Sprint((start + nodeDuration(start, duration)) * 1000)
		},
	})
}

func nodeExporterRules() []fields.Rule {
	return append([]fields.Rule{{
		Name: "times of events are rounded", Why: eventInDoubles,
		Apply: func(s fields.Span) {
			for path := range s.Fields {
				if strings.HasPrefix(path, "span.events[") && strings.HasSuffix(path, ".time_unix_nano") {
					s.Fields[path] = fmt.Sprint(nodeEventTime(number(s, path)) * 1000)
				}
			}
		},
	}, {
		Name: "the SDK names itself", Why: "OpenTelemetry's SDK for Node adds itself to the resource",
		Apply: func(s fields.Span) {
			for key, value := range sdkNames {
				set(s, "resource_spans.resource", key, "string_value", strconv.Quote(value))
			}
		},
	}, {
		Name: "a span has its resource's attributes", Why: spanHasResource,
		Apply: func(s fields.Span) {
			for path, v := range s.Fields {
				if rest, ok := strings.CutPrefix(path, "resource_spans.resource."); ok {
					s.Fields["span."+rest] = v
					if !strings.Contains(path, "[service.name]") {
						delete(s.Fields, path)
					}
				}
			}
		},
	}, {
		Name: "the scope is two attributes", Why: undefinedVersion,
		Apply: func(s fields.Span) {
			library, build := s.Fields["scope_spans.scope.name"], s.Fields["scope_spans.scope.version"]
			delete(s.Fields, "scope_spans.scope.name")
			delete(s.Fields, "scope_spans.scope.version")
			if library == "" {
				library = `""`
			}
			if build == "" {
				build = `"undefined"`
			}
			set(s, "span", "otel.library.name", "string_value", library)
			set(s, "span", "otel.library.version", "string_value", build)
		},
	}, {
		Name: "lists are texts", Why: "a Jaeger tag is one value: JavaScript's String puts commas between",
		Apply: func(s fields.Span) {
			if s.Fields["span.attributes[list].key"] != "" {
				unset(s, "span.attributes[list]")
				set(s, "span", "list", "string_value", `"a,b"`)
			}
		},
	}, internalIsNotSaid, noBytes, nodeNumbers}, storyRules()...)
}

// sdkNames are what OpenTelemetry's SDK for Node says of itself.
var sdkNames = map[string]string{
	"telemetry.sdk.language": "nodejs", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": "1.30.1",
}
