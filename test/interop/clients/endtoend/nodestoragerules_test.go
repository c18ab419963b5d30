package endtoend

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/wayside-tracing/wayside/test/interop/fields"
)

var storageNodeNumbers = fields.Rule{
	Name: "numbers are doubles", Why: numbersAreDoubles,
	Apply: func(s fields.Span) {
		for path, v := range s.Fields {
			if n, ok := strings.CutPrefix(v, "int64 "); ok {
				text, err := json.Marshal(nodeNumber(n)) // as Jaeger writes it
				if err != nil {
					panic(err)
				}
				s.Fields[path] = "float64 " + string(text)
			}
		}
	},
}

func nodeClientStorageRules(protocol string) []fields.Rule {
	return append(storyStorageRules(protocol), storageNoScope, storageNoReason, storageNoLists, storageSampler, storageNodeNumbers, fields.Rule{
		Name: "the client names itself", Why: "jaeger-client adds its version and a uuid to the process, and the host and the address that it is told",
		Apply: func(s fields.Span) {
			key, version := versionTag(protocol, "Node-3.19.0")
			s.Fields[key] = version
			s.Fields[hostTag(protocol)] = "string recorder"
			s.Fields["process.tags[ip]"] = "string 192.0.2.9"
			s.Fields["process.tags[client-uuid]"] = "string 00000000-0000-4000-8000-000000000001"
		},
	}, fields.Rule{
		Name: "durations are differences", Why: subtracted,
		Apply: func(s fields.Span) {
			s.Fields["duration"] = fmt.Sprint(nodeDuration(number(s, "startTime"), number(s, "duration")))
		},
	})
}

func nodeExporterStorageRules(protocol string) []fields.Rule {
	return append(storyStorageRules(protocol), storageInternalIsNotSaid, storageNoBytes, fields.Rule{
		Name: "times of events are rounded", Why: eventInDoubles,
		Apply: func(s fields.Span) {
			for path := range s.Fields {
				if strings.HasPrefix(path, "logs[") && strings.HasSuffix(path, ".timestamp") {
					s.Fields[path] = fmt.Sprint(nodeEventTime(number(s, path)*1000 + 789)) // the story's nanoseconds
				}
			}
		},
	}, fields.Rule{
		Name: "the SDK names itself", Why: "OpenTelemetry's SDK for Node adds itself to the resource",
		Apply: func(s fields.Span) {
			for key, value := range sdkNames {
				s.Fields["process.tags["+key+"]"] = "string " + value
			}
		},
	}, fields.Rule{
		Name: "a span has its resource's attributes", Why: spanHasResource,
		Apply: func(s fields.Span) {
			for path, v := range s.Fields {
				if strings.HasPrefix(path, "process.tags[") {
					s.Fields[strings.TrimPrefix(path, "process.")] = v
					delete(s.Fields, path)
				}
			}
			name, err := strconv.Unquote(s.Fields["process.serviceName"])
			if err != nil {
				panic(err)
			}
			s.Fields["tags[service.name]"] = "string " + name
		},
	}, fields.Rule{
		Name: "the scope has its old names", Why: undefinedVersion,
		Apply: func(s fields.Span) {
			library, build := s.Fields["tags[otel.scope.name]"], s.Fields["tags[otel.scope.version]"]
			delete(s.Fields, "tags[otel.scope.name]")
			delete(s.Fields, "tags[otel.scope.version]")
			if library == "" {
				library = "string "
			}
			if build == "" {
				build = "string undefined"
			}
			s.Fields["tags[otel.library.name]"], s.Fields["tags[otel.library.version]"] = library, build
		},
	}, fields.Rule{
		Name: "lists are texts", Why: "a Jaeger tag is one value: JavaScript's String puts commas between",
		Apply: func(s fields.Span) {
			if s.Fields["tags[list]"] != "" {
				s.Fields["tags[list]"] = "string a,b"
			}
		},
	}, storageNodeNumbers)
}
