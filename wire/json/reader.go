package json

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// Error says what is wrong with a text, and where.
type Error struct {
	What   string
	Offset int // in bytes from the text's start
}

func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// Reader reads a JSON text (RFC 8259), value by value:
//
//	for ok := r.First('{', '}'); ok; ok = r.Next('}') {
//		switch string(r.Key()) {
//		case "name":
//			name = r.Text()
//		default:
//			r.Skip()
//		}
//	}
//
// The first error stays: from then on every object and list ends, so that loops
// End by themselves and err is asked once.
type Reader struct {
	p       []byte
	i       int    // offset of the next byte
	held    []byte // the text that was read last with escapes
	escaped bool   // that was the last one
	loose   bool   // strings need not be UTF-8
	what    string
	where   int
}

// Reset starts reading a text. It is not kept after the next Reset, and not
// changed.
func (r *Reader) Reset(p []byte) { *r = Reader{p: p, held: r.held[:0]} }

// ResetLoose is Reset for a text whose strings need not be UTF-8: who reads it
// replaces what is not.
func (r *Reader) ResetLoose(p []byte) { *r = Reader{p: p, held: r.held[:0], loose: true} }

// Shrink gives back memory of more than max bytes that texts with escapes have
// needed.
func (r *Reader) Shrink(max int) {
	if cap(r.held) > max {
		r.held = nil
	}
}

// Cap is the memory that the reader keeps, in bytes.
func (r *Reader) Cap() int { return cap(r.held) }

// OK reports whether there is no error so far.
func (r *Reader) OK() bool { return r.what == "" }

// Err is the first error, an *Error, or nil.
func (r *Reader) Err() error {
	if r.OK() {
		return nil
	}
	return &Error{What: r.what, Offset: r.where}
}

// Fail makes what the error, if there is none yet, at the byte that would be
// read next.
func (r *Reader) Fail(what string) { r.FailAt(what, r.i) }

// FailAt is Fail, at an offset.
func (r *Reader) FailAt(what string, offset int) {
	if r.OK() {
		r.what, r.where = what, offset
		r.i = len(r.p)
	}
}

// Retry goes back to an offset that Offset gave, and forgets an error that came
// up since: what is there is read once more, in another way.
func (r *Reader) Retry(offset int) { r.i, r.what = offset, "" }

// Offset is the offset of the byte that is read next.
func (r *Reader) Offset() int { return r.i }

// Len is how many bytes have not been read yet.
func (r *Reader) Len() int { return len(r.p) - r.i }

// Rest is what has not been read yet. It is for those who know a shorter way
// through what usually comes; they go on with Advance.
func (r *Reader) Rest() []byte { return r.p[r.i:] }

// Advance goes n bytes on, of those that Rest gave.
func (r *Reader) Advance(n int) { r.i += n }

// Peek is the next byte that is no white space, or 0 at the end.
func (r *Reader) Peek() byte {
	for ; r.i < len(r.p); r.i++ {
		if c := r.p[r.i]; c > ' ' {
			return c
		} else if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
	}
	return 0
}

// First enters an object or a list and says whether there is anything in it.
func (r *Reader) First(open, end byte) bool {
	if r.Peek() != open {
		r.unexpected(expected(open))
		return false
	}
	r.i++
	if r.Peek() == end {
		r.i++
		return false
	}
	return r.OK()
}

// Next goes on to the next one, or leaves the object or list.
func (r *Reader) Next(end byte) bool {
	switch r.Peek() {
	case ',':
		r.i++
		return true
	case end:
		r.i++
		return false
	}
	r.unexpected("neither a comma nor the end of an object or list")
	return false
}

func expected(open byte) string {
	if open == '{' {
		return "not an object"
	}
	return "not a list"
}

// unexpected fails at something else than was expected.
func (r *Reader) unexpected(what string) {
	if r.i >= len(r.p) {
		what = "the text ends early"
	}
	r.Fail(what)
}

// Key reads the name of a member, up to its value.
func (r *Reader) Key() []byte {
	name := r.Text()
	if r.Peek() != ':' {
		r.unexpected("no colon after a name")
		return nil
	}
	r.i++
	return name
}

// Null reads a null, if there is one.
func (r *Reader) Null() bool {
	if r.Peek() != 'n' {
		return false
	}
	r.word("null")
	return true
}

// Truth reads true or false.
func (r *Reader) Truth() bool {
	switch r.Peek() {
	case 't':
		r.word("true")
		return true
	case 'f':
		r.word("false")
		return false
	}
	r.unexpected("neither true nor false")
	return false
}

func (r *Reader) word(s string) {
	if !Has(r.p, r.i, s) {
		r.unexpected("not a value")
		return
	}
	r.i += len(s)
}

// Has says whether s stands at an offset.
func Has(p []byte, i int, s string) bool { return len(p)-i >= len(s) && string(p[i:i+len(s)]) == s }

// maxDepth is how deep values may be nested in one that is skipped. Protobuf's
// decoders have limits of that kind (protobuf for Java: 100).
const maxDepth = 64

// Skip reads any value.
func (r *Reader) Skip() { r.skip(0) }

func (r *Reader) skip(depth int) {
	if depth > maxDepth {
		r.Fail("values nested too deep")
		return
	}
	switch c := r.Peek(); c {
	case '{':
		for ok := r.First('{', '}'); ok; ok = r.Next('}') {
			r.Key()
			r.skip(depth + 1)
		}
	case '[':
		for ok := r.First('[', ']'); ok; ok = r.Next(']') {
			r.skip(depth + 1)
		}
	case '"':
		r.Text()
	case 't', 'f':
		r.Truth()
	case 'n':
		r.word("null")
	default:
		r.Literal()
	}
}

// End fails if anything is left.
func (r *Reader) End() {
	if r.Peek(); r.i < len(r.p) {
		r.Fail("more after the end")
	}
}

// Text reads a string, which is UTF-8 then. It aliases the input, or is valid
// until the next one is read: Escaped says so.
func (r *Reader) Text() []byte {
	if r.Peek() != '"' {
		r.unexpected("not a string")
		return nil
	}
	start := r.i + 1
	ascii := true
	r.escaped = false
	for i := start; ; i++ {
		i = Plain(r.p, i)
		switch {
		case i >= len(r.p):
			r.i = i
			r.unexpected("")
			return nil
		case r.p[i] == '"':
			s := r.p[start:i:i]
			if !ascii && !r.loose && !utf8.Valid(s) {
				r.FailAt("a string that is not UTF-8", start)
				return nil
			}
			r.i = i + 1
			return s
		case r.p[i] == '\\':
			return r.unescape(start, i)
		case r.p[i] < ' ':
			r.FailAt("a control character in a string", i)
			return nil
		}
		ascii = false
	}
}

// Escaped says whether the text that was read last is not in the input, and has
// to be copied if it is to be kept.
func (r *Reader) Escaped() bool { return r.escaped }

// Plain is the offset of the first byte, from i on, that does not simply stand
// for itself: a quote, a backslash, a control character or no ASCII. It looks
// at eight bytes at a time; of the bits that it sets, the lowest one is right.
func Plain(p []byte, i int) int {
	const (
		ones = 0x0101010101010101
		high = 0x8080808080808080
	)
	for ; len(p)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(p[i:])
		quote, backslash := w^ones*'"', w^ones*'\\'
		stop := w | (w-ones*' ')&^w | (quote-ones)&^quote | (backslash-ones)&^backslash
		if stop &= high; stop != 0 {
			return i + bits.TrailingZeros64(stop)/8
		}
	}
	for ; i < len(p); i++ {
		if c := p[i]; c == '"' || c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}
