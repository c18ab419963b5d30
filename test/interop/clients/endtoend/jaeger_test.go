package endtoend

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// What a client is told can be read in Jaeger, field by field, as it could when Jaeger's own agent brought it there: by OTLP,
// and by Jaeger's own protocol.
func TestJaeger(t *testing.T) {
	for _, protocol := range []string{"otlp-grpc", "jaeger-grpc"} {
		for _, client := range clients(t) {
			t.Run(protocol+"/"+client.name, func(t *testing.T) {
				t.Parallel()
				jaeger := harness.StartJaeger(t, harness.FreePort(t), harness.FreePort(t))
				endpoint := map[string]string{"otlp-grpc": jaeger.OTLP, "jaeger-grpc": jaeger.GRPC}[protocol]
				agent := harness.StartAgent(t, harness.Deliver{
					Endpoints: []string{endpoint}, Compression: "gzip", More: "protocol: " + protocol + ", ",
				})
				story := scenario.Story()
				sent := scenario.Spans(story)
				if err := client.tell(agent.Compact, story); err != nil {
					t.Fatal(err)
				}
				agent.AwaitDelivered(t, sent)
				readInJaeger(t, jaeger, story, client.jaegerRules(protocol))
				agent.Finish(t, sent)
			})
		}
	}
}

// readInJaeger reads the story in Jaeger, and compares it with what was told.
func readInJaeger(t *testing.T, jaeger *harness.Jaeger, story []scenario.Service, rules []fields.Rule) {
	t.Helper()
	var got []fields.Span
	for _, id := range traces(story) {
		trace := jaeger.Trace(t, jaegerTraceID(id), spansOf(story, id))
		got = append(got, jaegerSpans(t, trace)...)
	}
	for _, line := range fields.Compare(func() []fields.Span { return toldToJaeger(t, story) }, got, rules) {
		t.Error(line)
	}
}

func traces(story []scenario.Service) (ids []scenario.TraceID) {
	for _, service := range story {
		for _, span := range service.Spans {
			if !slices.Contains(ids, span.Trace) {
				ids = append(ids, span.Trace)
			}
		}
	}
	return ids
}

func spansOf(story []scenario.Service, id scenario.TraceID) (n int) {
	for _, service := range story {
		for _, span := range service.Spans {
			if span.Trace == id {
				n++
			}
		}
	}
	return n
}

// jaegerTraceID is the id as Jaeger writes it: short if it has 64 bits.
func jaegerTraceID(id scenario.TraceID) string {
	if id.High == 0 {
		return fmt.Sprintf("%016x", id.Low)
	}
	return fmt.Sprintf("%016x%016x", id.High, id.Low)
}

// toldToJaeger is the story as Jaeger's query API would tell it, with nothing lost and nothing added.
func toldToJaeger(t *testing.T, story []scenario.Service) []fields.Span {
	t.Helper()
	var list []fields.Span
	for _, service := range story {
		for _, s := range service.Spans {
			j := harness.JaegerSpan{
				TraceID: jaegerTraceID(s.Trace), SpanID: fmt.Sprintf("%016x", s.ID), Flags: 1, OperationName: s.Name,
				StartTime: uint64(s.Start.UnixMicro()), Duration: uint64(s.Duration.Microseconds()),
				Tags:    jaegerTags(t, s.Tags),
				Process: &harness.JaegerProcess{ServiceName: service.Name, Tags: jaegerTags(t, service.Tags)},
			}
			if s.Parent != 0 {
				j.References = append(j.References, harness.JaegerReference{
					RefType: "CHILD_OF", TraceID: j.TraceID, SpanID: fmt.Sprintf("%016x", s.Parent),
				})
			}
			for _, l := range s.Follows {
				j.References = append(j.References, harness.JaegerReference{
					RefType: "FOLLOWS_FROM", TraceID: jaegerTraceID(l.Trace), SpanID: fmt.Sprintf("%016x", l.ID),
				})
			}
			add := func(key string, value any) {
				j.Tags = append(j.Tags, jaegerTags(t, []scenario.Tag{{Key: key, Value: value}})...)
			}
			if s.Kind != "" {
				add("span.kind", s.Kind)
			}
			if s.Failed {
				add("error", true)
			}
			if s.Reason != "" {
				add("otel.status_description", s.Reason)
			}
			if s.Library != "" {
				add("otel.scope.name", s.Library)
				add("otel.scope.version", s.Build)
			}
			for _, e := range s.Events {
				log := harness.JaegerLog{Timestamp: uint64(e.Time.UnixMicro()), Fields: jaegerTags(t, e.Tags)}
				if e.Name != "" {
					log.Fields = append(log.Fields, harness.JaegerTag{Key: "event", Type: "string", Value: e.Name})
				}
				j.Logs = append(j.Logs, log)
			}
			list = append(list, jaegerFields(j, *j.Process))
		}
	}
	return list
}

func jaegerTags(t *testing.T, tags []scenario.Tag) []harness.JaegerTag {
	t.Helper()
	var list []harness.JaegerTag
	for _, tag := range tags {
		j := harness.JaegerTag{Key: tag.Key, Value: tag.Value}
		switch v := tag.Value.(type) {
		case string:
			j.Type = "string"
		case bool:
			j.Type = "bool"
		case int64:
			j.Type = "int64"
		case float64:
			j.Type, j.Value = "float64", strconv.FormatFloat(v, 'g', -1, 64)
		case []byte:
			j.Type, j.Value = "binary", base64.StdEncoding.EncodeToString(v)
		case []string:
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			j.Type, j.Value = "string", string(text)
		default:
			t.Fatalf("the story has a %T", v)
		}
		list = append(list, j)
	}
	return list
}

func jaegerSpans(t *testing.T, trace harness.JaegerTrace) []fields.Span {
	t.Helper()
	if len(trace.Warnings) > 0 {
		t.Errorf("Jaeger warns: %q", trace.Warnings)
	}
	var list []fields.Span
	for _, s := range trace.Spans {
		list = append(list, jaegerFields(s, trace.Processes[s.ProcessID]))
	}
	return list
}

// jaegerFields takes a span of Jaeger's apart as package fields does OTLP's.
func jaegerFields(s harness.JaegerSpan, process harness.JaegerProcess) fields.Span {
	f := fields.Span{ID: s.TraceID + "/" + s.SpanID, Fields: map[string]string{
		"flags":               fmt.Sprint(s.Flags),
		"operationName":       strconv.Quote(s.OperationName),
		"startTime":           fmt.Sprint(s.StartTime),
		"duration":            fmt.Sprint(s.Duration),
		"process.serviceName": strconv.Quote(process.ServiceName),
	}}
	for i, r := range s.References {
		f.Fields[fmt.Sprintf("references[%d]", i)] = r.RefType + " " + r.TraceID + " " + r.SpanID
	}
	for i, w := range s.Warnings {
		f.Fields[fmt.Sprintf("warnings[%d]", i)] = w
	}
	putTags(f, "process.tags", process.Tags)
	putTags(f, "tags", s.Tags)
	for i, l := range s.Logs {
		f.Fields[fmt.Sprintf("logs[%d].timestamp", i)] = fmt.Sprint(l.Timestamp)
		putTags(f, fmt.Sprintf("logs[%d].fields", i), l.Fields)
	}
	return f
}

func putTags(f fields.Span, path string, tags []harness.JaegerTag) {
	for _, tag := range tags {
		p := path + "[" + tag.Key + "]"
		for f.Fields[p] != "" {
			p += "#"
		}
		f.Fields[p] = fmt.Sprintf("%s %v", tag.Type, tag.Value)
	}
}
