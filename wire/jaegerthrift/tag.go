package jaegerthrift

import (
	"bytes"
	"unicode/utf8"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// tag is a Tag as it was read. Which of its values counts says vType alone:
// Node clients send them all, the others empty.
type tag struct {
	key    []byte
	str    []byte
	binary []byte
	double uint64 // its bits
	long   int64
	vType  TagType
	truth  bool
}

// unknownType is the value of a tag of a type that does not exist, as contrib's
// translator has it.
var unknownType = []byte(`<Unknown Jaeger TagType "<UNSET>">`)

func (t *Transcoder) tag(g *tag) {
	*g = tag{}
	r := &t.r
	have := fieldSet(0)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case tagKey:
			g.key = r.String()
		case tagVType:
			g.vType = TagType(r.I32())
		case tagVStr:
			g.str = r.String()
		case tagVDouble:
			g.double = r.Double()
		case tagVBool:
			g.truth = r.Bool()
		case tagVLong:
			g.long = r.I64()
		case tagVBinary:
			g.binary = r.String()
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, tagRequired, "a tag without key or type")
}

// text is the tag's value if it is a string, otherwise nothing, as in contrib's
// translator (pcommon.Value.Str).
func (g *tag) text() []byte {
	switch g.vType {
	case TagString:
		return g.str
	case TagBool, TagDouble, TagLong, TagBinary:
		return nil
	default:
		return unknownType
	}
}

// write appends the tag as an attribute.
func (g *tag) write(b *otlp.Builder, field int) {
	switch g.vType {
	case TagBool:
		b.BoolAttribute(field, g.key, g.truth)
	case TagLong:
		b.IntAttribute(field, g.key, g.long)
	case TagDouble:
		b.DoubleAttribute(field, g.key, g.double)
	case TagBinary:
		b.BytesAttribute(field, g.key, g.binary)
	default:
		b.StringAttribute(field, g.key, g.text())
	}
}

// owner is what a list of tags belongs to.
type owner uint8

const (
	ofSpan owner = iota
	ofLog
	ofProcess
)

// tags reads a list of tags and writes it as attributes into a field of the
// message that is open, except for those that have a slot. Of several tags with
// one key the last counts.
func (t *Transcoder) tags(b *otlp.Builder, field int, of owner) {
	t.slots.clear()
	t.attrs.begin()
	for n := t.r.Structs(); n > 0 && t.r.OK(); n-- {
		var g tag
		t.tag(&g)
		if s := slotOf(of, g.key); s != noSlot {
			t.slots.put(s, &g)
			continue
		}
		if !utf8.Valid(g.key) {
			g.key = bytes.ToValidUTF8(g.key, []byte("\uFFFD"))
		}
		t.attrs.add(b, g.key)
		g.write(b, field)
	}
	t.attrs.end(b)
}
