package otlpjson

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// What is reserved is at most a small multiple of the text, whatever is in it.
func TestMemoryIsBounded(t *testing.T) {
	const size = 1 << 20
	fill := func(before, item, after string) string {
		n := (size - len(before) - len(after)) / len(item)
		return before + strings.Repeat(item+",", n)[:n*(len(item)+1)-1] + after
	}
	attribute := func(value string) (before, after string) {
		before, after, _ = strings.Cut(in(ids+`,"attributes":[{"key":"k","value":`+value+`}]`), "*")
		return before, after
	}
	list := func(item string) string {
		before, after := attribute(`{"arrayValue":{"values":[*]}}`)
		return fill(before, item, after)
	}
	var nested string
	{
		v := "*"
		for range 25 {
			v = `{"arrayValue":{"values":[` + v + `]}}`
		}
		before, after := attribute(v)
		nested = fill(before, `{"stringValue":"abc"}`, after)
	}
	text := func(value string) string {
		before, after := attribute(value)
		return before + strings.Repeat("1234", size/4) + after
	}
	// With the race detector slices.Grow reserves twice as much.
	growth := math.Round(float64(allocated(func() { _ = slices.Grow([]byte(nil), size) })) / size)
	for name, text := range map[string]string{
		"nothing":           fill(`{"resourceSpans":[`, `{}`, `]}`),
		"nulls":             list(`null`),
		"negative numbers":  list(`{"intValue":-1}`),
		"doubles":           list(`{"doubleValue":1}`),
		"a long number":     text(`{"doubleValue":"0.*"}`),
		"lists":             list(`{"arrayValue":{}}`),
		"nested":            nested,
		"a string":          text(`{"stringValue":"*"}`),
		"a string, escaped": text(`{"stringValue":"\n*"}`),
		"bytes":             text(`{"bytesValue":"*"}`),
		"bytes, escaped":    text(`{"bytesValue":"*\u002b\u002b\u002b\u002b"}`),
		"a skipped string":  text(`{"other":"\n*"}`),
		"spans":             fill(`{"resourceSpans":[{"scopeSpans":[{"spans":[`, `{`+ids+`,"kind":-1,"flags":1}`, `]}]}]}`),
		"links":             fill(`{"resourceSpans":[{"scopeSpans":[{"spans":[{`+ids+`,"links":[`, `{"flags":1}`, `]}]}]}]}`),
	} {
		var fresh Transcoder
		var got []byte
		var err error
		json := []byte(text)
		reserved := float64(allocated(func() { got, err = fresh.Request(json) }))
		if err != nil || len(got) > len(text) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if n := reserved / float64(len(text)); n > 3.5*growth {
			t.Errorf("%s: %.1f bytes reserved for each of the text", name, n)
		} else {
			t.Logf("%s: %.1f", name, n)
		}
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Memory that a large request has needed is not kept.
func TestMemory(t *testing.T) {
	big := in(ids + `,"name":"\n` + strings.Repeat("x", 2<<20) + `","attributes":[{"value":{"bytesValue":"` + strings.Repeat("AAAA", 1<<18) + `"}}]`)
	var used Transcoder
	request, err := transcode(t, &used, []byte(big))
	if err != nil || len(request) < 2<<20 {
		t.Fatal(len(request), err)
	}
	small := []byte(in(ids))
	if _, err := transcode(t, &used, small); err != nil {
		t.Fatal(err)
	}
	if n := used.out.Cap() + used.r.Cap() + cap(used.bytes); n > 2*keptBytes {
		t.Errorf("%d bytes are kept", n)
	}
	text := benchRequest()
	if n := testing.AllocsPerRun(100, func() { _, _ = used.Request(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
