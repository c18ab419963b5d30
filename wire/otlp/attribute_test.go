package otlp

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// An attribute is what would be written message by message, whatever lengths
// its parts have.
func TestAttributes(t *testing.T) {
	nested := func(field int, key string, value func(b *Builder)) []byte {
		return build(func(b *Builder) {
			nest(b, field, func() {
				b.TextString(KeyValueKey, key)
				nest(b, KeyValueValue, func() { value(b) })
			})
		})
	}
	check := func(what string, got func(b *Builder), want []byte) {
		if got := build(got); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", what, got, want)
		}
	}
	lengths := []int{0, 1, 2, 16_383, 16_384, 20_000}
	for n := 100; n <= 140; n++ {
		lengths = append(lengths, n)
	}
	for _, k := range lengths {
		key := strings.Repeat("k", k)
		for _, n := range lengths {
			value := strings.Repeat("v", n)
			what := fmt.Sprintf("key of %d bytes, value of %d", k, n)
			check(what, func(b *Builder) { b.StringAttribute(9, []byte(key), []byte(value)) },
				nested(9, key, func(b *Builder) { b.TextString(AnyString, value) }))
			check(what, func(b *Builder) { b.BytesAttribute(16, []byte(key), []byte(value)) },
				nested(16, key, func(b *Builder) { b.Blob(AnyBytes, []byte(value)) }))
		}
		check("not UTF-8", func(b *Builder) { b.StringAttribute(9, []byte(key), []byte("a\xff\xfeb")) },
			nested(9, key, func(b *Builder) { b.TextString(AnyString, "a\uFFFDb") }))
		for _, v := range []int64{0, 1, -1, 127, 128, math.MaxInt64, math.MinInt64} {
			check(fmt.Sprint(v), func(b *Builder) { b.IntAttribute(9, []byte(key), v) },
				nested(9, key, func(b *Builder) { b.Varint(AnyInt, uint64(v)) }))
		}
		for v, n := range map[bool]uint64{false: 0, true: 1} {
			check(fmt.Sprint(v), func(b *Builder) { b.BoolAttribute(9, []byte(key), v) },
				nested(9, key, func(b *Builder) { b.Varint(AnyBool, n) }))
		}
		check("double", func(b *Builder) { b.DoubleAttribute(9, []byte(key), math.Float64bits(-0.5)) },
			nested(9, key, func(b *Builder) { b.Fixed64(AnyDouble, math.Float64bits(-0.5)) }))
	}
}

// Valid agrees with utf8.Valid for a bad byte at any place of a text of any
// length, and for good text.
func TestValid(t *testing.T) {
	for n := range 40 {
		text := bytes.Repeat([]byte("a"), n)
		if !Valid(text) {
			t.Errorf("%d letters are not valid", n)
		}
		for i := range text {
			for _, s := range []string{"\xff", "\x80", "é", "日", "\xed\xa0\x80"} {
				p := bytes.Clone(text)
				copy(p[i:], s)
				if Valid(p) != utf8.Valid(p) {
					t.Errorf("%q: %v", p, Valid(p))
				}
			}
		}
	}
}

func TestIDsAndFieldNumbers(t *testing.T) {
	for _, field := range []int{1, 15, 16, 17, 127, 128, 1000, 2047} {
		frame := build(func(b *Builder) {
			b.TraceID(field, 0x0102030405060708, 0x090a0b0c0d0e0f10)
			b.SpanID(field, 0xf1f2f3f4f5f6f7f8)
		})
		var ids []string
		for f := range fields(frame, field) {
			ids = append(ids, fmt.Sprintf("%x", f.data))
		}
		if got, want := strings.Join(ids, " "), "0102030405060708090a0b0c0d0e0f10 f1f2f3f4f5f6f7f8"; got != want {
			t.Errorf("field %d: %s", field, got)
		}
	}
}
