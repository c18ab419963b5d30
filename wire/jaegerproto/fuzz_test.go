package jaegerproto

import (
	"bytes"
	"errors"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// FuzzRequest takes anything for a request. It is refused, or its frames can be
// passed on, whatever came before it; and they are the same if they are put one
// by one.
func FuzzRequest(f *testing.F) {
	f.Add(goldenBytes())
	f.Add(append(goldenBytes(), goldenBytes()...))
	f.Add(request(span(1, "s", str(spanTags, "error", "true"), message(spanLogs, str(logFields, "event", "e")))))
	f.Add(request(span(1, "s", process(spanProcess, "a")), span(2, "s", process(spanProcess, "b")), span(3, "t")))
	var used Transcoder
	f.Fuzz(func(t *testing.T, p []byte) {
		before := bytes.Clone(p)
		got, err := used.Request(p, nil)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		verify(t, got)
		var fresh Transcoder
		var put []otlp.Frame
		want, err2 := fresh.Request(p, func(frame []byte, spans int) error {
			put = append(put, otlp.Frame{Bytes: bytes.Clone(frame), Spans: spans})
			return nil
		})
		if (err == nil) != (err2 == nil) {
			t.Fatalf("used: %+v, %v; fresh: %+v, %v", got, err, want, err2)
		}
		if err == nil {
			if got.Spans != want.Spans || got.Invalid != want.Invalid || got.TooBig != want.TooBig || len(put) != len(got.Frames) {
				t.Fatalf("used: %+v; fresh: %+v, %d frames", got, want, len(put))
			}
			for i := range put {
				if !bytes.Equal(put[i].Bytes, got.Frames[i].Bytes) || put[i].Spans != got.Frames[i].Spans {
					t.Fatalf("frame %d: %x, put %x", i, got.Frames[i].Bytes, put[i].Bytes)
				}
			}
		}
		if !bytes.Equal(p, before) {
			t.Fatal("the request was changed")
		}
	})
}
