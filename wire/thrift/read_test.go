package thrift

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

var encodings = []Encoding{Compact, Binary, BinaryOld}

func field(id int16, t Type) Field { return Field(id)<<8 | Field(t) }

// message returns a message whose arguments f writes, without the last stop.
func message(e Encoding, f func(w *Writer)) []byte {
	w := NewWriter(nil, e)
	w.Message("m", Oneway, 7)
	f(w)
	return w.Bytes()
}

// read gives a reader that stands at the arguments.
func read(p []byte) *Reader {
	r := new(Reader)
	r.Reset(p)
	r.Message()
	return r
}

func TestMessage(t *testing.T) {
	for _, e := range encodings {
		for _, seqID := range []int32{0, 1, math.MaxInt32, -1, math.MinInt32} {
			w := NewWriter(nil, e)
			w.Message("emit", Oneway, seqID)
			var r Reader
			r.Reset(w.Bytes())
			name, kind, seq := r.Message()
			if r.Err() != nil || r.Encoding() != e || string(name) != "emit" || kind != Oneway || seq != seqID || r.Len() != 0 {
				t.Errorf("%v %d: %q %d %d, %v, %d left, %v", e, seqID, name, kind, seq, r.Encoding(), r.Len(), r.Err())
			}
		}
	}
}

func TestSniff(t *testing.T) {
	want := map[byte]Encoding{0x82: Compact, 0x80: Binary, 0: BinaryOld}
	for b := range 256 {
		if got := Sniff(byte(b)); got != want[byte(b)] {
			t.Errorf("%#x: %v", b, got)
		}
	}
}

// Every value goes through a field and comes back, with ids that compact
// writes in both of its ways.
func TestValues(t *testing.T) {
	ids := []int16{1, 2, 17, 32, 33, 1000, 999, -4, math.MaxInt16, math.MinInt16, 1}
	ints := []int64{0, 1, -1, 63, 64, -64, -65, 1 << 31, math.MaxInt64, math.MinInt64}
	for _, e := range encodings {
		p := message(e, func(w *Writer) {
			after := Field(0)
			next := func(id int16, t Type) Field { f := field(id, t); w.Field(after, f); after = f; return f }
			for _, id := range ids {
				for _, v := range ints {
					next(id, I64)
					w.I64(v)
					next(id+1, I32)
					w.I32(int32(v))
				}
				for _, b := range []bool{true, false} {
					w.BoolField(after, field(id, Bool), b)
					after = field(id, Bool)
				}
				next(id, Double)
				w.Double(math.Inf(-1))
				next(id, String)
				w.String(strings.Repeat("x", 200))
			}
			w.Stop()
		})
		r := read(p)
		f := Field(0)
		want := func(id int16, typ Type) {
			if f = r.Next(f); f != field(id, typ) || f.ID() != id || f.Type() != typ {
				t.Fatalf("%v: field %d of type %d, want %d, %d (%v)", e, f.ID(), f.Type(), id, typ, r.Err())
			}
		}
		for _, id := range ids {
			for _, v := range ints {
				want(id, I64)
				if got := r.I64(); got != v {
					t.Errorf("%v: %d, want %d", e, got, v)
				}
				want(id+1, I32)
				if got := r.I32(); got != int32(v) {
					t.Errorf("%v: %d, want %d", e, got, int32(v))
				}
			}
			for _, b := range []bool{true, false} {
				if want(id, Bool); r.Bool() != b {
					t.Errorf("%v: not %v", e, b)
				}
			}
			if want(id, Double); r.Double() != math.Float64bits(math.Inf(-1)) {
				t.Errorf("%v: wrong double", e)
			}
			if want(id, String); len(r.String()) != 200 {
				t.Errorf("%v: wrong string", e)
			}
		}
		if f = r.Next(f); f.Type() != Stop || r.Len() != 0 || r.Err() != nil {
			t.Errorf("%v: %v, %d left, %v", e, f, r.Len(), r.Err())
		}
	}
}

