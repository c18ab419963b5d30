package jaegerthrift

import (
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

var (
	keyServiceName     = []byte("service.name")
	keyHostName        = []byte("host.name")
	keyExporterVersion = []byte("opencensus.exporterversion")
)

// process reads a Process and writes the Resource.
func (t *Transcoder) process() {
	r, b := &t.r, &t.out.resource
	m := b.Open(otlp.ResourceSpansResource, 256)
	t.slots.clear()
	var service []byte
	have := fieldSet(0)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case processServiceName:
			service = r.String()
		case processTags:
			t.once(have&bit(f) != 0)
			t.tags(b, otlp.ResourceAttributes, ofProcess)
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, processRequired, "a process without a name")

	l := &t.slots
	if len(service) > 0 && !l.has(slotServiceName) {
		b.StringAttribute(otlp.ResourceAttributes, keyServiceName, service)
	}
	if g := l.get(slotHostname); g != nil && !l.has(slotHostName) {
		g.key = keyHostName
	}
	if g := l.get(slotJaegerVersion); g != nil && !l.has(slotExporterVersion) {
		t.version = append(append(t.version[:0], "Jaeger-"...), g.text()...)
		*g = tag{key: keyExporterVersion, vType: TagString, str: t.version}
	}
	if g := l.get(slotClientUUID); g != nil && g.vType == TagString {
		t.result.ClientUUID = g.str
	}
	l.write(b, otlp.ResourceAttributes)
	b.Close(m)
}
