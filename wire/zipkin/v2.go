package zipkin

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// v2 is what a span in version 2 has beside what all have. What its tags mean is
// as in contrib's zipkinv2/to_translator.go.
type v2 struct {
	local, remote endpoint
	resource      []text // tags: those that tell of the resource, in the order in which they came
	links         links
}

// text is a tag with a text.
type text struct{ key, value []byte }

// noServiceName is what contrib's exporter sends where there is no service name
// (internal/coreinternal/tracetranslator, ResourceNoServiceName).
const noServiceName = "OTLPResourceNoServiceName"

// textMemory is what a text takes beside its bytes, in bytes: more than as an
// attribute.
const textMemory = 48

// openV2 starts a span of version 2.
func (t *Transcoder) openV2() {
	t.open()
	v := &t.v2
	v.local, v.remote = endpoint{}, endpoint{}
	v.resource = v.resource[:0]
	v.links.clear()
}

// tag takes a tag in, and writes it as an attribute unless it means something.
func (t *Transcoder) tag(key, value []byte) {
	if t.full() {
		return
	}
	g := tag{key: key, text: value}
	switch s := slotV2(key); {
	case s == slotResource:
		t.v2.resource = append(t.v2.resource, text{key, value})
		t.apart += len(key) + len(value) + textMemory
	case s != noSlot:
		t.held.put(s, &g)
	case t.v2.links.put(key, value):
	default:
		t.attribute(&g)
	}
}

func slotV2(key []byte) slot {
	switch string(key) {
	case "span.kind":
		return slotKind
	case "error":
		return slotError
	case "otel.status_code":
		return slotStatusCode
	case "otel.status_description":
		return slotStatusDescription
	case "w3c.tracestate":
		return slotTraceState
	case "otel.scope.name":
		return slotScopeName
	case "otel.scope.version":
		return slotScopeVersion
	case "otel.library.name":
		return slotLibraryName
	case "otel.library.version":
		return slotLibraryVersion
	case "otlp.service.name.source":
		return slotNameSource
	case "network.local.address":
		return slotLocalAddress
	case "net.host.port":
		return slotLocalPort
	case "service.peer.name":
		return slotPeerName
	case "network.peer.address":
		return slotPeerAddress
	case "net.peer.port":
		return slotPeerPort
	case absentStart:
		return slotAbsentStart
	}
	if ofResource(key) {
		return slotResource
	}
	return noSlot
}

var (
	keyLocalAddress = []byte("network.local.address")
	keyLocalPort    = []byte("net.host.port")
	keyPeerName     = []byte("service.peer.name")
	keyPeerAddress  = []byte("network.peer.address")
	keyPeerPort     = []byte("net.peer.port")
)

// endV2 completes a span of version 2.
func (t *Transcoder) endV2() {
	b, v, s, l := &t.out.Builder, &t.v2, &t.span, &t.held
	if s.impossible() {
		t.bad()
		return
	}
	if s.kind == otlp.KindUnspecified && string(l.take(slotKind)) == "internal" {
		s.kind = otlp.KindInternal
	}
	if s.parent == s.id {
		s.parent = 0
	}
	t.statusV2()
	if l.has(slotTraceState) {
		b.Text(otlp.SpanTraceState, l.take(slotTraceState))
	}
	t.writeLinks()
	t.scopeV2()
	t.resourceV2()

	t.address(slotLocalAddress, keyLocalAddress, v.local.address())
	t.port(slotLocalPort, keyLocalPort, v.local.port)
	if len(v.remote.service) > 0 {
		t.own(slotPeerName, &tag{key: keyPeerName, text: v.remote.service})
	}
	t.address(slotPeerAddress, keyPeerAddress, v.remote.address())
	t.port(slotPeerPort, keyPeerPort, v.remote.port)
	if s.start == 0 {
		t.noStart()
	}
	l.write(b)
	// As in contrib, what is too large wraps around.
	t.finish(uint64(s.start)*1000, uint64(s.start+s.duration)*1000)
	t.place()
}

func (t *Transcoder) address(s slot, key []byte, a netip.Addr) {
	if a.IsValid() {
		t.own(s, &tag{key: key, text: t.write(a.AppendTo)})
	}
}

