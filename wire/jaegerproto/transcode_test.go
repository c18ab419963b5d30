package jaegerproto

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// part writes a part of a message.
type part func(b *otlp.Builder)

func message(field int, parts ...part) part {
	return func(b *otlp.Builder) {
		m := b.Open(field, 0)
		for _, p := range parts {
			p(b)
		}
		b.Close(m)
	}
}

func text(field int, s string) part     { return func(b *otlp.Builder) { b.TextString(field, s) } }
func blob(field int, p []byte) part     { return func(b *otlp.Builder) { b.Blob(field, p) } }
func number(field int, v uint64) part   { return func(b *otlp.Builder) { b.Varint(field, v) } }
func str(field int, k, v string) part   { return message(field, text(tagKey, k), text(tagVStr, v)) }
func traceOf(field int, id uint64) part { return func(b *otlp.Builder) { b.TraceID(field, 0, id) } }
func spanOf(field int, id uint64) part  { return func(b *otlp.Builder) { b.SpanID(field, id) } }

func request(batch ...part) []byte {
	var b otlp.Builder
	message(requestBatch, batch...)(&b)
	return b.Bytes()
}

// span is one with ids and a name.
func span(id uint64, name string, more ...part) part {
	return message(batchSpans, append([]part{traceOf(spanTraceID, 1), spanOf(spanSpanID, id), text(spanOperationName, name)}, more...)...)
}

func process(field int, name string, more ...part) part {
	return message(field, append([]part{text(processServiceName, name)}, more...)...)
}

// transcode shows what becomes of a request.
func transcode(t *testing.T, p []byte) (shown string, res jaeger.Result) {
	t.Helper()
	var tr Transcoder
	before := bytes.Clone(p)
	res, err := tr.Request(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, res)
	if !bytes.Equal(p, before) {
		t.Error("the request was changed")
	}
	for _, f := range res.Frames {
		shown += show(f.Bytes)
	}
	return shown, res
}

