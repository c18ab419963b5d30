package jaeger

import (
	"bytes"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// TagType is the type of a tag's value.
type TagType int32

// The types of a tag's value, numbered as in jaeger.thrift (enum TagType);
// protobuf numbers them differently.
const (
	TagString TagType = 0
	TagDouble TagType = 1
	TagBool   TagType = 2
	TagLong   TagType = 3
	TagBinary TagType = 4
)

// Tag is a tag as it was read. Which of its values counts says Type alone:
// Node clients send them all, the others empty.
type Tag struct {
	Key    []byte
	Str    []byte
	Binary []byte
	Double uint64 // its bits
	Long   int64
	Type   TagType
	Bool   bool
}

// unknownType is the value of a tag of a type that does not exist, as contrib's
// translator has it.
var unknownType = []byte(`<Unknown Jaeger TagType "<UNSET>">`)

// text is the tag's value if it is a string, otherwise nothing, as in contrib's
// translator (pcommon.Value.Str).
func (g *Tag) text() []byte {
	switch g.Type {
	case TagString:
		return g.Str
	case TagBool, TagDouble, TagLong, TagBinary:
		return nil
	default:
		return unknownType
	}
}

// write appends the tag as an attribute.
func (g *Tag) write(b *otlp.Builder, field int) {
	switch g.Type {
	case TagBool:
		b.BoolAttribute(field, g.Key, g.Bool)
	case TagLong:
		b.IntAttribute(field, g.Key, g.Long)
	case TagDouble:
		b.DoubleAttribute(field, g.Key, g.Double)
	case TagBinary:
		b.BytesAttribute(field, g.Key, g.Binary)
	default:
		b.StringAttribute(field, g.Key, g.text())
	}
}

// owner is what a list of tags belongs to.
type owner uint8

const (
	ofSpan owner = iota
	ofLog
	ofProcess
)

// BeginTags begins with the tags of the span.
func (w *Writer) BeginTags() { w.tags(ofSpan, &w.out.Builder, otlp.SpanAttributes) }

// EndTags ends with them.
func (w *Writer) EndTags() {
	w.keys.End(w.to)
	w.meaning()
}

// tags begins with tags that go into a field of the message that is open.
func (w *Writer) tags(of owner, to *otlp.Builder, field int) {
	w.slots.clear()
	w.keys.Begin()
	w.owner, w.to, w.field = of, to, field
	w.limit = otlp.MaxResource
	if of != ofProcess {
		w.limit = w.start + otlp.MaxFrame
	}
}

// Tag writes a tag as an attribute, except if it has a slot. Of several tags
// with one key the last counts. g is not kept, but what its slices point to is.
func (w *Writer) Tag(g *Tag) {
	if w.full(g) {
		return
	}
	if s := slotOf(w.owner, g.Key); s != noSlot {
		w.slots.put(s, g)
		w.limit -= len(g.Str) + len(g.Binary)
		return
	}
	if !otlp.Valid(g.Key) {
		g.Key = bytes.ToValidUTF8(g.Key, []byte("\uFFFD"))
	}
	w.keys.Add(w.to, g.Key)
	g.write(w.to, w.field)
}

// full says that a tag has no room where tags go: it leads to more than fits
// into a frame. So what is held of a batch stays small, whatever is in it.
func (w *Writer) full(g *Tag) bool {
	if w.to.Len()+len(g.Key)+len(g.Str)+len(g.Binary) <= w.limit {
		return false
	}
	if w.owner == ofProcess {
		w.huge = true
	} else {
		w.over = true
	}
	return true
}
