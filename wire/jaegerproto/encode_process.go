package jaegerproto

import (
	"bytes"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// jaegerVersion is how the version of a Jaeger client begins where its
// process has become a resource (keyExporterVersion).
var jaegerVersion = []byte("Jaeger-")

// resource makes the process of a ResourceSpans.
//
// What a Jaeger client has said of itself is said in its own words again: its
// jaeger.version and hostname, which are other attributes in a resource.
func (e *Encoder) resource(rs []byte) {
	msg, whole := e.merge(rs, otlp.ResourceSpansResource)
	if whole && same(msg, e.ofResource) {
		return
	}
	e.ofResource = nil
	if whole {
		e.ofResource = msg
	}
	attributes := otlp.AttributesIn(msg, otlp.ResourceAttributes)
	var name []byte
	client, hostname := false, false
	for key, v := range attributes.All() {
		switch string(key) {
		case "service.name":
			if name == nil && v.Type == otlp.AnyString {
				name = v.Bytes
			}
		case "opencensus.exporterversion":
			client = client || v.Type == otlp.AnyString && bytes.HasPrefix(v.Bytes, jaegerVersion)
		case "hostname":
			hostname = true
		}
	}
	b := &e.process
	b.Reset()
	m := b.Open(spanProcess, len(rs)) // a guess: nothing is moved if it is wrong by a byte
	if len(name) > 0 {
		b.Blob(processServiceName, name)
	}
	for key, v := range attributes.All() {
		isText := v.Type == otlp.AnyString
		switch k := string(key); {
		case k == "service.name" && isText:
			continue
		case k == "opencensus.exporterversion" && isText && bytes.HasPrefix(v.Bytes, jaegerVersion):
			key, v.Bytes = keyJaegerVersion, v.Bytes[len(jaegerVersion):]
		case k == "host.name" && client && !hostname:
			key = keyHostname
		}
		e.tag(b, processTags, key, v)
	}
	b.Close(m)
}

// merge is the message that stands in a field. If it stands there several
// times, it is what all of them are put end to end (protobuf.dev, "Last One
// Wins"). whole says that it is part of msg, and not of memory that is used again.
func (e *Encoder) merge(msg []byte, field int) (merged []byte, whole bool) {
	n := 0
	for f, rest, ok := otlp.Next(msg); ok; f, rest, ok = otlp.Next(rest) {
		if f.Number != field {
			continue
		}
		switch n++; n {
		case 1:
			merged = f.Data
		case 2:
			e.merged = append(append(e.merged[:0], merged...), f.Data...)
			merged = e.merged
		default:
			e.merged = append(e.merged, f.Data...)
			merged = e.merged
		}
	}
	return merged, n <= 1
}
