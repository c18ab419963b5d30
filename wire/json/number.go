package json

import (
	"math"
	"strconv"
)

// Literal reads a number as it is written.
func (r *Reader) Literal() []byte {
	r.Peek()
	end, _ := NumberAt(r.p, r.i)
	if end == r.i {
		r.unexpected("not a number")
		return nil
	}
	s := r.p[r.i:end:end]
	r.i = end
	return s
}

// NumberAt finds the end of the number at i (RFC 8259, section 6), and says
// whether it is nothing but digits, a minus aside. Where there is no number it
// ends at i.
func NumberAt(p []byte, i int) (end int, whole bool) {
	start := i
	if i < len(p) && p[i] == '-' {
		i++
	}
	from := i
	if i = digits(p, i); i == from || p[from] == '0' && i > from+1 {
		return start, false
	}
	end, whole = i, true
	if i < len(p) && p[i] == '.' {
		if i = digits(p, end+1); i == end+1 {
			return start, false
		}
		end, whole = i, false
	}
	if i < len(p) && p[i]|0x20 == 'e' {
		i++
		if i < len(p) && (p[i] == '+' || p[i] == '-') {
			i++
		}
		if end = digits(p, i); end == i {
			return start, false
		}
		whole = false
	}
	return end, whole
}

// digits is the offset of the first byte from i on that is no digit.
func digits(p []byte, i int) int {
	for i < len(p) && p[i]-'0' < 10 {
		i++
	}
	return i
}

// Number reads a number that may be written as a string.
func (r *Reader) Number() []byte {
	if r.Peek() != '"' {
		return r.Literal()
	}
	start := r.i
	s := r.Text()
	if end, _ := NumberAt(s, 0); end == 0 || end < len(s) {
		r.FailAt("a string that is not a number", start)
		return nil
	}
	return s
}

// OutOfRange is what is wrong with a number that is no whole one of so many bits.
const OutOfRange = "not a whole number, or one that is out of range"

// Unsigned reads a whole number of up to so many bits.
func (r *Reader) Unsigned(size int) uint64 {
	r.Peek()
	start := r.i
	v, negative, ok := integer(r.Number())
	if !ok || negative && v > 0 || v>>(size-1)>>1 > 0 {
		r.FailAt(OutOfRange, start)
		return 0
	}
	return v
}

// Signed reads a whole number of so many bits with a sign.
func (r *Reader) Signed(size int) int64 {
	r.Peek()
	start := r.i
	v, ok := Signed(r.Number(), size)
	if !ok {
		r.FailAt(OutOfRange, start)
	}
	return v
}

// Signed is the value of a number that is well written, if it is whole and has
// so many bits with its sign.
func Signed(s []byte, size int) (int64, bool) {
	v, negative, ok := integer(s)
	top := uint64(1) << (size - 1)
	switch {
	case !ok:
	case negative && v <= top:
		return -int64(v), true
	case !negative && v < top:
		return int64(v), true
	}
	return 0, false
}

// integer is the value of a number that is well written, if it is whole and has
// no more than 64 bits.
func integer(s []byte) (v uint64, negative, ok bool) {
	if len(s) > 0 && s[0] == '-' {
		negative = true
		s = s[1:]
	}
	if len(s) > 19 { // 20 digits may be too many
		v, ok = scaled(s)
		return v, negative, ok
	}
	for _, c := range s {
		d := c - '0'
		if d > 9 {
			v, ok = scaled(s)
			return v, negative, ok
		}
		v = v*10 + uint64(d)
	}
	return v, negative, len(s) > 0
}

// scaled is integer for a number of any length, with fraction and exponent.
func scaled(s []byte) (v uint64, ok bool) {
	point := digits(s, 0)
	end := point
	if end < len(s) && s[end] == '.' {
		end = digits(s, end+1)
	}
	units := point + exponent(s[end:]) // so many digits stand before the point
	n := 0
	for _, c := range s[:end] {
		if c == '.' {
			continue
		}
		n++
		switch {
		case n <= units:
			if v, ok = timesTen(v, uint64(c-'0')); !ok {
				return 0, false
			}
		case c != '0':
			return 0, false
		}
	}
	for ; n < units && v > 0; n++ {
		if v, ok = timesTen(v, 0); !ok {
			return 0, false
		}
	}
	return v, true
}

func timesTen(v, digit uint64) (uint64, bool) {
	if v > math.MaxUint64/10 || v*10 > math.MaxUint64-digit {
		return 0, false
	}
	return v*10 + digit, true
}

// exponent is the value of e+12, or 0. What is too large for any number of
// digits stays so.
func exponent(s []byte) (v int) {
	if len(s) == 0 {
		return 0
	}
	negative := false
	for _, c := range s[1:] {
		switch c {
		case '+':
		case '-':
			negative = true
		default:
			v = min(v*10+int(c-'0'), 1<<30)
		}
	}
	if negative {
		return -v
	}
	return v
}

// Double reads a double, and returns its bits.
func (r *Reader) Double() uint64 {
	start := r.i
	var s []byte
	if r.Peek() == '"' {
		s = r.Text()
		switch string(s) {
		case "NaN":
			return math.Float64bits(math.NaN())
		case "Infinity":
			return math.Float64bits(math.Inf(1))
		case "-Infinity":
			return math.Float64bits(math.Inf(-1))
		}
		if end, _ := NumberAt(s, 0); end == 0 || end < len(s) {
			r.FailAt("a string that is not a number", start)
			return 0
		}
	} else {
		s = r.Literal()
	}
	v, err := strconv.ParseFloat(string(s), 64)
	if err != nil {
		r.FailAt("a number that is out of range", start)
	}
	return math.Float64bits(v)
}
