package otlp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// build returns the message that f writes.
func build(f func(b *Builder)) []byte {
	var b Builder
	f(&b)
	return b.Bytes()
}

// nest writes a message in a field.
func nest(b *Builder, field int, f func()) {
	m := b.Open(field, 1)
	f()
	b.Close(m)
}

func testSpan(b *Builder, id byte) {
	nest(b, ScopeSpansSpans, func() {
		b.Blob(SpanTraceID, bytes.Repeat([]byte{id}, 16))
		b.Blob(SpanSpanID, bytes.Repeat([]byte{id}, 8))
		b.TextString(SpanName, fmt.Sprintf("op %d", id))
		b.Varint(SpanKind, uint64(KindServer))
		b.Fixed64(SpanStart, 1000)
		b.Fixed64(SpanEnd, 2000)
		nest(b, SpanAttributes, func() {
			b.TextString(KeyValueKey, "k")
			nest(b, KeyValueValue, func() { b.Varint(AnyInt, 42) })
		})
		nest(b, SpanEvents, func() { b.Fixed64(EventTime, 1500); b.TextString(EventName, "retry") })
		nest(b, SpanLinks, func() {
			b.Blob(LinkTraceID, bytes.Repeat([]byte{9}, 16))
			b.Blob(LinkSpanID, bytes.Repeat([]byte{9}, 8))
		})
		nest(b, SpanStatus, func() { b.TextString(StatusMessage, "late"); b.Varint(StatusCode, StatusError) })
	})
}

// testFrame has two resources, the first with two scopes; so many spans in
// each scope, numbered from 1.
func testFrame(perScope int) []byte {
	return build(func(b *Builder) {
		id := byte(0)
		scope := func(name string) {
			nest(b, ResourceSpansScopeSpans, func() {
				nest(b, ScopeSpansScope, func() { b.TextString(ScopeName, name); b.TextString(ScopeVersion, "v1") })
				for range perScope {
					id++
					testSpan(b, id)
				}
				b.TextString(ScopeSpansSchemaURL, "https://example.com/scope")
			})
		}
		resource := func(name string) {
			nest(b, ResourceSpansResource, func() {
				nest(b, ResourceAttributes, func() {
					b.TextString(KeyValueKey, "service.name")
					nest(b, KeyValueValue, func() { b.TextString(AnyString, name) })
				})
			})
		}
		nest(b, RequestResourceSpans, func() { resource("shop"); scope("a"); scope("b") })
		nest(b, RequestResourceSpans, func() { scope("c"); resource("cart") })
	})
}

// tell writes down what a frame's spans are, one a line.
func tell(frame []byte) (lines []string) {
	for s := range Spans(frame) {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s/%s %x %x %s %d %d-%d %d %s", s.Service(), s.ScopeName, s.ScopeVer,
			s.TraceID, s.SpanID, s.Name, s.Kind, s.Start, s.End, s.Status, s.Message)
		for k, v := range s.Attributes.All() {
			fmt.Fprintf(&b, " %s=%d", k, v.Int)
		}
		for e := range s.Events() {
			fmt.Fprintf(&b, " event %s@%d", e.Name, e.Time)
		}
		for l := range s.Links() {
			fmt.Fprintf(&b, " link %x", l.SpanID)
		}
		lines = append(lines, b.String())
	}
	return lines
}