func TestWhatBecomesOfARequest(t *testing.T) {
	const ids = "00000000000000000000000000000001/0000000000000001<0000000000000000"
	for _, c := range []struct {
		name    string
		request []byte
		want    string
		invalid int
	}{
		{name: "nothing"},
		{name: "an empty batch", request: request()},
		{name: "a process without spans", request: request(process(batchProcess, "p"))},
		{name: "no process", request: request(span(1, "s")), want: `@: [] ` + ids + ` "s" 0-0 kind=0 status=0 []`},
		{
			name: "no service name", request: request(span(1, "s"), process(batchProcess, noServiceName, str(processTags, "k", "v"))),
			want: `@: [k="v"] ` + ids + ` "s" 0-0 kind=0 status=0 []`,
		},
		{
			name: "the process first", request: request(process(batchProcess, "p"), span(1, "s")),
			want: `@: [service.name="p"] ` + ids + ` "s" 0-0 kind=0 status=0 []`,
		},
		{
			name: "a batch and a process in pieces",
			request: append(request(span(1, "s"), process(batchProcess, "p", str(processTags, "a", "1"))),
				request(message(batchProcess, str(processTags, "b", "2")))...),
			want: `@: [a="1" b="2" service.name="p"] ` + ids + ` "s" 0-0 kind=0 status=0 []`,
		},
		{
			name: "a span's own process",
			request: request(span(1, "a", process(spanProcess, "own")), span(1, "b"), process(batchProcess, "p"),
				span(1, "c", process(spanProcess, "own")), span(1, "d", process(spanProcess, "o"), process(spanProcess, "wn", str(processTags, "k", "v")))),
			want: `@: [service.name="p"] ` + ids + ` "b" 0-0 kind=0 status=0 []
@: [service.name="own"] ` + ids + ` "a" 0-0 kind=0 status=0 []
@: [service.name="own"] ` + ids + ` "c" 0-0 kind=0 status=0 []
@: [k="v" service.name="wn"] ` + ids + ` "d" 0-0 kind=0 status=0 []`,
		},
		{
			name: "times", request: request(span(1, "s",
				message(spanStartTime, number(timeSeconds, 2), number(timeNanos, 3)), message(spanDuration, number(timeNanos, 4)),
				message(spanLogs, message(logFields, text(tagKey, "event"), text(tagVStr, "e")), message(logTimestamp, number(timeSeconds, 1))),
				message(spanDuration, number(timeSeconds, 1)))),
			want: `@: [] ` + ids + ` "s" 2000000003-3000000007 kind=0 status=0 []
  event 1000000000 "e" []`,
		},
		{
			name: "tags between other fields", request: request(span(1, "s",
				str(spanTags, "span.kind", "client"), number(spanFlags, 1), message(spanLogs), str(spanTags, "k", "old"),
				text(spanWarnings, "w"), str(spanTags, "otel.scope.name", "lib"), str(spanTags, "k", "new"), text(spanProcessID, "p1"))),
			want: `lib@: [] ` + ids + ` "s" 0-0 kind=3 status=0 [k="new"]
  event 0 "" []`,
		},
		{
			name: "values of a tag that do not count, and a type that nobody has", request: request(span(1, "s",
				message(spanTags, number(tagVType, typeInt64), text(tagVStr, "no"), number(tagVInt64, 7), text(tagKey, "n"), number(tagVBool, 1)),
				message(spanTags, text(tagKey, "u"), number(tagVType, 17)))),
			want: `@: [] ` + ids + ` "s" 0-0 kind=0 status=0 [n=7 u="<Unknown Jaeger TagType \"17\">"]`,
		},
		{
			name: "a short trace id", request: request(message(batchSpans, blob(spanTraceID, []byte{0, 0, 0, 0, 0, 0, 0, 1}), spanOf(spanSpanID, 1))),
			want: `@: [] ` + ids + ` "" 0-0 kind=0 status=0 []`,
		},
		{
			name: "references", request: request(span(1, "s",
				message(spanReferences, traceOf(refTraceID, 9), spanOf(refSpanID, 5), number(refType, followsFrom)),
				message(spanReferences, traceOf(refTraceID, 1), spanOf(refSpanID, 6)),
				message(spanReferences, traceOf(refTraceID, 1), blob(refSpanID, []byte("short"))))),
			want: `@: [] 00000000000000000000000000000001/0000000000000001<0000000000000006 "s" 0-0 kind=0 status=0 []
  link 00000000000000000000000000000009/0000000000000005 [opentracing.ref_type="follows_from"]`,
		},
		{
			name: "not UTF-8", request: request(message(batchSpans, traceOf(spanTraceID, 1), spanOf(spanSpanID, 1), blob(spanOperationName, []byte("a\xffb")))),
			want: `@: [] ` + ids + ` "a` + "\ufffd" + `b" 0-0 kind=0 status=0 []`,
		},
		{
			name: "impossible ids cost only their span", request: request(span(0, "no"), span(1, "s"),
				message(batchSpans, spanOf(spanSpanID, 1)), message(batchSpans, blob(spanTraceID, []byte("seven b")), spanOf(spanSpanID, 1)), message(batchSpans)),
			want: `@: [] ` + ids + ` "s" 0-0 kind=0 status=0 []`, invalid: 4,
		},
		{
			name: "unknown fields", request: append([]byte{0x10, 1}, request(number(77, 1), span(1, "s", blob(99, []byte("x")), number(spanTags, 3)))...),
			want: `@: [] ` + ids + ` "s" 0-0 kind=0 status=0 []`,
		},
	} {
		got, res := transcode(t, c.request)
		if strings.TrimSpace(got) != c.want || res.Invalid != c.invalid || res.TooBig != 0 {
			t.Errorf("%s: %+v\n got %s\nwant %s", c.name, res, got, c.want)
		}
	}
}

// Spans with the same process side by side share a ResourceSpans, and all are in
// one frame.
func TestRegrouped(t *testing.T) {
	var parts []part
	for i := range 100 {
		parts = append(parts, span(uint64(i+1), fmt.Sprint(i), process(spanProcess, fmt.Sprint("service ", i/50))))
	}
	_, res := transcode(t, request(parts...))
	if len(res.Frames) != 1 || res.Spans != 100 {
		t.Fatalf("%+v", res)
	}
	if n := bytes.Count(res.Frames[0].Bytes, []byte("service.name")); n != 2 {
		t.Errorf("%d resources", n)
	}
}