func (t *Transcoder) port(s slot, key []byte, port uint16) {
	if port > 0 {
		t.own(s, &tag{key: key, kind: ofInt, number: uint64(port)})
	}
}

// statusV2 writes the status: an error of whatever text is one, and stays a tag
// unless it says no more than that.
func (t *Transcoder) statusV2() {
	l := &t.held
	var code int64
	var message []byte
	if l.has(slotStatusCode) {
		code = max(statusWord(l.take(slotStatusCode)), otlp.StatusUnset)
		message = l.take(slotStatusDescription)
	}
	if l.has(slotError) {
		code = otlp.StatusError
		if string(l.get(slotError)) == "true" {
			l.take(slotError)
		}
	}
	t.status(code, message)
}

// scopeV2 makes the scope. otel.library is what it was called before.
func (t *Transcoder) scopeV2() {
	name, version := t.held.take(slotLibraryName), t.held.take(slotLibraryVersion)
	if t.held.has(slotScopeName) {
		name = t.held.take(slotScopeName)
	}
	if t.held.has(slotScopeVersion) {
		version = t.held.take(slotScopeVersion)
	}
	if len(name) == 0 && len(version) == 0 {
		return
	}
	b := &t.scope
	m := b.Open(otlp.ScopeSpansScope, len(name)+len(version))
	b.Text(otlp.ScopeName, name)
	b.Text(otlp.ScopeVersion, version)
	b.Close(m)
}

// resourceV2 makes the resource, of the service's name and the tags that tell of
// it, which come last and so count.
func (t *Transcoder) resourceV2() {
	b, v := &t.resource, &t.v2
	service := v.local.service
	if string(service) == noServiceName {
		service = nil
	}
	key := keyServiceName
	if source := t.held.take(slotNameSource); len(source) > 0 {
		key = valid(source)
	}
	if len(service) == 0 && len(v.resource) == 0 {
		return
	}
	m := b.Open(otlp.ResourceSpansResource, 64)
	t.keys.Begin()
	if len(service) > 0 {
		t.keys.Add(b, key)
		b.StringAttribute(otlp.ResourceAttributes, key, service)
	}
	for i := range v.resource {
		g := &v.resource[i]
		t.keys.Add(b, g.key)
		b.StringAttribute(otlp.ResourceAttributes, g.key, g.value)
	}
	t.keys.End(b)
	b.Close(m)
}

// event writes an annotation as an event. One that contrib's exporter made of an
// event has attributes: name|{JSON}|how many were dropped.
func (t *Transcoder) event(us int64, value []byte) {
	if t.full() {
		return
	}
	b := &t.out.Builder
	start := b.Len()
	m := b.Open(otlp.SpanEvents, 16+len(value))
	b.Fixed64(otlp.EventTime, uint64(us)*1000)
	if name, text, dropped, ok := cutEvent(value); ok {
		b.Text(otlp.EventName, name)
		if t.attributes(otlp.EventAttributes, text) {
			if dropped > 0 {
				b.Varint(otlp.EventDroppedAttributes, dropped)
			}
			b.Close(m)
			return
		}
		b.Truncate(start)
		m = b.Open(otlp.SpanEvents, 16+len(value))
		b.Fixed64(otlp.EventTime, uint64(us)*1000)
	}
	b.Text(otlp.EventName, value)
	b.Close(m)
}

func cutEvent(value []byte) (name, text []byte, dropped uint64, ok bool) {
	name, rest, ok := bytes.Cut(value, bar)
	if !ok {
		return nil, nil, 0, false
	}
	text, dropped, ok = cutDropped(rest)
	return name, text, dropped, ok
}

var bar = []byte{'|'}

// cutDropped cuts the number of dropped attributes off.
func cutDropped(s []byte) (text []byte, dropped uint64, ok bool) {
	at := bytes.LastIndexByte(s, '|')
	if at < 0 || len(s)-at-1 > len("4294967295") {
		return nil, 0, false
	}
	digits := s[at+1:]
	for _, c := range digits {
		if c-'0' > 9 {
			return nil, 0, false
		}
	}
	dropped, err := strconv.ParseUint(string(digits), 10, 32)
	return s[:at], dropped, err == nil
}
