package jaegerproto

import (
	"strconv"

	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/protobuf"
)

const (
	keyTagKey    = tagKey<<3 | protobuf.Bytes
	keyTagVType  = tagVType<<3 | protobuf.Varint
	keyTagVStr   = tagVStr<<3 | protobuf.Bytes
	keyTagVBool  = tagVBool<<3 | protobuf.Varint
	keyTagVInt64 = tagVInt64<<3 | protobuf.Varint
	keyTagDouble = tagVDouble<<3 | protobuf.Fixed64
	keyTagBinary = tagVBinary<<3 | protobuf.Bytes
)

// tag reads a KeyValue into g, which it uses, and has it written.
func (t *Transcoder) tag(msg []byte, g *jaeger.Tag) {
	var f protobuf.Field
	*g = jaeger.Tag{}
	kind := uint64(typeString)
	for len(msg) > 0 {
		msg = t.next(&f, msg)
		switch f.Key {
		case keyTagKey:
			g.Key = f.Data
		case keyTagVType:
			kind = uint64(uint32(f.Value)) // as an enum
		case keyTagVStr:
			g.Str = f.Data
		case keyTagVBool:
			g.Bool = f.Value != 0
		case keyTagVInt64:
			g.Long = int64(f.Value)
		case keyTagDouble:
			g.Double = f.Value
		case keyTagBinary:
			g.Binary = f.Data
		}
	}
	switch kind {
	case typeString:
		g.Type = jaeger.TagString
	case typeBool:
		g.Type = jaeger.TagBool
	case typeInt64:
		g.Type = jaeger.TagLong
	case typeDouble:
		g.Type = jaeger.TagDouble
	case typeBinary:
		g.Type = jaeger.TagBinary
	default: // as contrib's translator has it
		g.Type, g.Str = jaeger.TagString, []byte(`<Unknown Jaeger TagType "`+strconv.Itoa(int(int32(kind)))+`">`)
	}
	t.w.Tag(g)
}