// A process that many spans have, and others between them that have their own,
// is written once for each frame, however they alternate.
func TestAlternatingProcessesDoNotMultiply(t *testing.T) {
	parts := []part{process(batchProcess, "large", str(processTags, "k", strings.Repeat("x", otlp.MaxFrame/3)))}
	for i := range uint64(2000) {
		parts = append(parts, span(2*i+1, "batch"), span(2*i+2, "own", process(spanProcess, "own")))
	}
	p := request(parts...)
	var tr Transcoder
	res, err := tr.Request(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, res)
	size := 0
	for _, f := range res.Frames {
		size += len(f.Bytes)
	}
	if res.Spans != 4000 || size > 4*len(p) {
		t.Errorf("%d spans, %d bytes of %d", res.Spans, size, len(p))
	}
}

func TestMalformed(t *testing.T) {
	p := goldenBytes()
	var tr Transcoder
	whole, _ := tr.Request(p, nil)
	for i := range p {
		if i == 0 {
			continue
		}
		if _, err := tr.Request(p[:i], nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut after %d bytes: %v", i, err)
		}
	}
	for name, p := range map[string][]byte{
		"a group":             {0x0b, 0x0c},
		"field 0":             {0x02, 0x00},
		"a group in a span":   request(message(batchSpans, func(b *otlp.Builder) { b.Raw([]byte{0x0b}) })),
		"a tag that is short": request(span(1, "s", message(spanTags, func(b *otlp.Builder) { b.Raw([]byte{0x0a, 5, 'k'}) }))),
		"in a batch's rest":   append(request(span(1, "s")), 0x0a, 9),
		"a log":               request(span(1, "s", message(spanLogs, func(b *otlp.Builder) { b.Raw([]byte{0x0a}) }))),
		"a long varint":       request(span(1, "s", func(b *otlp.Builder) { b.Raw(append([]byte{spanFlags << 3}, bytes.Repeat([]byte{0xff}, 11)...)) })),
	} {
		if _, err := tr.Request(p, nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again, err := tr.Request(p, nil); err != nil || again.Spans != whole.Spans {
		t.Errorf("after all that: %+v, %v", again, err)
	}
}

// What is put frame by frame is what there is without; when a frame is not taken,
// no other is put.
func TestFramesArePut(t *testing.T) {
	var parts []part
	for i := range uint64(3000) {
		more := []part{str(spanTags, "k", strings.Repeat("v", 1000))}
		if i%3 == 0 {
			more = append(more, process(spanProcess, fmt.Sprint(i%10)))
		}
		parts = append(parts, span(i+1, "s", more...))
	}
	p := request(parts...)
	var all, one Transcoder
	want, err := all.Request(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, want)
	i := 0
	got, err := one.Request(p, func(frame []byte, spans int) error {
		if f := want.Frames[i]; !bytes.Equal(frame, f.Bytes) || spans != f.Spans {
			t.Errorf("frame %d", i)
		}
		i++
		return nil
	})
	if err != nil || got.Spans != want.Spans || i != len(want.Frames) || i < 6 {
		t.Errorf("%d frames, %d spans: %v", i, got.Spans, err)
	}
	full, puts := errors.New("full"), 0
	if _, err := one.Request(p, func([]byte, int) error { puts++; return full }); !errors.Is(err, full) || puts != 1 {
		t.Errorf("%d frames put: %v", puts, err)
	}
}

// A span or a process that is too large costs its spans, and nothing else.
func TestTooBig(t *testing.T) {
	large := strings.Repeat("x", otlp.MaxFrame)
	p := request(span(1, "s"), span(2, large), span(3, "own", process(spanProcess, large)), span(4, "own", process(spanProcess, "small")))
	if _, res := transcode(t, p); res.Spans != 2 || res.TooBig != 2 {
		t.Errorf("%+v", res)
	}
}

func TestNoAllocations(t *testing.T) {
	var tr Transcoder
	p := goldenBytes()
	if n := testing.AllocsPerRun(100, func() { _, _ = tr.Request(p, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
