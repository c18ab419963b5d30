package jaegerthrift

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

var encodings = []thrift.Encoding{thrift.Compact, thrift.Binary, thrift.BinaryOld}

// show writes a frame as text, attributes sorted.
func show(frame []byte) string {
	var w strings.Builder
	for s := range otlp.Spans(frame) {
		fmt.Fprintf(&w, "%s@%s: %s %x/%x<%x %s", s.ScopeName, s.ScopeVer, showAttributes(s.Resource), s.TraceID, s.SpanID, s.Parent, showSpan(s))
	}
	return w.String()
}

// showSpan writes what is known of a span from its own message, but for ids.
func showSpan(s *otlp.Span) string {
	var w strings.Builder
	fmt.Fprintf(&w, "%q %d-%d kind=%d status=%d", s.Name, s.Start, s.End, s.Kind, s.Status)
	if s.Message != nil {
		fmt.Fprintf(&w, "%q", s.Message)
	}
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
		default:
			list = append(list, fmt.Sprintf("%s=?%d", k, v.Type))
		}
	}
	slices.Sort(list)
	return "{" + strings.Join(list, " ") + "}"
}

// verify checks what must hold for every packet that is taken.
func verify(t testing.TB, res Result) {
	t.Helper()
	spans := 0
	for i, f := range res.Frames {
		n, err := otlp.Check(f.Bytes)
		if err != nil {
			t.Fatalf("frame %d: %v\n%x", i, err, f.Bytes)
		}
		if n != f.Spans || n == 0 {
			t.Fatalf("frame %d is said to have %d spans, and has %d", i, f.Spans, n)
		}
		if len(f.Bytes) > otlp.MaxFrame {
			t.Fatalf("frame %d has %d bytes", i, len(f.Bytes))
		}
		spans += n
	}
	if spans != res.Spans {
		t.Fatalf("%d spans are reported, and there are %d", res.Spans, spans)
	}
}

// transcode gives the one frame of a packet.
func transcode(t testing.TB, packet []byte) (frame []byte, res Result) {
	t.Helper()
	var tr Transcoder
	res, err := tr.Packet(packet)
	if err != nil {
		t.Fatalf("%v\n%x", err, packet)
	}
	verify(t, res)
	if len(res.Frames) > 1 {
		t.Fatalf("%d frames", len(res.Frames))
	}
	for _, f := range res.Frames {
		frame = f.Bytes
	}
	return frame, res
}

// transcodeAll transcodes a batch in all encodings, and wants the same of all.
func transcodeAll(t testing.TB, b *Batch) (frame []byte, res Result) {
	t.Helper()
	for i, e := range encodings {
		p := AppendEmitBatch(nil, e, thrift.Oneway, 0, b)
		other, r := transcode(t, p)
		if i == 0 {
			frame, res = other, r
		} else if !bytes.Equal(frame, other) {
			t.Fatalf("%v differs:\n%s\n%s", e, show(frame), show(other))
		}
	}
	return frame, res
}

// resourceSpansFields yields the numbers of the fields in a frame's only
// ResourceSpans, which are all messages.
func resourceSpansFields(t testing.TB, frame []byte) iter.Seq[int] {
	t.Helper()
	return func(yield func(int) bool) {
		length, n := binary.Uvarint(frame[1:])
		msg := frame[1+n:]
		if int(length) != len(msg) {
			t.Fatal("more than one ResourceSpans")
		}
		for len(msg) > 0 {
			length, n := binary.Uvarint(msg[1:])
			if !yield(int(msg[0] >> 3)) {
				return
			}
			msg = msg[1+n+int(length):]
		}
	}
}
