package tail

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// shown puts a frame into a Tail and returns what the view wrote at the end.
func shown(t *testing.T, frame []byte) string {
	t.Helper()
	if _, err := otlp.Check(frame); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	tail := New(NewJSON(&out))
	if err := tail.Put(t.Context(), frame, 0); err != nil {
		t.Fatal(err)
	}
	if err := tail.show(true); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestJSON(t *testing.T) {
	var b otlp.Builder
	rs := b.Open(otlp.RequestResourceSpans, 0)
	r := b.Open(otlp.ResourceSpansResource, 0)
	attribute(&b, otlp.ResourceAttributes, "service.name", "shop \"front\"\x1b[m\u009b\u202e\U000e0041")
	b.Close(r)
	ss := b.Open(otlp.ResourceSpansScopeSpans, 0)
	scope := b.Open(otlp.ScopeSpansScope, 0)
	b.TextString(otlp.ScopeName, "tracer")
	b.Close(scope)
	for i := range 2 {
		m := b.Open(otlp.ScopeSpansSpans, 0)
		b.Blob(otlp.SpanTraceID, traceID(0xabc))
		b.Blob(otlp.SpanSpanID, []byte{7: byte(2 - i)})
		if i == 0 { // the child stands first
			b.Blob(otlp.SpanParentSpanID, []byte{7: 1})
			st := b.Open(otlp.SpanStatus, 0)
			b.TextString(otlp.StatusMessage, "no\nluck")
			b.Varint(otlp.StatusCode, otlp.StatusError)
			b.Close(st)
			e := b.Open(otlp.SpanEvents, 0)
			b.Fixed64(otlp.EventTime, began+7_000_000)
			b.TextString(otlp.EventName, "retry")
			attribute(&b, otlp.EventAttributes, "k", "v")
			b.Close(e)
			l := b.Open(otlp.SpanLinks, 0)
			b.Blob(otlp.LinkTraceID, traceID(0xdef))
			b.Blob(otlp.LinkSpanID, []byte{7: 9})
			b.Close(l)
		} else {
			value := func(key string, write func()) {
				kv := b.Open(otlp.SpanAttributes, 0)
				b.TextString(otlp.KeyValueKey, key)
				v := b.Open(otlp.KeyValueValue, 0)
				write()
				b.Close(v)
				b.Close(kv)
			}
			value("bool", func() { b.Varint(otlp.AnyBool, 1) })
			value("int", func() { b.Varint(otlp.AnyInt, math.MaxUint64) })
			value("double", func() { b.Fixed64(otlp.AnyDouble, math.Float64bits(1.5e300)) })
			value("nan", func() { b.Fixed64(otlp.AnyDouble, math.Float64bits(math.NaN())) })
			value("bytes", func() { b.Blob(otlp.AnyBytes, []byte("\x00\xff")) })
			value("none", func() {})
			value("list", func() {
				a := b.Open(otlp.AnyArray, 0)
				for _, s := range []string{"a", "b"} {
					v := b.Open(1, 0)
					b.TextString(otlp.AnyString, s)
					b.Close(v)
				}
				b.Close(a)
			})
			value("map", func() {
				a := b.Open(otlp.AnyKVList, 0)
				attribute(&b, 1, "in", "side")
				b.Close(a)
			})
			b.TextString(otlp.SpanTraceState, "a=b")
		}
		b.TextString(otlp.SpanName, "op")
		b.Varint(otlp.SpanKind, uint64(otlp.KindServer))
		b.Fixed64(otlp.SpanStart, began+uint64(1-i)*1_000_000)
		b.Fixed64(otlp.SpanEnd, began+5_000_000)
		b.Close(m)
	}
	b.Close(ss)
	b.Close(rs)

	line := shown(t, b.Bytes())
	if strings.ContainsAny(line[:len(line)-1], "\n\x1b\x7f\u009b\u202e\u2028") {
		t.Errorf("not plain: %q", line)
	}
	const service = "shop \"front\"\x1b[m\u009b\u202e\U000e0041"
	same(t, line, map[string]any{
		"trace_id": "0000000000000abc", "start": "2026-01-02T15:04:05.123Z", "duration_ns": 5e6,
		"services": []any{service}, "errors": 1.0, "whole": true, "late": false, "left_out": 0.0,
		"resources": []any{map[string]any{"service.name": service}},
		"spans": []any{
			map[string]any{
				"span_id": "0000000000000001", "service": service, "operation": "op", "kind": "server",
				"start": "2026-01-02T15:04:05.123Z", "offset_ns": 0.0, "duration_ns": 5e6, "resource": 0.0,
				"scope": "tracer", "trace_state": "a=b",
				"attributes": map[string]any{
					"bool": true, "int": -1.0, "double": 1.5e300, "nan": "NaN", "bytes": "AP8=", "none": nil,
					"list": []any{"a", "b"}, "map": map[string]any{"in": "side"},
				},
			},
			map[string]any{
				"span_id": "0000000000000002", "parent_id": "0000000000000001", "service": service, "operation": "op", "kind": "server",
				"start": "2026-01-02T15:04:05.124Z", "offset_ns": 1e6, "duration_ns": 4e6, "resource": 0.0,
				"error": true, "message": "no\nluck", "scope": "tracer", "attributes": map[string]any{},
				"events": []any{map[string]any{"offset_ns": 6e6, "name": "retry", "attributes": map[string]any{"k": "v"}}},
				"links":  []any{map[string]any{"trace_id": "0000000000000def", "span_id": "0000000000000009", "attributes": map[string]any{}}},
			},
		},
	})
}

func same(t *testing.T, line string, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if !reflect.DeepEqual(got, want) {
		w, _ := json.MarshalIndent(want, "", " ")
		g, _ := json.MarshalIndent(got, "", " ")
		t.Errorf("got %s\nwant %s", g, w)
	}
}

// A line for each trace, and a resource once in each.
func TestJSONLines(t *testing.T) {
	out := shown(t, frameOf(root(1), child(1, 2, 1), root(2), child(1, 3, 1)))
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), out)
	}
	var tr struct {
		Spans     []struct{ Resource int }
		Resources []map[string]any
	}
	if err := json.Unmarshal([]byte(lines[1]), &tr); err != nil {
		t.Fatal(err)
	}
	if len(tr.Spans) != 3 || len(tr.Resources) != 2 || tr.Spans[1].Resource != tr.Spans[2].Resource || tr.Spans[0].Resource == tr.Spans[1].Resource {
		t.Errorf("%+v", tr)
	}
}

