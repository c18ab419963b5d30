package jaegerthrift

import (
	"encoding/binary"

	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// tag reads a Tag.
func (t *Transcoder) tag(g *jaeger.Tag) {
	r := &t.r
	if t.compact {
		if n := quick(g, r.Rest()); n > 0 {
			r.Advance(n)
			return
		}
	}
	*g = jaeger.Tag{}
	have := fieldSet(0)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case tagKey:
			g.Key = r.String()
		case tagVType:
			g.Type = TagType(r.I32())
		case tagVStr:
			g.Str = r.String()
		case tagVDouble:
			g.Double = r.Double()
		case tagVBool:
			g.Bool = r.Bool()
		case tagVLong:
			g.Long = r.I64()
		case tagVBinary:
			g.Binary = r.String()
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, tagRequired, "a tag without key or type")
}

// Headers of a Tag's fields in compact, difference of ids << 4 | compact type,
// where the key comes first, then the type, then the one value.
const (
	quickKey    = 1<<4 | 8
	quickVType  = 1<<4 | 5
	quickString = 1<<4 | 8
	quickDouble = 2<<4 | 7
	quickTrue   = 3<<4 | 1
	quickFalse  = 3<<4 | 2
	quickLong   = 4<<4 | 6
)

// quick reads a tag of which p starts, if it is one as nearly all are: written
// in compact, in the order of the ids, with short strings. It returns the
// tag's length in bytes, or 0 for any other, of which it then says nothing.
//
// Tags are most of a packet: this takes a span of ten tags from 640 ns to 415.
func quick(g *jaeger.Tag, p []byte) int {
	if len(p) < 2 || p[0] != quickKey || p[1] >= 0x80 {
		return 0
	}
	i := 2 + int(p[1])
	if len(p) < i+4 || p[i] != quickVType {
		return 0
	}
	g.Key = p[2:i:i]
	vType, head := p[i+1], p[i+2]
	i += 3
	switch {
	case vType == byte(TagString)<<1 && head == quickString:
		end := i + 1 + int(p[i])
		if p[i] >= 0x80 || end > len(p) {
			return 0
		}
		g.Str = p[i+1 : end : end]
		i = end
	case vType == byte(TagLong)<<1 && head == quickLong:
		v, n := binary.Varint(p[i:])
		if n <= 0 {
			return 0
		}
		g.Long = v
		i += n
	case vType == byte(TagBool)<<1 && (head == quickTrue || head == quickFalse):
		g.Bool = head == quickTrue
	case vType == byte(TagDouble)<<1 && head == quickDouble && len(p) > i+8:
		g.Double = binary.LittleEndian.Uint64(p[i:])
		i += 8
	default:
		return 0
	}
	if i >= len(p) || p[i] != byte(thrift.Stop) {
		return 0
	}
	g.Type = TagType(vType >> 1)
	return i + 1
}

// tags reads a list of tags.
func (t *Transcoder) tags() {
	var g jaeger.Tag
	for n := t.r.Structs(); n > 0 && t.r.OK(); n-- {
		t.tag(&g)
		t.w.Tag(&g)
	}
}
