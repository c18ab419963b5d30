package endtoend

import (
	"fmt"
	"reflect"
	"strconv"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

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
		"parentSpanID":        s.ParentSpanID, // which Jaeger leaves to the references
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

// A comparison is worth what it notices: whatever is altered, added or removed in Jaeger's answer about a span, one at a time,
// must be seen.
func TestEveryAlterationInJaegerIsSeen(t *testing.T) {
	type account struct {
		Span    harness.JaegerSpan
		Process harness.JaegerProcess
	}
	tags := func() []harness.JaegerTag { return []harness.JaegerTag{{Key: "k", Type: "string", Value: "v"}} }
	rich := func() *account {
		return &account{
			harness.JaegerSpan{
				References: make([]harness.JaegerReference, 1), Tags: tags(), Logs: []harness.JaegerLog{{Fields: tags()}}, Warnings: []string{"w"},
			},
			harness.JaegerProcess{Tags: tags()},
		}
	}
	taken := func(a *account) []fields.Span { return []fields.Span{jaegerFields(a.Span, a.Process)} }
	tried := make(map[string]bool)
	for n := 0; ; n++ {
		altered, left := rich(), n
		name := alter(reflect.ValueOf(altered).Elem(), "", &left)
		if name == "" {
			break
		}
		tried[name] = true
		seen := len(fields.Diff(taken(rich()), taken(altered))) > 0
		if name == "set .Span.ProcessID" { // says which process, which is compared itself
			seen = !seen
		}
		if !seen {
			t.Errorf("%s: not seen", name)
		}
	}
	for _, name := range []string{ // each would be missed if the walk skipped a level
		"set .Span.ParentSpanID", "set .Span.References[0].RefType", "set .Span.Logs[0].Fields[0].Value", "remove from .Span.Warnings",
		"add to .Process.Tags", "set .Process.ServiceName",
	} {
		if !tried[name] {
			t.Errorf("%q was not tried", name)
		}
	}
}

// alter makes the alteration number *left, counting down, and names it; "" if there are not that many.
func alter(v reflect.Value, path string, left *int) string {
	next := func() bool { *left--; return *left == -1 }
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if name := alter(v.Field(i), path+"."+v.Type().Field(i).Name, left); name != "" {
				return name
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if name := alter(v.Index(i), fmt.Sprintf("%s[%d]", path, i), left); name != "" {
				return name
			}
		}
		if next() {
			v.Set(v.Slice(0, v.Len()-1))
			return "remove from " + path
		}
		if next() {
			v.Set(reflect.Append(v, v.Index(0)))
			return "add to " + path
		}
	default:
		if next() {
			other := map[reflect.Kind]any{
				reflect.String: "other", reflect.Interface: "other", reflect.Uint32: uint32(9), reflect.Uint64: uint64(9),
			}[v.Kind()]
			v.Set(reflect.ValueOf(other))
			return "set " + path
		}
	}
	return ""
}
