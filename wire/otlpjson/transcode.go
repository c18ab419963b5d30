package otlpjson

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/wayside-tracing/wayside/wire/json"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Transcoder turns requests from JSON into protobuf. It has memory that it uses
// again for the next request, 640 KiB at most, and may be used by one goroutine
// at a time. The zero value is ready.
type Transcoder struct {
	r     json.Reader
	out   otlp.Builder
	bytes []byte // that were base64
}

// keptBytes is how much memory is kept from request to request: for what is
// written, and half of it for texts with escapes and for base64 each. A batch
// of 512 spans, the most that SDKs send unless told otherwise (OpenTelemetry
// specification, OTEL_BSP_MAX_EXPORT_BATCH_SIZE), is about 600 kB of JSON.
const keptBytes = 320 << 10

// Request transcodes an ExportTraceServiceRequest from JSON into protobuf, in
// which form otlp.ReadRequest takes it. What is returned is valid until the next
// call, and not longer than the text. The text is not kept and not changed. To
// begin with, all memory together is at most three and a half times the text.
// The error wraps otlp.ErrMalformed and a *json.Error that says where.
func (t *Transcoder) Request(text []byte) (request []byte, err error) {
	t.shrink()
	t.out.Reset()
	t.out.Grow(len(text) / 2) // as a rule protobuf is shorter than that
	t.r.Reset(text)
	t.message(ofRequest, 0)
	t.r.End()
	if err := t.r.Err(); err != nil {
		t.r.Reset(nil)
		return nil, fmt.Errorf("%w: JSON with %w", otlp.ErrMalformed, err)
	}
	t.r.Reset(nil)
	return t.out.Bytes(), nil
}

func (t *Transcoder) shrink() {
	if t.out.Cap() > keptBytes {
		t.out = otlp.Builder{}
	}
	t.r.Shrink(keptBytes / 2)
	if cap(t.bytes) > keptBytes/2 {
		t.bytes = nil
	}
}

// message reads an object and writes its fields into the message that is open.
func (t *Transcoder) message(k kind, depth int) {
	r := &t.r
	if depth > otlp.MaxDepth {
		r.Fail("messages nested too deep")
		return
	}
	var read, written uint32 // a bit for each field: 1 << number
	for ok := r.First('{', '}'); ok; ok = r.Next('}') {
		r.Peek()
		start := r.Offset()
		f := k.field(r.Key())
		if f.content <= deprecated {
			if f.content == deprecated {
				r.FailAt("spans in a deprecated field", start)
			}
			r.Skip()
			continue
		}
		bit := uint32(1) << f.number
		if read&bit != 0 {
			r.FailAt("a field that comes twice", start)
			return
		}
		read |= bit
		if r.Null() {
			continue
		}
		if k == ofAnyValue && written != 0 {
			r.FailAt("a second value", start)
			return
		}
		if t.field(f, k, depth) {
			written |= bit
		}
	}
	const ids = 1<<otlp.SpanTraceID | 1<<otlp.SpanSpanID
	if k == ofSpan && written&ids != ids {
		r.Fail("a span without its ids")
	}
}

// field reads a value and writes it as a field, and says whether it did so:
// zeros are left out, as protobuf has it.
func (t *Transcoder) field(f field, of kind, depth int) (written bool) {
	r, b := &t.r, &t.out
	number := int(f.number)
	// Of an AnyValue, which field is there says the type; a key is always written.
	keep := of == ofAnyValue || of == ofKeyValue
	var v uint64
	switch f.content {
	case message:
		if f.list {
			t.list(f, depth)
		} else {
			t.nested(f, depth)
		}
		return true
	case text:
		if f.list {
			for ok := r.First('[', ']'); ok; ok = r.Next(']') {
				b.Blob(number, r.Text())
			}
			return true
		}
		s := r.Text()
		if len(s) > 0 || keep {
			b.Blob(number, s)
			return true
		}
		return false
	case blob:
		b.Blob(number, t.base64())
		return true
	case double:
		b.Fixed64(number, r.Double())
		return true
	case traceID, spanID:
		return t.id(f, of)
	case fixed64s:
		if v = r.Unsigned(64); v != 0 {
			b.Fixed64(number, v)
		}
		return v != 0
	case fixed32s:
		if v = r.Unsigned(32); v != 0 {
			b.Fixed32(number, uint32(v))
		}
		return v != 0
	case boolean:
		if r.Truth() {
			v = 1
		}
	case int64s: // AnyInt is the only one
		i, bits, isDouble := anyInt(r)
		if isDouble {
			b.Fixed64(otlp.AnyDouble, bits)
			return true
		}
		v = uint64(i)
	case uint32s:
		v = r.Unsigned(32)
	case enum:
		v = uint64(enumNumber(r))
	case skipped, deprecated: // message has dealt with them
	}
	if v != 0 || keep {
		b.Varint(number, v)
		return true
	}
	return false
}

// list reads a list of objects and writes each as a field.
func (t *Transcoder) list(f field, depth int) {
	r := &t.r
	for ok := r.First('[', ']'); ok; ok = r.Next(']') {
		if f.kind == ofKeyValue && t.quick(int(f.number), depth) {
			continue
		}
		t.nested(f, depth)
	}
}

func (t *Transcoder) nested(f field, depth int) {
	m := t.out.Open(int(f.number), t.guess(f.kind))
	if f.kind == ofSpan || depth >= otlp.MaxDepth || !t.r.Null() {
		t.message(f.kind, depth+1)
	}
	t.out.Close(m)
}

// guess is how long a message will probably be.
func (t *Transcoder) guess(k kind) int {
	switch k {
	case ofResourceSpans, ofScopeSpans:
		return t.r.Len() / 3
	case ofSpan:
		return 512
	case ofResource:
		return 256
	default:
		return 64
	}
}

// id reads a trace or span id: hex, or an empty string where there is none.
func (t *Transcoder) id(f field, of kind) bool {
	r := &t.r
	start := r.Offset()
	s := r.Text()
	if len(s) == 0 {
		return false
	}
	size := 8
	if f.content == traceID {
		size = 16
	}
	if len(s) != 2*size {
		r.FailAt("an id that is not 16 hex digits, or 32 of a trace", start)
		return false
	}
	var id [16]byte
	bad, any := byte(0), byte(0)
	for i := range size {
		high, low := json.Unhex(s[2*i]), json.Unhex(s[2*i+1])
		bad |= high | low
		id[i] = high<<4 | low
		any |= id[i]
	}
	if bad > 15 {
		r.FailAt("an id that is not hex", start)
		return false
	}
	if any == 0 && of == ofSpan && f.number != otlp.SpanParentSpanID {
		r.FailAt("an id of zeros", start)
		return false
	}
	if f.content == traceID {
		t.out.TraceID(int(f.number), binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:]))
	} else {
		t.out.SpanID(int(f.number), binary.BigEndian.Uint64(id[:8]))
	}
	return true
}

// base64 reads bytes. They are valid until the next ones are read.
func (t *Transcoder) base64() []byte {
	start := t.r.Offset()
	s := t.r.Text()
	e := base64.StdEncoding
	if bytes.ContainsAny(s, "-_") {
		e = base64.URLEncoding
	}
	if len(s)%4 != 0 {
		e = e.WithPadding(base64.NoPadding)
	}
	var err error
	if t.bytes, err = e.AppendDecode(t.bytes[:0], s); err != nil {
		t.r.FailAt("bytes that are not base64", start)
	}
	return t.bytes
}
