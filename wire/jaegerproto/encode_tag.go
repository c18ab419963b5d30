package jaegerproto

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Keys that stand for what Jaeger has no fields for.
var (
	keyScopeName              = []byte("otel.scope.name")
	keyScopeVersion           = []byte("otel.scope.version")
	keyKind                   = []byte("span.kind")
	keyStatusCode             = []byte("otel.status_code")
	keyStatusDescription      = []byte("otel.status_description")
	keyError                  = []byte("error")
	keyTraceState             = []byte("w3c.tracestate")
	keyEvent                  = []byte("event")
	keyHostname               = []byte("hostname")
	keyJaegerVersion          = []byte("jaeger.version")
	keyDroppedAttributes      = []byte("otel.dropped_attributes_count")
	keyDroppedEvents          = []byte("otel.dropped_events_count")
	keyDroppedLinks           = []byte("otel.dropped_links_count")
	keyDroppedEventAttributes = []byte("otel.event.dropped_attributes_count")

	valueOK    = []byte("OK")
	valueError = []byte("ERROR")

	kinds = [...][]byte{
		otlp.KindUnspecified: nil,
		otlp.KindInternal:    []byte("internal"),
		otlp.KindServer:      []byte("server"),
		otlp.KindClient:      []byte("client"),
		otlp.KindProducer:    []byte("producer"),
		otlp.KindConsumer:    []byte("consumer"),
	}
)

// kindName is the value of span.kind; nil for none.
func kindName(kind uint64) []byte {
	if kind < uint64(len(kinds)) {
		return kinds[kind]
	}
	return nil
}

// tags writes the attributes that stand in the field from of a message as
// KeyValues.
func (e *Encoder) tags(b *otlp.Builder, field int, msg []byte, from int) {
	for f, rest, ok := otlp.Next(msg); ok; f, rest, ok = otlp.Next(rest) {
		if f.Number != from || likeTag(b, field, f.Data) {
			continue
		}
		key, v := otlp.ReadAttribute(f.Data)
		e.tag(b, field, key, v)
	}
}

// The tags of fields in a short attribute, and in what is made of it
// (protobuf.dev, "Encoding": number, then wire type).
const (
	attributeKey   = otlp.KeyValueKey<<3 | 2
	attributeValue = otlp.KeyValueValue<<3 | 2
	anyString      = otlp.AnyString<<3 | 2
	anyBool        = otlp.AnyBool << 3
	anyInt         = otlp.AnyInt << 3
)

// likeTag writes an attribute as most are: its key, its value, nothing twice, a
// string, a number or true, and no length of more than a byte. All but the bytes
// around them can then be copied. It says whether the attribute was one of those.
func likeTag(b *otlp.Builder, field int, kv []byte) bool {
	n := len(kv)
	if n < 6 || n >= 0x80 || kv[0] != attributeKey {
		return false
	}
	k := 2 + int(kv[1]) // end of the key
	if k > n-4 || kv[k] != attributeValue || int(kv[k+1]) != n-k-2 {
		return false
	}
	key, value := kv[:k], kv[k+3:]
	switch kv[k+2] {
	case anyString:
		if int(value[0]) != len(value)-1 || value[0] == 0 {
			return false
		}
		t := b.Extend(2 + k + 1 + len(value))
		t[0], t[1] = byte(field<<3|2), byte(k+1+len(value))
		copy(t[2:], key)
		t[2+k] = tagVStr<<3 | 2
		copy(t[3+k:], value)
	case anyInt:
		if !isVarint(value) {
			return false
		}
		t := b.Extend(2 + k + 3 + len(value))
		t[0], t[1] = byte(field<<3|2), byte(k+3+len(value))
		copy(t[2:], key)
		t[2+k], t[3+k], t[4+k] = tagVType<<3, typeInt64, tagVInt64<<3
		copy(t[5+k:], value)
	case anyBool:
		if len(value) != 1 || value[0] != 1 {
			return false
		}
		t := b.Extend(2 + k + 4)
		t[0], t[1] = byte(field<<3|2), byte(k+4)
		copy(t[2:], key)
		t[2+k], t[3+k], t[4+k], t[5+k] = tagVType<<3, typeBool, tagVBool<<3, 1
	default:
		return false
	}
	return true
}

