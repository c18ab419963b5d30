package jaegerproto

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// build returns the message that f writes.
func build(f func(b *otlp.Builder)) []byte {
	var b otlp.Builder
	f(&b)
	return b.Bytes()
}

func nest(b *otlp.Builder, field int, f func()) {
	m := b.Open(field, 1)
	f()
	b.Close(m)
}

func attribute(b *otlp.Builder, field int, key, value string) {
	b.StringAttribute(field, []byte(key), []byte(value))
}

// frame is one span of a resource, with what the functions add.
func frame(resource, scope, span func(b *otlp.Builder)) []byte {
	return build(func(b *otlp.Builder) {
		nest(b, otlp.RequestResourceSpans, func() {
			nest(b, otlp.ResourceSpansScopeSpans, func() { // before its resource, as it may stand
				nest(b, otlp.ScopeSpansSpans, func() {
					b.TraceID(otlp.SpanTraceID, 1, 2)
					b.SpanID(otlp.SpanSpanID, 3)
					b.Fixed64(otlp.SpanStart, 5_000_000_007)
					b.Fixed64(otlp.SpanEnd, 6_500_000_008)
					span(b)
				})
				scope(b)
			})
			resource(b)
		})
	})
}

func nothing(*otlp.Builder) {}

func inResource(attributes ...string) func(b *otlp.Builder) {
	return func(b *otlp.Builder) {
		nest(b, otlp.ResourceSpansResource, func() {
			for i := 0; i < len(attributes); i += 2 {
				attribute(b, otlp.ResourceAttributes, attributes[i], attributes[i+1])
			}
		})
	}
}

// showPost writes a message with the names of its fields.
func showPost(w *strings.Builder, kind string, msg []byte) {
	for f := range otlp.Fields(msg) {
		field := fmt.Sprintf("%s.%d", kind, f.Number)
		switch sub := map[string]string{
			"post.1": "batch", "batch.1": "span", "span.4": "ref", "span.6": "time", "span.7": "time", "span.8": "kv",
			"span.9": "log", "span.10": "process", "log.1": "time", "log.2": "kv", "process.2": "kv",
		}[field]; {
		case sub != "":
			fmt.Fprintf(w, "%d{", f.Number)
			showPost(w, sub, f.Data)
			w.WriteString("} ")
		case field == "span.1" || field == "span.2" || field == "ref.1" || field == "ref.2":
			fmt.Fprintf(w, "%d:%s ", f.Number, strings.TrimLeft(hex.EncodeToString(f.Data), "0"))
		case f.Data != nil:
			fmt.Fprintf(w, "%d:%q ", f.Number, f.Data)
		default:
			fmt.Fprintf(w, "%d:%d ", f.Number, int64(f.Value))
		}
	}
}

