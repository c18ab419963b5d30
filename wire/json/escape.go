package json

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape reads the rest of a string that starts at start and has its first
// escape at i.
func (r *Reader) unescape(start, i int) []byte {
	p := r.p
	s := append(slices.Grow(r.held[:0], quote(p, i)-start), p[start:i]...)
	for i < len(p) && p[i] != '"' {
		switch c := p[i]; {
		case c == '\\':
			var char rune
			if char, i = escape(p, i); i < 0 {
				r.held = s
				r.FailAt("an escape that there is not", start)
				return nil
			}
			s = utf8.AppendRune(s, char)
		case c < ' ':
			r.held = s
			r.FailAt("a control character in a string", i)
			return nil
		default:
			end := Plain(p, i+1)
			s = append(s, p[i:end]...)
			i = end
		}
	}
	r.held, r.escaped = s, true
	if i >= len(p) {
		r.i = i
		r.unexpected("")
		return nil
	}
	if !r.loose && !utf8.Valid(s) {
		r.FailAt("a string that is not UTF-8", start)
		return nil
	}
	r.i = i + 1
	return s
}

// quote is the offset of the quote that ends the string that i is in, or of the
// end.
func quote(p []byte, i int) int {
	for {
		switch i = Plain(p, i); {
		case i >= len(p):
			return len(p)
		case p[i] == '"':
			return i
		case p[i] == '\\':
			i++
		}
		i++
	}
}

// escape reads an escape at i and returns what follows it, or a negative offset
// if it is none.
func escape(p []byte, i int) (char rune, end int) {
	if len(p)-i < 2 {
		return 0, -1
	}
	switch c := p[i+1]; c {
	case '"', '\\', '/':
		return rune(c), i + 2
	case 'b':
		return '\b', i + 2
	case 'f':
		return '\f', i + 2
	case 'n':
		return '\n', i + 2
	case 'r':
		return '\r', i + 2
	case 't':
		return '\t', i + 2
	case 'u':
	default:
		return 0, -1
	}
	char = unit(p, i)
	if char < 0 {
		return 0, -1
	}
	i += 6
	if !utf16.IsSurrogate(char) {
		return char, i
	}
	if low := unit(p, i); low >= 0 {
		if pair := utf16.DecodeRune(char, low); pair != utf8.RuneError {
			return pair, i + 6
		}
	}
	return utf8.RuneError, i
}

// unit reads \uXXXX at i, or is negative.
func unit(p []byte, i int) (v rune) {
	if len(p)-i < 6 || p[i] != '\\' || p[i+1] != 'u' {
		return -1
	}
	for _, c := range p[i+2 : i+6] {
		d := Unhex(c)
		if d > 15 {
			return -1
		}
		v = v<<4 | rune(d)
	}
	return v
}

// Unhex is the value of a hex digit, and 255 for other bytes.
func Unhex(c byte) byte { return unhex[c] }

var unhex = func() (t [256]byte) {
	for i := range t {
		switch c := byte(i); {
		case c >= '0' && c <= '9':
			t[i] = c - '0'
		case c >= 'a' && c <= 'f':
			t[i] = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			t[i] = c - 'A' + 10
		default:
			t[i] = 255
		}
	}
	return t
}()