// Bools have two headers each in compact: with the id, and with its difference
// to the one before.
func TestBools(t *testing.T) {
	want := []bool{true, false, false, true}
	for _, e := range encodings {
		for _, step := range []int16{1, 15, 16} {
			p := message(e, func(w *Writer) {
				after := Field(0)
				for i, v := range want {
					f := field(int16(i+1)*step, Bool)
					w.BoolField(after, f, v)
					after = f
				}
				w.Stop()
			})
			r := read(p)
			var got []bool
			for f := r.Next(0); f.Type() != Stop; f = r.Next(f) {
				if f != field(int16(len(got)+1)*step, Bool) {
					t.Fatalf("%v: field %d of type %d", e, f.ID(), f.Type())
				}
				got = append(got, r.Bool())
			}
			if !slices.Equal(got, want) || r.Err() != nil || r.Len() != 0 {
				t.Errorf("%v, steps of %d: %v, %v", e, step, got, r.Err())
			}
		}
	}
}

// everything writes one struct with every type, nested in each other.
func everything(w *Writer) {
	f := func(id int16, t Type) { w.Field(field(100, Stop), field(id, t)) } // always the long way
	w.BoolField(0, field(1, Bool), true)
	w.BoolField(field(1, Bool), field(2, Bool), false)
	f(3, I8)
	w.buf = append(w.buf, 0xff)
	f(4, I16)
	w.I16(-300)
	f(5, I32)
	w.I32(1 << 30)
	f(6, I64)
	w.I64(-1 << 60)
	f(7, Double)
	w.Double(1.5)
	f(8, String)
	w.String("text")
	f(9, UUID)
	w.buf = append(w.buf, make([]byte, 16)...)
	f(10, List)
	w.List(Bool, 20)
	for range 20 {
		w.Bool(false)
	}
	f(11, Set)
	w.List(I32, 3)
	for range 3 {
		w.I32(70_000)
	}
	f(12, List)
	w.List(Struct, 2)
	for range 2 {
		w.BoolField(0, field(1, Bool), false)
		w.Field(field(1, Bool), field(2, String))
		w.String("")
		w.Stop()
	}
	f(13, Map)
	writeMap(w, String, Bool, 2)
	for range 2 {
		w.String("key")
		w.Bool(true)
	}
	f(14, Map)
	writeMap(w, I64, Double, 0)
	f(15, List)
	w.List(List, 1)
	w.List(String, 1)
	w.String("deep")
	w.Stop()
}

func writeMap(w *Writer, key, value Type, n int) {
	if w.enc != Compact {
		w.buf = append(w.buf, byte(key), byte(value))
		w.I32(int32(n))
		return
	}
	w.length(n)
	if n > 0 {
		w.buf = append(w.buf, toCompact[key]<<4|toCompact[value])
	}
}

func TestSkipAll(t *testing.T) {
	for _, e := range encodings {
		p := message(e, everything)
		r := read(p)
		r.Skip(Struct)
		if r.Err() != nil || r.Len() != 0 {
			t.Errorf("%v: %d left, %v", e, r.Len(), r.Err())
		}
		// Each of its fields by itself.
		r = read(p)
		n := int16(0)
		for f := r.Next(0); f.Type() != Stop; f = r.Next(f) {
			if n++; f.ID() != n {
				t.Fatalf("%v: field %d, want %d", e, f.ID(), n)
			}
			r.Skip(f.Type())
		}
		if r.Err() != nil || r.Len() != 0 || n != 15 {
			t.Errorf("%v: field %d, %d left, %v", e, n, r.Len(), r.Err())
		}
		// Cut off anywhere, it must be an error, and where the end is.
		for cut := range p {
			r := read(p[:cut])
			r.Skip(Struct)
			var bad *Error
			if !errors.As(r.Err(), &bad) || bad.Offset > cut || r.Len() != 0 {
				t.Errorf("%v: cut at %d: %v", e, cut, r.Err())
			}
		}
	}
}