// isVarint says whether p is one number that is not zero, in as few bytes as it
// takes.
func isVarint(p []byte) bool {
	last := len(p) - 1
	for _, c := range p[:last] {
		if c < 0x80 {
			return false
		}
	}
	return p[last] < 0x80 && p[last] != 0
}

func (e *Encoder) tag(b *otlp.Builder, field int, key []byte, v otlp.Value) {
	switch v.Type {
	case otlp.AnyBool:
		boolTag(b, field, key, v.Int != 0)
	case otlp.AnyInt:
		intTag(b, field, key, v.Int)
	case otlp.AnyDouble:
		m := openTag(b, field, key, typeDouble, 9)
		if bits := math.Float64bits(v.Double); bits != 0 {
			b.Fixed64(tagVDouble, bits)
		}
		b.Close(m)
	case otlp.AnyBytes:
		m := openTag(b, field, key, typeBinary, len(v.Bytes)+2)
		if len(v.Bytes) > 0 {
			b.Blob(tagVBinary, v.Bytes)
		}
		b.Close(m)
	case otlp.AnyArray, otlp.AnyKVList:
		e.text = appendJSON(e.text[:0], v)
		stringTag(b, field, key, e.text)
	default: // a string, or nothing
		stringTag(b, field, key, v.Bytes)
	}
}

func stringTag(b *otlp.Builder, field int, key, value []byte) {
	m := openTag(b, field, key, typeString, len(value)+2)
	if len(value) > 0 {
		b.Blob(tagVStr, value)
	}
	b.Close(m)
}

func boolTag(b *otlp.Builder, field int, key []byte, value bool) {
	m := openTag(b, field, key, typeBool, 2)
	if value {
		b.Varint(tagVBool, 1)
	}
	b.Close(m)
}

func intTag(b *otlp.Builder, field int, key []byte, value int64) {
	m := openTag(b, field, key, typeInt64, 3)
	if value != 0 {
		b.Varint(tagVInt64, uint64(value))
	}
	b.Close(m)
}

// countTag writes how many things were dropped, if there were some.
func countTag(b *otlp.Builder, field int, key []byte, n uint32) {
	if n > 0 {
		intTag(b, field, key, int64(n))
	}
}

// openTag starts a KeyValue. About n bytes follow: its value.
func openTag(b *otlp.Builder, field int, key []byte, vType uint64, n int) otlp.Mark {
	m := b.Open(field, len(key)+4+n)
	b.Blob(tagKey, key)
	if vType != typeString {
		b.Varint(tagVType, vType)
	}
	return m
}

// appendJSON appends a value as JSON: bytes are base64, and a number that JSON
// does not have is a string. A map's keys stand as they came.
func appendJSON(dst []byte, v otlp.Value) []byte {
	switch v.Type {
	case otlp.AnyString:
		return appendText(dst, v.Bytes)
	case otlp.AnyBool:
		return strconv.AppendBool(dst, v.Int != 0)
	case otlp.AnyInt:
		return strconv.AppendInt(dst, v.Int, 10)
	case otlp.AnyDouble:
		return appendDouble(dst, v.Double)
	case otlp.AnyBytes:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v.Bytes), '"')
	case otlp.AnyArray:
		dst = append(dst, '[')
		first := true
		for item := range v.List() {
			dst = separate(dst, &first)
			dst = appendJSON(dst, item)
		}
		return append(dst, ']')
	case otlp.AnyKVList:
		dst = append(dst, '{')
		first := true
		for key, item := range v.Map().All() {
			dst = separate(dst, &first)
			dst = append(appendText(dst, key), ':')
			dst = appendJSON(dst, item)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// appendDouble writes the exponent that encoding/json would, and protobuf's
// words for what is no number (protobuf.dev, "ProtoJSON Format").
func appendDouble(dst []byte, v float64) []byte {
	switch abs := math.Abs(v); {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		dst = strconv.AppendFloat(dst, v, 'e', -1, 64)
		if n := len(dst); dst[n-2] == '0' && dst[n-3] == '-' { // e-09 is e-9
			dst = append(dst[:n-2], dst[n-1])
		}
		return dst
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

func separate(dst []byte, first *bool) []byte {
	if !*first {
		dst = append(dst, ',')
	}
	*first = false
	return dst
}

// appendText appends text, which is UTF-8, as a JSON string.
func appendText(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, text[:n]...)
		}
		text = text[n:]
	}
	return append(dst, '"')
}
