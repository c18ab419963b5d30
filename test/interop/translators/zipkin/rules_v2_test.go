package zipkin

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"

	"github.com/openzipkin/zipkin-go/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// ruleV2 is a deliberate difference in version 2, as ruleV1 is in version 1. after is given the translation of the one span.
type ruleV2 struct {
	name, why string
	before    func(*model.SpanModel) bool
	after     func(*model.SpanModel, ptrace.Traces) bool
	example   func() spans
	form      int // of the example
}

func plainV2(change func(*model.SpanModel)) func() spans {
	return func() spans { return spans{oneV2(7, change)} }
}

func oneV2(id model.ID, change func(*model.SpanModel)) *model.SpanModel {
	s := &model.SpanModel{
		SpanContext: model.SpanContext{TraceID: model.TraceID{Low: 1}, ID: id}, Name: "op", Kind: model.Server,
		Timestamp: time.UnixMicro(10 * second), Duration: time.Second,
		LocalEndpoint: &model.Endpoint{ServiceName: "svc"}, Tags: map[string]string{},
	}
	change(s)
	return s
}

// ownResource is the rule that is none of its own: spans are given to upstream one by one.
const ownResource = "each span keeps its own resource and scope"

func only(td ptrace.Traces) (ptrace.ResourceSpans, ptrace.Span) {
	rs := td.ResourceSpans().At(0)
	return rs, rs.ScopeSpans().At(0).Spans().At(0)
}