func TestReadTellsWhatWasWritten(t *testing.T) {
	got := tell(testFrame(1))
	want := []string{
		"shop a/v1 01010101010101010101010101010101 0101010101010101 op 1 2 1000-2000 2 late k=42 event retry@1500 link 0909090909090909",
		"shop b/v1 02020202020202020202020202020202 0202020202020202 op 2 2 1000-2000 2 late k=42 event retry@1500 link 0909090909090909",
		// The resource stands behind the spans here.
		"cart c/v1 03030303030303030303030303030303 0303030303030303 op 3 2 1000-2000 2 late k=42 event retry@1500 link 0909090909090909",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestExtractEveryRange(t *testing.T) {
	frame := testFrame(3)
	all := tell(frame)
	if len(all) != 9 || Count(frame) != 9 {
		t.Fatal(len(all))
	}
	for from := range 10 {
		for to := from; to <= 9; to++ {
			part := Extract(nil, frame, from, to)
			if n, err := Check(part); err != nil || n != to-from {
				t.Fatalf("[%d,%d): %d spans, %v", from, to, n, err)
			}
			if got := tell(part); !slices.Equal(got, all[from:to]) {
				t.Fatalf("[%d,%d):\n%s", from, to, strings.Join(got, "\n"))
			}
		}
	}
	if whole := Extract(nil, frame, 0, 9); !bytes.Equal(whole, frame) {
		t.Error("the whole frame is not the frame")
	}
	if got := Extract([]byte("before"), frame, 2, 3); !bytes.HasPrefix(got, []byte("before")) {
		t.Error("dst was overwritten")
	}
}

func TestFramesEndToEndAreOneFrame(t *testing.T) {
	frame := testFrame(2)
	two := append(slices.Clone(frame), frame...)
	if n, err := Check(two); err != nil || n != 12 {
		t.Errorf("%d spans, %v", n, err)
	}
}

func TestCloseMovesContentWhenTheGuessWasOff(t *testing.T) {
	for _, length := range []int{0, 1, 127, 128, 16383, 16384, 3 << 20} {
		for _, guess := range []int{0, 127, 128, 20000, 5 << 20} {
			content := bytes.Repeat([]byte{7}, length)
			got := build(func(b *Builder) {
				m := b.Open(1, guess)
				b.Raw(content)
				b.Close(m)
				b.Varint(2, 1)
			})
			want := append(binary.AppendUvarint([]byte{0x0a}, uint64(length)), content...)
			want = append(want, 0x10, 1)
			if !bytes.Equal(got, want) {
				t.Fatalf("length %d, guess %d: %d bytes, want %d", length, guess, len(got), len(want))
			}
		}
	}
}

func TestTextIsMadeValid(t *testing.T) {
	for _, s := range []string{"", "plain", "ü", "a\xffb", "\xff\xfe\xfd", "tail\xc3", "\xed\xa0\x80x", "\xffa\xff"} {
		got := build(func(b *Builder) { b.Text(1, []byte(s)) })
		want := build(func(b *Builder) { b.TextString(1, strings.ToValidUTF8(s, "\uFFFD")) })
		if !bytes.Equal(got, want) {
			t.Errorf("%q: %x, want %x", s, got, want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	in := func(path ...int) func(content []byte) []byte {
		return func(content []byte) []byte {
			for _, field := range slices.Backward(path) {
				content = build(func(b *Builder) { b.Blob(field, content) })
			}
			return content
		}
	}
	span := in(RequestResourceSpans, ResourceSpansScopeSpans, ScopeSpansSpans)
	ids := "0a1001010101010101010101010101010101" + "12080202020202020202"
	attribute := in(SpanAttributes, KeyValueValue)
	deep := func(lists int) []byte {
		v := []byte{}
		for range lists {
			v = in(AnyArray, 1)(v)
		}
		return span(append(unhex(ids), attribute(v)...))
	}
	for name, c := range map[string]struct {
		request []byte
		ok      bool
	}{
		"nothing":                       {nil, true},
		"a span with ids alone":         {span(unhex(ids)), true},
		"no ids":                        {span(nil), false},
		"no span id":                    {span(unhex(ids[:36])), false},
		"zero trace id":                 {span(unhex("0a1000000000000000000000000000000000" + ids[36:])), false},
		"zero span id":                  {span(unhex(ids[:36] + "12080000000000000000")), false},
		"trace id of 15 bytes":          {span(unhex("0a0f010101010101010101010101010101" + ids[36:])), false},
		"span id of 9 bytes":            {span(unhex(ids[:36] + "1209020202020202020202")), false},
		"a second, bad span id":         {span(unhex(ids + "120102")), false},
		"parent of 8 bytes":             {span(unhex(ids + "22080303030303030303")), true},
		"parent of no bytes":            {span(unhex(ids + "2200")), true},
		"parent of 7 bytes":             {span(unhex(ids + "220703030303030303")), false},
		"link with a short id":          {span(unhex(ids + "6a030a0101")), false},
		"name that is not UTF-8":        {span(unhex(ids + "2a01ff")), false},
		"name as a number":              {span(unhex(ids + "2801")), false},
		"start as a varint":             {span(unhex(ids + "3801")), false},
		"flags as fixed64":              {span(unhex(ids + "8101" + "0000000000000000")), false},
		"unknown field":                 {span(unhex(ids + "f80701")), true},
		"unknown top-level field":       {unhex("f80701"), true},
		"group":                         {span(unhex(ids + "fb07fc07")), false},
		"field 0":                       {span(unhex(ids + "0001")), false},
		"cut off in a length":           {unhex("0a80"), false},
		"length beyond the end":         {unhex("0a05"), false},
		"huge length":                   {unhex("0affffffffffffffffff01"), false},
		"varint of 11 bytes":            {span(unhex(ids + "30ffffffffffffffffffff01")), false},
		"fixed64 cut off":               {span(unhex(ids + "3900000000")), false},
		"deprecated field 1000":         {in(RequestResourceSpans)(unhex("c23e00")), false},
		"key that is not UTF-8":         {span(append(unhex(ids), in(SpanAttributes)(unhex("0a01ff"))...)), false},
		"string value not UTF-8":        {span(append(unhex(ids), attribute(unhex("0a01ff"))...)), false},
		"bytes value not UTF-8":         {span(append(unhex(ids), attribute(unhex("3a01ff"))...)), true},
		"lists nested 20 deep":          {deep(20), true},
		"lists nested 40 deep":          {deep(40), false},
		"lists nested 10,000 deep":      {deep(10_000), false},
		"service name that is no UTF-8": {in(RequestResourceSpans, ResourceSpansResource, ResourceAttributes, KeyValueValue)(unhex("0a01c3")), false},
	} {
		if _, err := Check(c.request); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error does not wrap ErrMalformed: %v", name, err)
		}
	}
}

// An id of 4 MiB made an error of 8, which was sent back.
func TestErrorDoesNotHoldTheID(t *testing.T) {
	in := func(p []byte, numbers ...int) []byte {
		for _, n := range slices.Backward(numbers) {
			var b Builder
			b.Blob(n, p)
			p = b.Bytes()
		}
		return p
	}
	for want, path := range map[string][]int{
		"malformed OTLP: a trace id of 4000000 bytes":                   {SpanTraceID},
		"malformed OTLP: a span id of 4000000 bytes":                    {SpanSpanID},
		"malformed OTLP: a parent's or link's span id of 4000000 bytes": {SpanParentSpanID},
		"malformed OTLP: a link's trace id of 4000000 bytes":            {SpanLinks, LinkTraceID},
	} {
		path = append([]int{RequestResourceSpans, ResourceSpansScopeSpans, ScopeSpansSpans}, path...)
		if _, err := Check(in(bytes.Repeat([]byte{7}, 4_000_000), path...)); err == nil || err.Error() != want {
			t.Errorf("error %.200v, want %s", err, want)
		}
	}
	if _, err := Check(in(make([]byte, 16), RequestResourceSpans, ResourceSpansScopeSpans, ScopeSpansSpans, SpanTraceID)); err == nil || err.Error() != "malformed OTLP: a trace id of 16 zero bytes" {
		t.Errorf("error %v", err)
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// What Check has passed can be read, counted and cut without surprises.
func FuzzCheck(f *testing.F) {
	f.Add(testFrame(1))
	f.Add(testFrame(3))
	f.Add([]byte{})
	f.Add(unhex("0a80"))
	f.Fuzz(func(t *testing.T, request []byte) {
		n, err := Check(request)
		lines := tell(request) // must not panic, whatever the bytes
		if err != nil {
			if len(err.Error()) > 200 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if len(lines) != n || Count(request) != n {
			t.Fatalf("%d spans checked, %d read, %d counted", n, len(lines), Count(request))
		}
		half := n / 2
		parts := Extract(Extract(nil, request, 0, half), request, half, n)
		if m, err := Check(parts); err != nil || m != n {
			t.Fatalf("two halves: %d spans of %d, %v", m, n, err)
		}
		if got := tell(parts); !slices.Equal(got, lines) {
			t.Fatalf("halves differ:\n%s\n\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	frame := testFrame(50)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Check(frame); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/150, "ns/span")
}
