package jaeger

import "github.com/wayside-tracing/wayside/wire/otlp"

var (
	keyServiceName     = []byte("service.name")
	keyHostName        = []byte("host.name")
	keyExporterVersion = []byte("opencensus.exporterversion")
)

// BeginProcess begins with a process, of which its tags follow.
func (w *Writer) BeginProcess() {
	r := &w.out.Resource
	r.Reset()
	w.process, w.huge = r.Open(otlp.ResourceSpansResource, 256), false
	w.tags(ofProcess, r, otlp.ResourceAttributes)
}

// EndProcess ends it, with the service's name. uuid is the tag client-uuid if it
// is there, else nil.
func (w *Writer) EndProcess(service []byte) (uuid []byte) {
	b, l := w.to, &w.slots
	w.keys.End(b)
	if w.huge || len(service) > otlp.MaxResource {
		w.huge = true
		return nil
	}
	if len(service) > 0 && !l.has(slotServiceName) {
		b.StringAttribute(otlp.ResourceAttributes, keyServiceName, service)
	}
	if g := l.get(slotHostname); g != nil && !l.has(slotHostName) {
		g.Key = keyHostName
	}
	if g := l.get(slotJaegerVersion); g != nil && !l.has(slotExporterVersion) {
		w.version = append(append(w.version[:0], "Jaeger-"...), g.text()...)
		*g = Tag{Key: keyExporterVersion, Type: TagString, Str: w.version}
	}
	if g := l.get(slotClientUUID); g != nil && g.Type == TagString {
		uuid = g.Str
	}
	l.write(b, otlp.ResourceAttributes)
	b.Close(w.process)
	return uuid
}