var rulesV2 = []ruleV2{
	{
		name: ownResource,
		why:  "upstream takes the tags that tell of the resource, and the scope's version, from one span of a service and loses the others'",
		example: func() spans {
			return spans{
				oneV2(7, func(s *model.SpanModel) { s.Tags["host.name"] = "a" }),
				oneV2(8, func(s *model.SpanModel) { s.Tags["host.name"] = "b" }),
			}
		},
	},
	{
		name: "tags of the resource are kept where there is no service name",
		why:  "upstream loses them",
		after: func(z *model.SpanModel, td ptrace.Traces) (changed bool) {
			if z.LocalEndpoint != nil && z.LocalEndpoint.ServiceName != "" && z.LocalEndpoint.ServiceName != "OTLPResourceNoServiceName" {
				return false
			}
			rs, _ := only(td)
			for k, v := range z.Tags {
				if resourceKeys[k] {
					rs.Resource().Attributes().PutStr(k, v)
					changed = true
				}
			}
			return changed
		},
		example: plainV2(func(s *model.SpanModel) { s.LocalEndpoint, s.Tags["host.name"] = nil, "a" }),
	},
	{
		name: "a scope needs no name to have a version",
		why:  "upstream loses the version",
		after: func(z *model.SpanModel, td ptrace.Traces) bool {
			rs, _ := only(td)
			scope := rs.ScopeSpans().At(0).Scope()
			version, ok := z.Tags["otel.scope.version"]
			if !ok {
				version = z.Tags["otel.library.version"]
			}
			if version == "" || scope.Version() == version {
				return false
			}
			scope.SetVersion(version)
			return true
		},
		example: plainV2(func(s *model.SpanModel) { s.Tags["otel.library.version"] = "1.0" }),
	},
	{
		name: "spans with impossible ids are left out",
		why:  "a collector may refuse the batch that they are in",
		after: func(z *model.SpanModel, td ptrace.Traces) bool {
			if z.ID != 0 && !z.TraceID.Empty() {
				return false
			}
			td.ResourceSpans().RemoveIf(func(ptrace.ResourceSpans) bool { return true })
			return true
		},
		example: plainV2(func(s *model.SpanModel) { s.TraceID = model.TraceID{} }),
	},
	{
		name: "otel.status_code may be OK, ERROR or UNSET",
		why:  "OpenTelemetry's specification (trace/sdk_exporters/zipkin.md) writes OK and ERROR; upstream takes them for unset",
		before: func(z *model.SpanModel) bool {
			word, ok := map[string]string{"OK": "Ok", "ERROR": "Error"}[z.Tags["otel.status_code"]]
			if ok {
				z.Tags["otel.status_code"] = word
			}
			return ok
		},
		example: plainV2(func(s *model.SpanModel) { s.Tags["otel.status_code"] = "OK" }),
	},
	{
		name: "an annotation with a bar is a name, unless it is an event",
		why:  "upstream takes what stands before the bar, and loses the rest",
		after: func(z *model.SpanModel, td ptrace.Traces) (changed bool) {
			if td.ResourceSpans().Len() == 0 {
				return false
			}
			_, s := only(td)
			for i, a := range z.Annotations {
				if strings.Count(a.Value, "|") == 1 {
					s.Events().At(i).SetName(a.Value)
					changed = true
				}
			}
			return changed
		},
		example: plainV2(func(s *model.SpanModel) {
			s.Annotations = []model.Annotation{{Timestamp: time.UnixMicro(second), Value: "a|b"}}
		}),
	},
	{
		name: "whole numbers in the attributes of events are exact",
		why:  "upstream takes them for doubles first",
		after: func(z *model.SpanModel, td ptrace.Traces) (changed bool) {
			if td.ResourceSpans().Len() == 0 {
				return false
			}
			_, s := only(td)
			for i, a := range z.Annotations {
				parts := strings.SplitN(a.Value, "|", 2)
				if len(parts) < 2 || strings.Count(a.Value, "|") < 2 {
					continue
				}
				var said map[string]any
				d := json.NewDecoder(strings.NewReader(parts[1]))
				d.UseNumber()
				must(d.Decode(&said))
				for k, v := range said {
					n, ok := v.(json.Number)
					if !ok {
						continue
					}
					got, _ := s.Events().At(i).Attributes().Get(k)
					whole, ok := new(big.Int).SetString(n.String(), 10)
					if ok && whole.IsInt64() && got.Type() == pcommon.ValueTypeInt && got.Int() != whole.Int64() {
						got.SetInt(whole.Int64())
						changed = true
					}
				}
			}
			return changed
		},
		example: plainV2(func(s *model.SpanModel) {
			s.Annotations = []model.Annotation{{Timestamp: time.UnixMicro(second), Value: `e|{"n":9007199254740993}|0`}}
		}),
	},
	{
		name: "what is no link stays a tag",
		why:  "upstream loses a tag of fewer parts, and makes links of ids that are impossible",
		after: func(z *model.SpanModel, td ptrace.Traces) (changed bool) {
			if td.ResourceSpans().Len() == 0 {
				return false
			}
			_, s := only(td)
			at := 0
			for i := 0; ; i++ {
				key := "otlp.link." + string(rune('0'+i))
				value, ok := z.Tags[key]
				if !ok || i > 9 {
					return changed
				}
				parts := strings.Split(value, "|")
				if len(parts) >= 5 {
					at++
					if strings.Trim(parts[0], "0") != "" && strings.Trim(parts[1], "0") != "" {
						continue
					}
					at--
					n := 0
					s.Links().RemoveIf(func(ptrace.SpanLink) bool { n++; return n == at+1 })
				}
				s.Attributes().PutStr(key, value)
				changed = true
			}
		},
		example: plainV2(func(s *model.SpanModel) { s.Tags["otlp.link.0"] = "a|b" }),
	},
	{
		name: "a start that is missing is told in protobuf as in JSON",
		why:  "there 0 is the time 1970 to upstream",
		before: func(z *model.SpanModel) bool {
			if z.Timestamp.IsZero() || z.Timestamp.UnixNano() != 0 {
				return false
			}
			z.Timestamp = time.Time{}
			return true
		},
		example: plainV2(func(s *model.SpanModel) { s.Timestamp = time.Time{} }),
		form:    protoForm,
	},
	{
		name: "addresses that are none are left out",
		why:  "upstream writes their bytes after a question mark",
		before: func(z *model.SpanModel) (changed bool) {
			for _, e := range []*model.Endpoint{z.LocalEndpoint, z.RemoteEndpoint} {
				if e == nil {
					continue
				}
				if n := len(e.IPv4); n != 0 && n != 4 && n != 16 {
					e.IPv4, changed = nil, true
				}
				if n := len(e.IPv6); n != 0 && n != 4 && n != 16 {
					e.IPv6, changed = nil, true
				}
			}
			return changed
		},
		example: plainV2(func(s *model.SpanModel) { s.LocalEndpoint.IPv4 = []byte{1, 2, 3} }),
		form:    protoForm,
	},
}

// resourceKeys are the tags that the generator makes of those that tell of the resource.
var resourceKeys = map[string]bool{
	"host.name": true, "service.name": true, "service.version": true, "faas.id": true, "opencensus.exporterversion": true,
	"k8s.pod.name": true, "process.pid": true,
}