func encode(t *testing.T, frames ...[]byte) string {
	t.Helper()
	for _, f := range frames {
		if _, err := otlp.Check(f); err != nil {
			t.Fatal(err)
		}
	}
	var e Encoder
	post, _ := e.Encode(frames, 1<<20)
	var w strings.Builder
	showPost(&w, "post", post)
	return w.String()
}

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		name                  string
		resource, scope, span func(b *otlp.Builder)
		want                  string // of the span, after its ids and times
	}{
		{
			"a span is its ids and times", nothing, nothing, nothing,
			`10{} `,
		},
		{
			"resource twice", func(b *otlp.Builder) {
				inResource("a", "1")(b)
				inResource("service.name", "svc", "b", "2")(b)
			}, nothing, nothing,
			`10{1:"svc" 2{1:"a" 3:"1" } 2{1:"b" 3:"2" } } `,
		},
		{
			"a Jaeger client", inResource("host.name", "h", "opencensus.exporterversion", "Jaeger-Go-2", "service.name", ""), nothing, nothing,
			`10{2{1:"hostname" 3:"h" } 2{1:"jaeger.version" 3:"Go-2" } } `,
		},
		{
			"somebody else", inResource("host.name", "h", "opencensus.exporterversion", "Go-2"), nothing, nothing,
			`10{2{1:"host.name" 3:"h" } 2{1:"opencensus.exporterversion" 3:"Go-2" } } `,
		},
		{
			"scope, kind, status, state", nothing, func(b *otlp.Builder) {
				nest(b, otlp.ScopeSpansScope, func() { b.TextString(otlp.ScopeName, "lib"); attribute(b, otlp.ScopeAttributes, "sa", "v") })
			}, func(b *otlp.Builder) {
				b.Varint(otlp.SpanKind, uint64(otlp.KindServer))
				nest(b, otlp.SpanStatus, func() { b.Varint(otlp.StatusCode, otlp.StatusError); b.TextString(otlp.StatusMessage, "bad") })
				b.TextString(otlp.SpanTraceState, "k=v")
				attribute(b, otlp.SpanAttributes, "a", "b")
			},
			`8{1:"otel.scope.name" 3:"lib" } 8{1:"sa" 3:"v" } 8{1:"a" 3:"b" } 8{1:"span.kind" 3:"server" } ` +
				`8{1:"otel.status_code" 3:"ERROR" } 8{1:"error" 2:1 4:1 } 8{1:"otel.status_description" 3:"bad" } ` +
				`8{1:"w3c.tracestate" 3:"k=v" } 10{} `,
		},
		{
			"values", nothing, nothing, func(b *otlp.Builder) {
				b.IntAttribute(otlp.SpanAttributes, []byte("i"), -1)
				b.BoolAttribute(otlp.SpanAttributes, []byte("t"), true)
				b.BoolAttribute(otlp.SpanAttributes, []byte("f"), false)
				b.DoubleAttribute(otlp.SpanAttributes, []byte("d"), 1<<63) // -0
				b.BytesAttribute(otlp.SpanAttributes, []byte("b"), []byte{0xff})
				nest(b, otlp.SpanAttributes, func() { b.TextString(otlp.KeyValueKey, "none") })
				nest(b, otlp.SpanAttributes, func() {
					b.TextString(otlp.KeyValueKey, "list")
					nest(b, otlp.KeyValueValue, func() {
						nest(b, otlp.AnyArray, func() {
							nest(b, otlp.ArrayValues, func() { b.TextString(otlp.AnyString, "q\"\n\x01é") })
							nest(b, otlp.ArrayValues, func() { b.Fixed64(otlp.AnyDouble, 0x7ff0000000000000) })
							nest(b, otlp.ArrayValues, func() { b.Fixed64(otlp.AnyDouble, 0x3e7ad7f29abcaf48) })
							nest(b, otlp.ArrayValues, func() { b.Blob(otlp.AnyBytes, []byte("ab")) })
							nest(b, otlp.ArrayValues, func() {})
							nest(b, otlp.ArrayValues, func() {
								nest(b, otlp.AnyKVList, func() { b.IntAttribute(otlp.KVListValues, []byte("k"), 7) })
							})
						})
					})
				})
			},
			`8{1:"i" 2:2 5:-1 } 8{1:"t" 2:1 4:1 } 8{1:"f" 2:1 } 8{1:"d" 2:3 6:-9223372036854775808 } 8{1:"b" 2:4 7:"\xff" } ` +
				`8{1:"none" } 8{1:"list" 3:"[\"q\\\"\\n\\u0001é\",\"Infinity\",1e-7,\"YWI=\",null,{\"k\":7}]" } 10{} `,
		},
		{
			"events", nothing, nothing, func(b *otlp.Builder) {
				nest(b, otlp.SpanEvents, func() {
					b.TextString(otlp.EventName, "retry")
					b.Fixed64(otlp.EventTime, 1<<64-1) // wraps around: a nanosecond before 1970
					b.Varint(otlp.EventDroppedAttributes, 2)
				})
				nest(b, otlp.SpanEvents, func() { b.TextString(otlp.EventName, "n"); attribute(b, otlp.EventAttributes, "event", "own") })
			},
			`9{1{1:-1 2:999999999 } 2{1:"event" 3:"retry" } 2{1:"otel.event.dropped_attributes_count" 2:2 5:2 } } 9{1{} 2{1:"event" 3:"own" } } 10{} `,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := encode(t, frame(c.resource, c.scope, c.span))
			if want := `1{1{1:10000000000000002 2:3 3:"" 6{1:5 2:7 } 7{1:1 2:500000001 } ` + c.want + "} } "; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// Attributes at the edges of what is copied are written as all others are.
func TestTagsThatAreCopied(t *testing.T) {
	long := strings.Repeat("x", 110)
	for _, c := range []struct {
		name string
		kv   func(b *otlp.Builder)
		want string
	}{
		{"as long as can be", func(b *otlp.Builder) { attribute(b, 1, "key", long+strings.Repeat("y", 8)) }, `1:"key" 3:"` + long + `yyyyyyyy" `},
		{"longer", func(b *otlp.Builder) { attribute(b, 1, "key", long+strings.Repeat("y", 9)) }, `1:"key" 3:"` + long + `yyyyyyyyy" `},
		{"no key", func(b *otlp.Builder) { attribute(b, 1, "", "v") }, `1:"" 3:"v" `},
		{"no text", func(b *otlp.Builder) { attribute(b, 1, "key", "") }, `1:"key" `},
		{"a number of several bytes", func(b *otlp.Builder) { b.IntAttribute(1, []byte("k"), 1<<40) }, `1:"k" 2:2 5:1099511627776 `},
		{"zero", func(b *otlp.Builder) { b.IntAttribute(1, []byte("k"), 0) }, `1:"k" 2:2 `},
		{"zero in two bytes", func(b *otlp.Builder) {
			b.Blob(1, []byte{0x0a, 1, 'k', 0x12, 3, 0x18, 0x80, 0})
		}, `1:"k" 2:2 `},
		{"value before key", func(b *otlp.Builder) { b.Blob(1, []byte{0x12, 3, 0x0a, 1, 'v', 0x0a, 1, 'k'}) }, `1:"k" 3:"v" `},
		{"value twice", func(b *otlp.Builder) {
			b.Blob(1, []byte{0x0a, 1, 'k', 0x12, 6, 0x0a, 1, 'v', 0x0a, 1, 'w'})
		}, `1:"k" 3:"w" `},
		{"two numbers", func(b *otlp.Builder) { b.Blob(1, []byte{0x0a, 1, 'k', 0x12, 4, 0x18, 1, 0x18, 2}) }, `1:"k" 2:2 5:2 `},
	} {
		var e Encoder
		var b otlp.Builder
		e.tags(&b, processTags, build(c.kv), 1)
		var w strings.Builder
		showPost(&w, "process", b.Bytes())
		if got, want := w.String(), "2{"+c.want+"} "; got != want {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
	}
}

// A resource that is the last one's has its process, and the next one its own, in
// this request and after it.
func TestSameResource(t *testing.T) {
	of := func(name string) []byte { return frame(inResource("service.name", name), nothing, nothing) }
	twice := frame(func(b *otlp.Builder) { inResource("service.name", "a")(b); inResource("x", "y")(b) }, nothing, nothing)
	var e Encoder
	for range 2 {
		post, _ := e.Encode([][]byte{of("a"), of("a"), of("b"), twice, of("a"), of("a")}, 1<<20)
		var w strings.Builder
		showPost(&w, "post", post)
		var got []string
		for _, p := range strings.Split(w.String(), "10{")[1:] {
			name, _, _ := strings.Cut(p, " } ")
			got = append(got, name)
		}
		if s := strings.Join(got, ","); s != `1:"a",1:"a",1:"b",1:"a" 2{1:"x" 3:"y",1:"a",1:"a"` {
			t.Errorf("processes are %s", s)
		}
	}
}

func TestReferences(t *testing.T) {
	link := func(trace, span uint64, kind string) func(b *otlp.Builder) {
		return func(b *otlp.Builder) {
			nest(b, otlp.SpanLinks, func() {
				b.TraceID(otlp.LinkTraceID, 1, trace)
				b.SpanID(otlp.LinkSpanID, span)
				if kind != "" {
					attribute(b, otlp.LinkAttributes, "opentracing.ref_type", kind)
				}
			})
		}
	}
	for _, c := range []struct {
		name   string
		parent uint64
		links  []func(b *otlp.Builder)
		want   string
	}{
		{"parent", 9, nil, "4{1:10000000000000002 2:9 } "},
		{"the links come after it", 9, []func(b *otlp.Builder){link(7, 8, ""), link(7, 9, "child_of")}, "4{1:10000000000000002 2:9 } 4{1:10000000000000007 2:8 3:1 } 4{1:10000000000000007 2:9 } "},
		{"a link to it says its kind", 9, []func(b *otlp.Builder){link(2, 9, "follows_from")}, "4{1:10000000000000002 2:9 3:1 } "},
		{"no parent", 0, []func(b *otlp.Builder){link(2, 9, "child_of"), link(2, 0, "")}, "4{1:10000000000000002 2:9 } "},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := encode(t, frame(nothing, nothing, func(b *otlp.Builder) {
				for _, l := range c.links {
					l(b)
				}
				b.SpanID(otlp.SpanParentSpanID, c.parent)
			}))
			_, got, _ = strings.Cut(got, `3:"" `)
			got, _, _ = strings.Cut(got, "6{")
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLongestDuration(t *testing.T) {
	for _, c := range []struct {
		start, end int64
		want       string
	}{
		{0, 0, ""},
		{5, 3, "2:-2 "},
		{-1 << 62, 1 << 62, "1:9223372036 2:854775807 "},
		{1 << 62, -1<<62 - 1, "1:-9223372036 2:-854775808 "},
	} {
		var b otlp.Builder
		duration(&b, c.start, c.end)
		var w strings.Builder
		showPost(&w, "span", b.Bytes())
		if got, want := w.String(), "7{"+c.want+"} "; got != want {
			t.Errorf("%d to %d: %s, want %s", c.start, c.end, got, want)
		}
	}
}

// A request is as large as it may be, one span at least; what follows goes into the next.
func TestLimit(t *testing.T) {
	one := frame(inResource("service.name", strings.Repeat("n", 1000)), nothing, nothing)
	var e Encoder
	alone, _ := e.Encode([][]byte{one}, 0)
	size := len(alone)
	for _, c := range []struct{ spans, limit, want int }{
		{0, 0, 0},
		{1, 0, 1},
		{3, 0, 1},
		{3, 2*size - 20, 1},
		{3, 2 * size, 2},
		{3, 3 * size, 3},
	} {
		frames := [][]byte{bytes.Repeat(one, c.spans/2), bytes.Repeat(one, c.spans-c.spans/2)}
		post, n := e.Encode(frames, c.limit)
		if n != c.want || n > 1 && len(post) > c.limit {
			t.Errorf("%d spans, limit %d: %d spans in %d bytes, want %d", c.spans, c.limit, n, len(post), c.want)
		}
	}
}

func TestNoGarbage(t *testing.T) {
	one := frame(inResource("service.name", "svc"), nothing, func(b *otlp.Builder) {
		attribute(b, otlp.SpanAttributes, "a", "b")
		nest(b, otlp.SpanEvents, func() { attribute(b, otlp.EventAttributes, "a", "b") })
		nest(b, otlp.SpanLinks, func() { b.TraceID(otlp.LinkTraceID, 1, 1); b.SpanID(otlp.LinkSpanID, 1) })
	})
	frames := [][]byte{bytes.Repeat(one, 100)}
	var e Encoder
	e.Encode(frames, 1<<20)
	if n := testing.AllocsPerRun(10, func() { e.Encode(frames, 1<<20) }); n > 10 {
		t.Errorf("%v allocations for 100 spans", n)
	}
}

// What a span costs that has a resource to itself, and what one of twenty costs
// that have a parent and an event.
func BenchmarkEncode(b *testing.B) {
	keys := []string{"http.method", "http.url", "http.status_code", "component", "peer.service", "net.peer", "thread", "x", "y", "z"}
	span := func(b *otlp.Builder) {
		b.TextString(otlp.SpanName, "GET /things")
		b.SpanID(otlp.SpanParentSpanID, 9)
		for _, k := range keys {
			attribute(b, otlp.SpanAttributes, k, "some value of it")
		}
	}
	resource := inResource("service.name", "svc", "host.name", "a.host.example")
	twenty := build(func(b *otlp.Builder) {
		nest(b, otlp.RequestResourceSpans, func() {
			resource(b)
			nest(b, otlp.ResourceSpansScopeSpans, func() {
				for range 20 {
					nest(b, otlp.ScopeSpansSpans, func() {
						b.TraceID(otlp.SpanTraceID, 1, 2)
						b.SpanID(otlp.SpanSpanID, 3)
						b.Fixed64(otlp.SpanStart, 1_700_000_000_000_000_007)
						b.Fixed64(otlp.SpanEnd, 1_700_000_000_500_000_008)
						b.Varint(otlp.SpanKind, uint64(otlp.KindServer))
						span(b)
						b.IntAttribute(otlp.SpanAttributes, []byte("thread"), 4711)
						nest(b, otlp.SpanEvents, func() {
							b.Fixed64(otlp.EventTime, 1_700_000_000_000_000_007)
							b.TextString(otlp.EventName, "cache miss")
							attribute(b, otlp.EventAttributes, "key", "some value of it")
						})
					})
				}
			})
		})
	})
	for name, frames := range map[string][][]byte{
		"alone":  {bytes.Repeat(frame(resource, nothing, span), 100)},
		"twenty": {bytes.Repeat(twenty, 5)},
	} {
		b.Run(name, func(b *testing.B) {
			var e Encoder
			b.ReportAllocs()
			for b.Loop() {
				e.Encode(frames, 1<<20)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/span")
		})
	}
}
