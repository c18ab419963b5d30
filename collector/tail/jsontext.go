package tail

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// appendText appends s as a JSON string. What a terminal might obey or could
// not show is written as \u escapes, which mean the same.
func appendText[T string | []byte](dst []byte, text T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range string(text) {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= ' ' && r <= '~':
			dst = append(dst, byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r > '~' && unicode.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		default:
			pair := []rune{r}
			if hi, lo := utf16.EncodeRune(r); hi != unicode.ReplacementChar {
				pair = []rune{hi, lo}
			}
			for _, u := range pair {
				dst = append(dst, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
			}
		}
	}
	return append(dst, '"')
}

// appendAttributes appends attributes as an object. A key that is there more
// than once, as Jaeger allows, is in the object more than once.
func appendAttributes(dst []byte, a otlp.Attributes) []byte {
	dst = append(dst, '{')
	first := true
	for key, v := range a.All() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendText(dst, key), ':')
		dst = appendValue(dst, v)
	}
	return append(dst, '}')
}

// appendValue appends a value: bytes as base64, and numbers that JSON does not
// have as strings.
func appendValue(dst []byte, v otlp.Value) []byte {
	switch v.Type {
	case otlp.AnyString:
		return appendText(dst, v.Bytes)
	case otlp.AnyBool:
		return strconv.AppendBool(dst, v.Int != 0)
	case otlp.AnyInt:
		return strconv.AppendInt(dst, v.Int, 10)
	case otlp.AnyDouble:
		if math.IsNaN(v.Double) || math.IsInf(v.Double, 0) {
			dst = append(dst, '"')
			dst = strconv.AppendFloat(dst, v.Double, 'g', -1, 64)
			return append(dst, '"')
		}
		return strconv.AppendFloat(dst, v.Double, 'g', -1, 64)
	case otlp.AnyBytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes)
		return append(dst, '"')
	case otlp.AnyArray:
		dst = append(dst, '[')
		first := true
		for e := range v.List() {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendValue(dst, e)
		}
		return append(dst, ']')
	case otlp.AnyKVList:
		return appendAttributes(dst, v.Map())
	}
	return append(dst, "null"...)
}

// appendDetail appends what JSON lines have of a span and trees have not, as
// members of an object with a comma before each.
func appendDetail(dst []byte, v *otlp.Span) []byte {
	if len(v.ScopeName) > 0 {
		dst = appendText(append(dst, `,"scope":`...), v.ScopeName)
	}
	if len(v.TraceState) > 0 {
		dst = appendText(append(dst, `,"trace_state":`...), v.TraceState)
	}
	dst = appendAttributes(append(dst, `,"attributes":`...), v.Attributes)
	n := 0
	for e := range v.Events() {
		dst = appendElement(dst, `,"events":[`, n)
		dst = append(dst, `{"offset_ns":`...)
		dst = strconv.AppendInt(dst, int64(e.Time-v.Start), 10)
		dst = appendText(append(dst, `,"name":`...), e.Name)
		dst = appendAttributes(append(dst, `,"attributes":`...), e.Attributes)
		dst = append(dst, '}')
		n++
	}
	if n > 0 {
		dst = append(dst, ']')
	}
	n = 0
	for l := range v.Links() {
		dst = appendElement(dst, `,"links":[`, n)
		dst = append(dst, `{"trace_id":"`+hexID(l.TraceID)+`","span_id":"`+spanID(l.SpanID)+`"`...)
		dst = appendAttributes(append(dst, `,"attributes":`...), l.Attributes)
		dst = append(dst, '}')
		n++
	}
	if n > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// appendElement appends what stands before element n of a list.
func appendElement(dst []byte, open string, n int) []byte {
	if n == 0 {
		return append(dst, open...)
	}
	return append(dst, ',')
}
