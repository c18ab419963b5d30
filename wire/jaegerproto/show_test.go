package jaegerproto

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// verify checks what is promised of every result: its frames can be passed on.
func verify(t *testing.T, res jaeger.Result) {
	t.Helper()
	sum := 0
	for _, f := range res.Frames {
		n, err := otlp.Check(f.Bytes)
		if err != nil || n != f.Spans || n == 0 || len(f.Bytes) > otlp.MaxFrame {
			t.Fatalf("a frame of %d spans and %d bytes has %d: %v", f.Spans, len(f.Bytes), n, err)
		}
		sum += n
	}
	if sum != res.Spans {
		t.Fatalf("%d spans in frames, %d in all", sum, res.Spans)
	}
}

// show writes a frame as text, attributes sorted.
func show(frame []byte) string {
	var w strings.Builder
	for s := range otlp.Spans(frame) {
		fmt.Fprintf(&w, "%s@%s: %s %x/%x<%x %q %d-%d kind=%d status=%d", s.ScopeName, s.ScopeVer, showAttributes(s.Resource),
			s.TraceID, s.SpanID, s.Parent, s.Name, s.Start, s.End, s.Kind, s.Status)
		if s.TraceState != nil {
			fmt.Fprintf(&w, " state=%q", s.TraceState)
		}
		fmt.Fprintf(&w, " %s\n", showAttributes(s.Attributes))
		for e := range s.Events() {
			fmt.Fprintf(&w, "  event %d %q %s\n", e.Time, e.Name, showAttributes(e.Attributes))
		}
		for l := range s.Links() {
			fmt.Fprintf(&w, "  link %x/%x %s\n", l.TraceID, l.SpanID, showAttributes(l.Attributes))
		}
	}
	return w.String()
}

func showAttributes(a otlp.Attributes) string {
	var list []string
	for k, v := range a.All() {
		switch v.Type {
		case otlp.AnyString:
			list = append(list, fmt.Sprintf("%s=%q", k, v.Bytes))
		case otlp.AnyBytes:
			list = append(list, fmt.Sprintf("%s=x%x", k, v.Bytes))
		case otlp.AnyBool:
			list = append(list, fmt.Sprintf("%s=%v", k, v.Int == 1))
		case otlp.AnyInt:
			list = append(list, fmt.Sprintf("%s=%d", k, v.Int))
		case otlp.AnyDouble:
			list = append(list, fmt.Sprintf("%s=%gf", k, v.Double))
		}
	}
	slices.Sort(list)
	return fmt.Sprint(list)
}