func TestNesting(t *testing.T) {
	nested := func(e Encoding, depth int) []byte {
		return message(e, func(w *Writer) {
			for range depth - 1 {
				w.Field(0, field(1, Struct))
			}
			for range depth {
				w.Stop()
			}
		})
	}
	lists := func(e Encoding, depth int) []byte {
		return message(e, func(w *Writer) {
			w.Field(0, field(1, List))
			for range depth - 3 {
				w.List(List, 1)
			}
			w.List(I64, 0)
			w.Stop()
		})
	}
	for _, e := range encodings {
		for name, build := range map[string]func(Encoding, int) []byte{"structs": nested, "lists": lists} {
			for depth, fine := range map[int]bool{10: true, 64: true, 100: false, 20_000: false} {
				r := read(build(e, depth))
				r.Skip(Struct)
				if fine != r.OK() || !fine && !strings.Contains(r.Err().Error(), "nested too deep") {
					t.Errorf("%v: %d %s: %v", e, depth, name, r.Err())
				}
			}
		}
	}
}

// Sizes that a message declares are not believed.
func TestDeclaredSizes(t *testing.T) {
	for _, tc := range []struct {
		name, message string
		typ           Type
	}{
		{"compact: string of 2 GiB", "828107016d" + "ffffffff07", String},
		{"compact: string of -1", "828107016d" + "ffffffff0f", String},
		{"compact: string of 2^63", "828107016d" + "ffffffffffffffffff01", String},
		{"compact: string one too long", "828107016d" + "036161", String},
		{"compact: 2^31-1 structs", "828107016d" + "fcffffffff07", List},
		{"compact: 2^63 doubles", "828107016d" + "f7ffffffffffffffffff01", List},
		{"compact: doubles that would fit as bytes", "828107016d" + "37" + "0000000000000000" + "0000000000000000", List},
		{"compact: map of 2^31-1", "828107016d" + "ffffffff07" + "88", Map},
		{"compact: map of no type", "828107016d" + "01" + "00" + "00", Map},
		{"compact: list of no type", "828107016d" + "10" + "00", List},
		{"compact: list of type 15", "828107016d" + "1f" + "00", Set},
		{"compact: field of type 14", "828107016d" + "1e", Struct},
		{"compact: long field of type 15", "828107016d" + "0f02", Struct},
		{"compact: number of 11 bytes", "828107016d" + "8080808080808080808001", I64},
		{"compact: number over 64 bits", "828107016d" + "80808080808080808002", I64},
		{"binary: string of 2 GiB", "80010004000000016d00000007" + "7fffffff", String},
		{"binary: string of -1", "80010004000000016d00000007" + "ffffffff", String},
		{"binary: 2^31-1 structs", "80010004000000016d00000007" + "0c7fffffff", List},
		{"binary: -1 structs", "80010004000000016d00000007" + "0cffffffff", List},
		{"binary: i64s that would fit as bytes", "80010004000000016d00000007" + "0a00000002" + "0000000000000000", List},
		{"binary: map of 2^31-1", "80010004000000016d00000007" + "0b0b7fffffff", Map},
		{"binary: list of no type", "80010004000000016d00000007" + "0000000001" + "00", List},
		{"binary: list of type 17", "80010004000000016d00000007" + "1100000001" + "00", List},
		{"binary: field of type 1", "80010004000000016d00000007" + "010001", Struct},
		{"binary: field of type 200", "80010004000000016d00000007" + "c80001", Struct},
	} {
		p, err := hex.DecodeString(tc.message)
		if err != nil {
			t.Fatal(err)
		}
		r := read(p)
		if !r.OK() {
			t.Fatalf("%s: header: %v", tc.name, r.Err())
		}
		if n := testing.AllocsPerRun(1, func() { r := *r; r.Skip(tc.typ) }); n > 0 {
			t.Errorf("%s: %v allocations", tc.name, n)
		}
		if r.Skip(tc.typ); r.OK() {
			t.Errorf("%s is taken", tc.name)
		}
	}
}