// Times that no clock shows must not make a line that is not JSON.
func TestJSONTimes(t *testing.T) {
	for _, start := range []uint64{0, 1, math.MaxInt64, math.MaxUint64} {
		s := root(1)
		s.Start, s.End = start, 5
		var v struct{ Start time.Time }
		if line := shown(t, frameOf(s)); json.Unmarshal([]byte(line), &v) != nil || uint64(v.Start.UnixNano()) != start {
			t.Errorf("%d: %s", start, line)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestJSONPipeBreaks(t *testing.T) {
	tail := New(NewJSON(brokenPipe{}))
	for i := range uint64(3) {
		tail.Put(t.Context(), frameOf(root(i+1)), 1)
		err := tail.show(true)
		if err == nil {
			t.Error("no error")
		}
	}
	if c := tail.Counts(); c.Spans != c.Shown+c.Hidden || c.Hidden < 2 {
		t.Errorf("%+v", c)
	}
}

// FuzzPut puts whatever passes otlp.Check into both views: nothing that a
// terminal would obey comes out, JSON is JSON, and every span is counted.
func FuzzPut(f *testing.F) {
	f.Add(frameOf(root(1), child(1, 2, 1), child(1, 3, 9)), uint8(80))
	f.Add(frameOf(at{1, failed(sp(1, 1, "\x1b[2J", "\u202e\n", -5, 3), "\x07")}), uint8(20))
	f.Fuzz(func(t *testing.T, frame []byte, width uint8) {
		spans, err := otlp.Check(frame)
		if err != nil {
			return
		}
		var screen bytes.Buffer
		terminal := NewTerminal(Screen{
			Out:    &screen,
			Layout: func() Layout { return Layout{Width: max(int(width), MinWidth), Rows: 20} },
			Status: func(Counts) (string, bool) { return "status", false },
		})
		var lines bytes.Buffer
		for _, view := range []View{terminal, NewJSON(&lines)} {
			tail := New(view)
			tail.Put(t.Context(), frame, spans)
			if err := tail.show(true); err != nil {
				t.Fatal(err)
			}
			if c := tail.Counts(); c.Spans != uint64(spans) || c.Spans != c.Shown+c.Hidden {
				t.Errorf("%d spans, %+v", spans, c)
			}
		}
		for line := range strings.SplitSeq(screen.String(), "\n") {
			if Plain(line) != line {
				t.Errorf("not plain: %q", line)
			}
			if n := cells(line); n > max(int(width), MinWidth) {
				t.Errorf("%d cells in %d: %q", n, width, line)
			}
		}
		for line := range strings.Lines(lines.String()) {
			if !json.Valid([]byte(line)) || Plain(strings.TrimSuffix(line, "\n")) != strings.TrimSuffix(line, "\n") {
				t.Errorf("not a line of JSON: %q", line)
			}
		}
	})
}
