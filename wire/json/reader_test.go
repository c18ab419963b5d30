package json

import (
	"bytes"
	stdjson "encoding/json"
	"slices"
	"strings"
	"testing"
)

// FuzzSkip takes anything for a JSON text. What is taken, the standard library
// takes as well, and what that takes is refused for its depth or its strings
// alone.
func FuzzSkip(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-2.5e+3,0,"x",true,false,null],"b":{"c":{}}}`, "[]", ` "\ud83d\ude00\u00fc\n\/" `, `"ü"`, `-0.0e-1`, `01`, `[1,]`, `{"a" 1}`, `tru`,
		strings.Repeat("[", 70) + strings.Repeat("]", 70), "\"\xff\"", "\"\t\"", "",
	} {
		f.Add([]byte(text))
	}
	var used Reader
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		used.Reset(text)
		used.Skip()
		used.End()
		err := used.Err()
		if !bytes.Equal(text, before) {
			t.Fatal("the text was changed")
		}
		switch valid := stdjson.Valid(text); {
		case err == nil && !valid:
			t.Fatalf("%q is not JSON", text)
		case err != nil && valid && !strings.Contains(err.Error(), "too deep") && !strings.Contains(err.Error(), "not UTF-8"):
			t.Fatalf("%q is refused: %v", text, err)
		}
	})
}

// A text that is read again is read as the first time, and an error that came up
// in between is gone.
func TestRetry(t *testing.T) {
	var r Reader
	r.Reset([]byte(`["a\n",1]`))
	if !r.First('[', ']') {
		t.Fatal(r.Err())
	}
	at := r.Offset()
	if r.Unsigned(64); r.OK() {
		t.Fatal("a text is a number")
	}
	r.Retry(at)
	if got := string(r.Text()); got != "a\n" || !r.Escaped() {
		t.Fatalf("%q, escaped %v, %v", got, r.Escaped(), r.Err())
	}
	if !r.Next(']') || r.Unsigned(64) != 1 || r.Next(']') || r.Err() != nil {
		t.Fatal(r.Err())
	}
}

func TestPlain(t *testing.T) {
	for n := range 20 {
		for at := range n {
			for c := range 256 {
				p := slices.Repeat([]byte("a"), n)
				p[at] = byte(c)
				if n > at+1 {
					p[n-1] = '"'
				}
				want := slices.IndexFunc(p, func(c byte) bool { return c < ' ' || c == '"' || c == '\\' || c > 127 })
				if want < 0 {
					want = n
				}
				if got := Plain(p, 0); got != want {
					t.Fatalf("%q: %d, want %d", p, got, want)
				}
			}
		}
	}
}
