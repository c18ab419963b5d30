package thrift

import (
	"errors"
	"testing"
)

// FuzzSkip reads anything as a message. Whatever it is, the reader stays
// within it, and a cut makes of a message that can be read one that can't.
func FuzzSkip(f *testing.F) {
	for _, e := range encodings {
		f.Add(message(e, everything))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		r := read(p)
		r.Skip(Struct)
		if r.Len() < 0 || r.Offset() > len(p) {
			t.Fatalf("at %d of %d", r.Offset(), len(p))
		}
		if !r.OK() {
			if bad, ok := errors.AsType[*Error](r.Err()); !ok || bad.Offset < 0 || bad.Offset > len(p) || bad.What == "" {
				t.Fatalf("%v, of %d bytes", r.Err(), len(p))
			}
			return
		}
		end := r.Offset()
		r = read(p[:end])
		if r.Skip(Struct); !r.OK() || r.Len() != 0 {
			t.Fatalf("read up to %d, but then: %v", end, r.Err())
		}
		r = read(p[:end-1])
		if r.Skip(Struct); r.OK() {
			t.Fatal("one byte less can be read too")
		}
	})
}
