package otlpjson

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"testing"

	"github.com/wayside-tracing/wayside/wire/json"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

func indent(text []byte) []byte {
	var b bytes.Buffer
	if err := stdjson.Indent(&b, text, "", "  "); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// transcode is Request, with everything that must hold of a result.
func transcode(t *testing.T, used *Transcoder, text []byte) ([]byte, error) {
	t.Helper()
	before := bytes.Clone(text)
	got, err := used.Request(text)
	if !bytes.Equal(text, before) {
		t.Fatalf("%s: the text was changed", before)
	}
	if err != nil {
		var e *json.Error
		if !errors.Is(err, otlp.ErrMalformed) || !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text) || got != nil {
			t.Fatalf("%s: %x, %v", text, got, err)
		}
		return nil, err
	}
	if _, err := otlp.Check(got); err != nil {
		t.Fatalf("%s: %x does not pass the check: %v", text, got, err)
	}
	if len(got) > len(text) {
		t.Fatalf("%s: %d bytes became %d", text, len(text), len(got))
	}
	return got, nil
}
