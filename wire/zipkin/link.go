package zipkin

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"

	"github.com/wayside-tracing/wayside/wire/json"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// maxLinks is how many links contrib takes of a span.
const maxLinks = 128

// links are the tags that links were made of by contrib's exporter:
//
//	otlp.link.0: trace id|span id|trace state|{JSON}|how many attributes were dropped
type links struct {
	set    [maxLinks / 64]uint64
	values [maxLinks][]byte
}

func (l *links) clear() { l.set = [maxLinks / 64]uint64{} }

func (l *links) has(i int) bool { return l.set[i/64]>>(i%64)&1 != 0 }

const linkPrefix = "otlp.link."

// put keeps a tag that is one of them.
func (l *links) put(key, value []byte) bool {
	if !bytes.HasPrefix(key, []byte(linkPrefix)) {
		return false
	}
	n := key[len(linkPrefix):]
	i := 0
	for _, c := range n {
		i = i*10 + int(c-'0')
		if c-'0' > 9 || i >= maxLinks {
			return false
		}
	}
	if len(n) == 0 || n[0] == '0' && len(n) > 1 {
		return false
	}
	l.values[i] = value
	l.set[i/64] |= 1 << (i % 64)
	return true
}

// writeLinks writes them, as far as they are numbered without a gap. One that
// can't be read stays a tag.
func (t *Transcoder) writeLinks() {
	l := &t.v2.links
	gap := false
	for word, set := range l.set {
		for ; set != 0; set &= set - 1 {
			i := word*64 + bits.TrailingZeros64(set)
			gap = gap || i > 0 && !l.has(i-1)
			if gap || !t.link(l.values[i]) {
				key := t.write(func(p []byte) []byte { return strconv.AppendInt(append(p, linkPrefix...), int64(i), 10) })
				t.out.StringAttribute(otlp.SpanAttributes, key, l.values[i])
			}
		}
	}
}

// link writes one link, or nothing if it can't be read.
func (t *Transcoder) link(value []byte) bool {
	trace, rest, _ := bytes.Cut(value, bar)
	span, rest, _ := bytes.Cut(rest, bar)
	state, rest, ok := bytes.Cut(rest, bar)
	if !ok {
		return false
	}
	text, dropped, ok := cutDropped(rest)
	if !ok {
		return false
	}
	var id [24]byte
	if !unhex(id[:16], trace) || !unhex(id[16:], span) {
		return false
	}
	high, low := binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(id[8:])
	spanID := binary.BigEndian.Uint64(id[16:])
	if high|low == 0 || spanID == 0 {
		return false
	}
	b := &t.out.Builder
	start := b.Len()
	m := b.Open(otlp.SpanLinks, len(value))
	b.TraceID(otlp.LinkTraceID, high, low)
	b.SpanID(otlp.LinkSpanID, spanID)
	if len(state) > 0 {
		b.Text(otlp.LinkTraceState, state)
	}
	if !t.attributes(otlp.LinkAttributes, text) {
		b.Truncate(start)
		return false
	}
	if dropped > 0 {
		b.Varint(otlp.LinkDroppedAttributes, dropped)
	}
	b.Close(m)
	return true
}

// unhex reads an id of hex digits, with quotes around it or without.
func unhex(id, s []byte) bool {
	if n := len(s); n >= 2 && s[0] == '"' && s[n-1] == '"' {
		s = s[1 : n-1]
	}
	if len(s) != 2*len(id) {
		return false
	}
	bad := byte(0)
	for i := range id {
		high, low := json.Unhex(s[2*i]), json.Unhex(s[2*i+1])
		bad |= high | low
		id[i] = high<<4 | low
	}
	return bad <= 15
}

// attributes writes a JSON object as attributes into a field of the message that
// is open, and says whether it is one. Lists and objects in it are left out, as
// in contrib.
func (t *Transcoder) attributes(field int, text []byte) bool {
	r, b := &t.inner, &t.out.Builder
	r.ResetLoose(text)
	if r.Null() {
		r.End()
		return r.OK()
	}
	t.keys.Begin()
	for ok := r.First('{', '}'); ok; ok = r.Next('}') {
		g := tag{key: r.Key()}
		if r.Escaped() {
			g.key = t.keep(g.key)
		}
		switch r.Peek() {
		case '"':
			g.text = r.Text()
		case 't', 'f':
			g.kind = ofBool
			if r.Truth() {
				g.number = 1
			}
		case 'n', '{', '[':
			r.Skip()
			continue
		default:
			g.setNumber(r.Literal())
		}
		if !r.OK() {
			break
		}
		g.key = valid(g.key)
		t.keys.Add(b, g.key)
		g.write(b, field)
	}
	t.keys.End(b)
	r.End()
	return r.OK()
}

// setNumber sets the value to a number of JSON: an integer where it is whole,
// and no larger than those are.
func (g *tag) setNumber(literal []byte) {
	if v, ok := json.Signed(literal, 64); ok {
		g.kind, g.number = ofInt, uint64(v)
		return
	}
	v, err := strconv.ParseFloat(string(literal), 64)
	if err != nil { // over the largest double; as text nothing is lost
		g.text = literal
		return
	}
	g.kind, g.number = ofDouble, math.Float64bits(v)
}
