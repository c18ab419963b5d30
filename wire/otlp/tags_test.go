package otlp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func tagged(t *testing.T, tags *Tags, frame []byte) []byte {
	t.Helper()
	if _, err := Check(frame); err != nil {
		t.Fatal(err)
	}
	var b Builder
	if !tags.Rewrite(&b, frame, 1<<30) {
		t.Fatal("it does not fit into a gigabyte")
	}
	return b.Bytes()
}

// resources writes the resource of each ResourceSpans, merged as a decoder does.
func resources(frame []byte) (list []string) {
	for rs := range fields(frame, RequestResourceSpans) {
		var w strings.Builder
		for r := range fields(rs.data, ResourceSpansResource) {
			w.WriteString("|")
			for k, v := range AttributesIn(r.data, ResourceAttributes).All() {
				fmt.Fprintf(&w, " %s=%s", k, v.Bytes)
			}
		}
		list = append(list, w.String())
	}
	return list
}

func TestTags(t *testing.T) {
	tags := NewTags([]Tag{{"env", "prod"}, {"zone", "z1"}})
	attribute := func(b *Builder, key, value string) {
		b.StringAttribute(ResourceAttributes, []byte(key), []byte(value))
	}
	spans := func(b *Builder) { nest(b, ResourceSpansScopeSpans, func() { testSpan(b, 1) }) }
	for _, c := range []struct {
		name string
		rs   func(b *Builder)
		want string
	}{
		{"no resource", spans, "| env=prod zone=z1"},
		{"an empty one", func(b *Builder) { nest(b, ResourceSpansResource, func() {}); spans(b) }, "| env=prod zone=z1"},
		{"others", func(b *Builder) {
			nest(b, ResourceSpansResource, func() { attribute(b, "a", "b"); b.Varint(ResourceDroppedAttributes, 3) })
			spans(b)
		}, "| a=b env=prod zone=z1"},
		{"one that the app has set", func(b *Builder) { nest(b, ResourceSpansResource, func() { attribute(b, "env", "test") }); spans(b) }, "| env=test zone=z1"},
		{"all that the app has set", func(b *Builder) {
			nest(b, ResourceSpansResource, func() { attribute(b, "zone", ""); attribute(b, "env", "test") })
			spans(b)
		}, "| zone= env=test"},
		{"after the spans", func(b *Builder) { spans(b); nest(b, ResourceSpansResource, func() { attribute(b, "a", "b") }) }, "| a=b env=prod zone=z1"},
		{"in two pieces", func(b *Builder) {
			nest(b, ResourceSpansResource, func() { attribute(b, "a", "b") })
			spans(b)
			nest(b, ResourceSpansResource, func() { attribute(b, "env", "test") })
		}, "| a=b zone=z1| env=test"},
		{"a key in two pieces", func(b *Builder) {
			nest(b, ResourceSpansResource, func() {
				nest(b, ResourceAttributes, func() { b.TextString(KeyValueKey, "x"); b.TextString(KeyValueKey, "env") })
			})
			spans(b)
		}, "| env= zone=z1"},
		{"a large one", func(b *Builder) {
			nest(b, ResourceSpansResource, func() { attribute(b, "a", strings.Repeat("x", 120)) })
			spans(b)
		}, "| a=" + strings.Repeat("x", 120) + " env=prod zone=z1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			one := build(func(b *Builder) { nest(b, RequestResourceSpans, func() { c.rs(b) }) })
			frame := slices.Concat(one, testFrame(1), one)
			got := tagged(t, tags, frame)
			if n, err := Check(got); err != nil || n != Count(frame) {
				t.Fatalf("%d spans, %v", n, err)
			}
			list := resources(got)
			if list[0] != c.want || list[len(list)-1] != c.want {
				t.Errorf("got  %q\nwant %q", list, c.want)
			}
			for _, r := range list {
				if strings.Count(r, " env=") != 1 || strings.Count(r, " zone=") != 1 {
					t.Errorf("a tag is missing, or there twice: %q", r)
				}
			}
		})
	}
}

func TestTagsWithinALimit(t *testing.T) {
	tags := NewTags([]Tag{{"k", strings.Repeat("v", 1000)}})
	frame := testFrame(50)
	size := len(tagged(t, tags, frame))
	for limit, want := range map[int]bool{size: true, size - 1: false, 0: false} {
		var b Builder
		if got := tags.Rewrite(&b, frame, limit); got != want {
			t.Errorf("limit %d of %d: %v", limit, size, got)
		}
	}
	// What is too much is not written to its end.
	var b Builder
	many := bytes.Repeat(build(func(b *Builder) { nest(b, RequestResourceSpans, func() {}) }), 100_000)
	if tags.Rewrite(&b, many, 10_000) || b.Len() > 12_000 {
		t.Errorf("%d bytes were written", b.Len())
	}
}

// Without tags a frame is as it was.
func TestNoTags(t *testing.T) {
	frame := testFrame(3)
	if got := tagged(t, NewTags(nil), frame); !bytes.Equal(got, frame) {
		t.Error("it has changed")
	}
}

func TestTagsMakeNoGarbage(t *testing.T) {
	tags := NewTags([]Tag{{"env", "prod"}, {"zone", "z1"}})
	frame := testFrame(10)
	var b Builder
	if n := testing.AllocsPerRun(100, func() { b.Reset(); tags.Rewrite(&b, frame, MaxFrame) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a frame is like, its spans are as they were, and each resource has
// each tag's key, once if it was not there before. A second time changes nothing.
func FuzzTags(f *testing.F) {
	f.Add(testFrame(2), "env")
	f.Add(build(func(b *Builder) {
		nest(b, RequestResourceSpans, func() {
			nest(b, ResourceSpansScopeSpans, func() { testSpan(b, 1) })
			nest(b, ResourceSpansResource, func() { b.StringAttribute(ResourceAttributes, []byte("k"), nil) })
			nest(b, ResourceSpansResource, func() {})
		})
	}), "k")
	f.Fuzz(func(t *testing.T, frame []byte, key string) {
		spans, err := Check(frame)
		if err != nil || key == "always" {
			return
		}
		key = strings.ToValidUTF8(key, "?")
		tags := NewTags([]Tag{{key, "v"}, {"always", "v"}})
		got := tagged(t, tags, frame)
		if n, err := Check(got); err != nil || n != spans {
			t.Fatalf("%d of %d spans, %v", n, spans, err)
		}
		if again := tagged(t, tags, got); !bytes.Equal(again, got) {
			t.Fatal("a second time changes it")
		}
		var was [][]byte
		for s := range Spans(frame) {
			was = append(was, s.msg)
		}
		for s := range Spans(got) {
			if !bytes.Equal(s.msg, was[0]) {
				t.Fatal("a span has changed")
			}
			was = was[1:]
		}
		var before []field
		for rs := range fields(frame, RequestResourceSpans) {
			before = append(before, rs)
		}
		for rs := range fields(got, RequestResourceSpans) {
			had := attributeCount(before[0].data, key)
			if n := attributeCount(rs.data, key); n != max(had, 1) {
				t.Fatalf("%q is there %d times, it was %d times", key, n, had)
			}
			before = before[1:]
		}
	})
}

func attributeCount(rs []byte, key string) (n int) {
	for r := range fields(rs, ResourceSpansResource) {
		for k := range AttributesIn(r.data, ResourceAttributes).All() {
			if string(k) == key {
				n++
			}
		}
	}
	return n
}
