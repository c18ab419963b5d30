package otlpjson

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Error says what is wrong with a text, and where.
type Error struct {
	What   string
	Offset int // in bytes from the text's start
}

func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// reader reads a JSON text (RFC 8259), value by value:
//
//	for ok := r.first('{', '}'); ok; ok = r.next('}') {
//		switch string(r.key()) {
//		case "name":
//			name = r.text()
//		default:
//			r.skip(0)
//		}
//	}
//
// The first error stays: from then on every object and list ends, so that loops
// end by themselves and err is asked once.
type reader struct {
	p     []byte
	i     int    // offset of the next byte
	held  []byte // the text that was read last, if it had escapes
	what  string
	where int
}

func (r *reader) reset(p []byte) { *r = reader{p: p, held: r.held[:0]} }

func (r *reader) ok() bool { return r.what == "" }

func (r *reader) err() error {
	if r.ok() {
		return nil
	}
	return &Error{What: r.what, Offset: r.where}
}

// fail makes what the error, if there is none yet, at the byte that would be
// read next.
func (r *reader) fail(what string) { r.failAt(what, r.i) }

func (r *reader) failAt(what string, offset int) {
	if r.ok() {
		r.what, r.where = what, offset
		r.i = len(r.p)
	}
}

// peek is the next byte that is no white space, or 0 at the end.
func (r *reader) peek() byte {
	for ; r.i < len(r.p); r.i++ {
		if c := r.p[r.i]; c > ' ' {
			return c
		} else if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
	}
	return 0
}

// first enters an object or a list and says whether there is anything in it.
func (r *reader) first(open, end byte) bool {
	if r.peek() != open {
		r.unexpected(expected(open))
		return false
	}
	r.i++
	if r.peek() == end {
		r.i++
		return false
	}
	return r.ok()
}

// next goes on to the next one, or leaves the object or list.
func (r *reader) next(end byte) bool {
	switch r.peek() {
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
func (r *reader) unexpected(what string) {
	if r.i >= len(r.p) {
		what = "the text ends early"
	}
	r.fail(what)
}

// key reads the name of a member, up to its value.
func (r *reader) key() []byte {
	name := r.text()
	if r.peek() != ':' {
		r.unexpected("no colon after a name")
		return nil
	}
	r.i++
	return name
}

// null reads a null, if there is one.
func (r *reader) null() bool {
	if r.peek() != 'n' {
		return false
	}
	r.word("null")
	return true
}

// truth reads true or false.
func (r *reader) truth() bool {
	switch r.peek() {
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

func (r *reader) word(s string) {
	if !has(r.p, r.i, s) {
		r.unexpected("not a value")
		return
	}
	r.i += len(s)
}

// has says whether s stands at an offset.
func has(p []byte, i int, s string) bool { return len(p)-i >= len(s) && string(p[i:i+len(s)]) == s }

// skip reads any value.
func (r *reader) skip(depth int) {
	if depth > otlp.MaxDepth {
		r.fail("values nested too deep")
		return
	}
	switch c := r.peek(); c {
	case '{':
		for ok := r.first('{', '}'); ok; ok = r.next('}') {
			r.key()
			r.skip(depth + 1)
		}
	case '[':
		for ok := r.first('[', ']'); ok; ok = r.next(']') {
			r.skip(depth + 1)
		}
	case '"':
		r.text()
	case 't', 'f':
		r.truth()
	case 'n':
		r.word("null")
	default:
		r.literal()
	}
}

// end fails if anything is left.
func (r *reader) end() {
	if r.peek(); r.i < len(r.p) {
		r.fail("more after the end")
	}
}

// text reads a string, which is UTF-8 then. It aliases the input, or is valid
// until the next one is read.
func (r *reader) text() []byte {
	if r.peek() != '"' {
		r.unexpected("not a string")
		return nil
	}
	start := r.i + 1
	ascii := true
	for i := start; ; i++ {
		i = plain(r.p, i)
		switch {
		case i >= len(r.p):
			r.i = i
			r.unexpected("")
			return nil
		case r.p[i] == '"':
			s := r.p[start:i:i]
			if !ascii && !utf8.Valid(s) {
				r.failAt("a string that is not UTF-8", start)
				return nil
			}
			r.i = i + 1
			return s
		case r.p[i] == '\\':
			return r.escaped(start, i)
		case r.p[i] < ' ':
			r.failAt("a control character in a string", i)
			return nil
		}
		ascii = false
	}
}

// plain is the offset of the first byte, from i on, that does not simply stand
// for itself: a quote, a backslash, a control character or no ASCII. It looks
// at eight bytes at a time; of the bits that it sets, the lowest one is right.
func plain(p []byte, i int) int {
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
