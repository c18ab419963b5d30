package zipkin

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// take is a method of the transcoder.
type take func(t *Transcoder, request []byte, put func([]byte, int) error) (Result, error)

// formats are all of them.
var formats = map[string]take{
	"datagram": (*Transcoder).Datagram, "thrift": (*Transcoder).Thrift, "json v1": (*Transcoder).JSON1,
	"json v2": (*Transcoder).JSON2, "protobuf": (*Transcoder).Protobuf,
}

// verify checks what must hold for every request that is taken.
func verify(t testing.TB, res Result) {
	t.Helper()
	spans := 0
	for i, f := range res.Frames {
		n, err := otlp.Check(f.Bytes)
		if err != nil {
			t.Fatalf("frame %d: %v\n%x", i, err, f.Bytes)
		}
		if n != f.Spans || n == 0 || len(f.Bytes) > otlp.MaxFrame {
			t.Fatalf("frame %d of %d bytes is said to have %d spans, and has %d", i, len(f.Bytes), f.Spans, n)
		}
		spans += n
	}
	if spans != res.Spans {
		t.Fatalf("%d spans are reported, and there are %d", res.Spans, spans)
	}
}

// transcode shows what comes of a request, and how many spans are left out.
func transcode(t testing.TB, take take, request string) (string, Result) {
	t.Helper()
	var tr Transcoder
	res, err := take(&tr, []byte(request), nil)
	if err != nil {
		t.Fatalf("%v\n%q", err, request)
	}
	verify(t, res)
	var w strings.Builder
	for _, f := range res.Frames {
		show(&w, f.Bytes)
	}
	return w.String(), res
}

// show writes a frame as text, a line for each span, event and link; attributes are sorted.
func show(w *strings.Builder, frame []byte) {
	for s := range otlp.Spans(frame) {
		fmt.Fprintf(w, "%s %x/%x<%x %q %d-%d kind=%d status=%d%q %s@%s %s\n", attributes(s.Resource), s.TraceID, s.SpanID, s.Parent,
			s.Name, s.Start, s.End, s.Kind, s.Status, s.Message, s.ScopeName, s.ScopeVer, attributes(s.Attributes))
		for e := range s.Events() {
			fmt.Fprintf(w, "  event %d %q %s\n", e.Time, e.Name, attributes(e.Attributes))
		}
		for l := range s.Links() {
			fmt.Fprintf(w, "  link %x/%x %q %s\n", l.TraceID, l.SpanID, l.TraceState, attributes(l.Attributes))
		}
	}
}

func attributes(a otlp.Attributes) string {
	var list []string
	for k, v := range a.All() {
		switch v.Type {
		case otlp.AnyString:
			list = append(list, fmt.Sprintf("%s=%q", k, v.Bytes))
		case otlp.AnyBool:
			list = append(list, fmt.Sprintf("%s=%v", k, v.Int == 1))
		case otlp.AnyInt:
			list = append(list, fmt.Sprintf("%s=%d", k, v.Int))
		case otlp.AnyDouble:
			list = append(list, fmt.Sprintf("%s=%gf", k, v.Double))
		}
	}
	slices.Sort(list)
	return "{" + strings.Join(list, " ") + "}"
}

func unhexed(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