func TestBadHeaders(t *testing.T) {
	for name, message := range map[string]string{
		"nothing":                   "",
		"no Thrift":                 "7f",
		"compact: one byte":         "82",
		"compact: version 2":        "82820001",
		"compact: no name":          "822101",
		"compact: name too long":    "822101026d",
		"binary: version 2":         "80020001000000016d00000001",
		"binary: half a version":    "8001",
		"binary: no sequence id":    "80010001000000016d0000",
		"binary: name of 2 GiB":     "800100017fffffff6d",
		"binary-old: no type":       "000000016d",
		"binary-old: name too long": "00ffffff6d",
	} {
		p, err := hex.DecodeString(message)
		if err != nil {
			t.Fatal(err)
		}
		var r Reader
		r.Reset(p)
		if r.Message(); r.OK() {
			t.Errorf("%s is taken", name)
		}
	}
}

// After an error nothing is read any more, and the error stays.
func TestErrorStays(t *testing.T) {
	for _, e := range encodings {
		p := message(e, func(w *Writer) {
			w.Field(0, field(1, String))
			w.String("x")
			w.Field(field(1, String), field(2, List))
			w.List(Struct, 1)
			w.Stop()
			w.Stop()
		})
		r := read(p)
		r.Next(0)
		at := r.Offset()
		r.Fail("first")
		r.Seek(at)
		r.Fail("second")
		if r.Next(0) != 0 || r.Structs() != 0 || r.I32() != 0 || r.I64() != 0 || r.Double() != 0 || r.Bool() ||
			len(r.String()) != 0 || len(r.Rest()) != 0 {
			t.Errorf("%v: something was read", e)
		}
		r.Skip(Struct)
		if want := fmt.Sprintf("first at byte %d", at); r.Err().Error() != want {
			t.Errorf("%v: %v, want %s", e, r.Err(), want)
		}
	}
}

func TestStructsOfAnotherType(t *testing.T) {
	for _, e := range encodings {
		for elem, fine := range map[Type]bool{Struct: true, I64: false, String: false} {
			for n, fine := range map[int]bool{0: true, 1: fine} {
				r := read(message(e, func(w *Writer) {
					w.List(elem, n)
					w.buf = append(w.buf, make([]byte, 8*n)...)
				}))
				if got := r.Structs(); r.OK() != fine || fine && got != n {
					t.Errorf("%v: %d of type %d: %d, %v", e, n, elem, got, r.Err())
				}
			}
		}
	}
}

func TestStringsAliasTheInput(t *testing.T) {
	p := message(Compact, func(w *Writer) { w.String("abc") })
	s := read(p).String()
	p[slices.Index(p, 'b')] = 'x'
	if string(s) != "axc" || cap(s) != 3 {
		t.Errorf("%q of capacity %d", s, cap(s))
	}
}

// Numbers are read as encoding/binary reads varints, near the end of the
// message and far from it, in more bytes than they need, and in too many.
func TestVarints(t *testing.T) {
	var all [][]byte
	for shift := range 64 {
		for _, v := range []uint64{1<<shift - 1, 1 << shift, 0x5555555555555555 >> shift, math.MaxUint64 >> shift} {
			p := binary.AppendUvarint(nil, v)
			all = append(all, p)
			for len(p) < 12 { // the same with zeros on top
				p = slices.Clone(p)
				p[len(p)-1] |= 0x80
				p = append(p, 0)
				all = append(all, p)
			}
		}
	}
	all = append(all, slices.Repeat([]byte{0xff}, 9), append(slices.Repeat([]byte{0xff}, 9), 2), append(slices.Repeat([]byte{0xff}, 9), 0x7f))
	for _, p := range all {
		want, n := binary.Uvarint(p)
		for _, rest := range []int{0, 1, 8, 20} {
			if n == 0 && rest > 0 {
				continue
			}
			r := Reader{p: append(slices.Clone(p), make([]byte, rest)...), compact: true}
			got := r.uvarint()
			if n <= 0 {
				if r.OK() || got != 0 {
					t.Errorf("%x and %d bytes: %d", p, rest, got)
				}
			} else if !r.OK() || got != want || r.Offset() != n {
				t.Errorf("%x and %d bytes: %d in %d bytes, %v; want %d in %d", p, rest, got, r.Offset(), r.Err(), want, n)
			}
		}
	}
}
