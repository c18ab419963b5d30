package translators

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/otlpjson"
)

var errNotProtobuf = errors.New("what it makes of it is not protobuf")

// ourJSON is what the agent makes of a request in JSON.
func ourJSON(t *testing.T, used *otlpjson.Transcoder, text []byte) ([]fields.Span, error) {
	t.Helper()
	request, err := used.Request(slices.Clone(text))
	if err != nil {
		if !errors.Is(err, otlp.ErrMalformed) {
			t.Fatalf("%s: an error of another kind: %v", text, err)
		}
		return nil, err
	}
	r, err := otlp.ReadRequest(request)
	if err != nil {
		t.Fatalf("%s: the result does not pass the agent's own check: %v", text, err)
	}
	list := decode(t, request)
	if r.Spans != len(list) {
		t.Fatalf("%s: the agent counts %d spans, a decoder %d", text, r.Spans, len(list))
	}
	return list, nil
}

// collectorJSON is what the Collector makes of it.
func collectorJSON(t *testing.T, text []byte) ([]fields.Span, error) {
	t.Helper()
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(text)
	if err != nil {
		return nil, err
	}
	request, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	if !decodable(request) {
		return nil, errNotProtobuf
	}
	return decode(t, request), nil
}

// Requests of every shape, as the Collector and protobuf's own library write them in JSON and as that may be written in other
// ways, are what they were before.
func TestJSON(t *testing.T) {
	const requests = 5_000
	var used otlpjson.Transcoder
	var spans, same, refused int
	for seed := range uint64(requests) {
		g := newGenerator(seed)
		td := g.request()
		want := fields.Of(td.GetResourceSpans())
		spans += len(want)
		text := collectorText(t, td)
		if g.one(2) {
			text = protobufText(t, td, g.one(2), g.one(2))
		}
		w := rewriter{generator: g, odd: g.one(2)}
		w.value("", parse(t, text))
		for _, text := range [][]byte{text, w.b.Bytes()} {
			got, err := ourJSON(t, &used, text)
			if err != nil {
				t.Fatalf("seed %d: %s: %v", seed, text, err)
			}
			if lines := fields.Diff(want, got); len(lines) > 0 {
				t.Fatalf("seed %d: %s: %q", seed, text, lines)
			}
			theirs, err := collectorJSON(t, text)
			if err != nil {
				refused++
				continue
			}
			same++
			if lines := slices.DeleteFunc(fields.Diff(theirs, got), known); len(lines) > 0 {
				t.Fatalf("seed %d: the Collector differs: %s: %q", seed, text, lines)
			}
		}
	}
	if spans < requests || same < requests {
		t.Errorf("%d spans, and %d texts that the Collector reads too: that is no comparison", spans, same)
	}
	t.Logf("%d spans; the Collector reads %d of the texts the same, and refuses %d", spans, same, refused)
}

// known are the differences that are the Collector's: its JSON library (json-iterator) may read a double a bit off; and of an
// attribute without key and value it makes one without key and with a value without type, which means the same.
func known(line string) bool {
	if strings.HasSuffix(line, "attributes[]: want nothing, got {}") {
		return true
	}
	_, values, _ := strings.Cut(line, "double_value: want ")
	theirs, ours, _ := strings.Cut(values, ", got ")
	want, err := strconv.ParseFloat(theirs, 64)
	got, err2 := strconv.ParseFloat(ours, 64)
	return err == nil && err2 == nil && math.Abs(got-want) <= math.Abs(got)*0x1p-50
}

// Of a text with a few damaged bytes, whatever the agent takes and the Collector too means the same to both, and what the
// agent takes is JSON.
func TestDamagedJSON(t *testing.T) {
	const texts = 20_000
	var used otlpjson.Transcoder
	var same, lenient, strict int
	for seed := range uint64(texts) {
		g := newGenerator(seed)
		text := collectorText(t, g.request())
		if g.one(2) {
			w := rewriter{generator: g}
			w.value("", parse(t, text))
			text = w.b.Bytes()
		}
		text = damage(g, text)
		got, ourErr := ourJSON(t, &used, text)
		want, theirErr := collectorJSON(t, text)
		switch {
		case ourErr == nil && !json.Valid(text):
			t.Fatalf("seed %d: %q is not JSON", seed, text)
		case ourErr == nil && theirErr == nil:
			same++
			if lines := slices.DeleteFunc(fields.Diff(want, got), known); len(lines) > 0 {
				t.Fatalf("seed %d: %s: %q", seed, text, lines)
			}
		case ourErr == nil:
			lenient++ // escapes in ids and in base64
		case theirErr == nil:
			strict++ // mostly what is not UTF-8, or follows the end
		}
	}
	if same < texts/20 {
		t.Errorf("only %d of %d texts were read by both: that is no comparison", same, texts)
	}
	t.Logf("both read %d the same, both refused %d; the agent alone refused %d, the Collector alone %d",
		same, texts-same-strict-lenient, strict, lenient)
}
