package jaeger

import (
	"math/bits"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// slot is a place where a tag is kept that means something, until all tags of
// its list are known: their order says nothing, and the last of several counts.
type slot uint8

// The slots.
const (
	slotKind slot = iota
	slotError
	slotStatusCode
	slotStatusDescription
	slotHTTPCode
	slotHTTPMessage
	slotTraceState
	slotScopeName
	slotScopeVersion

	slotEvent

	slotServiceName
	slotHostname
	slotHostName
	slotJaegerVersion
	slotExporterVersion
	slotClientUUID

	slots
	noSlot = slots
)

// slotOf gives the slot for a key. The keys are those of contrib's
// pkg/translator/jaeger, and client-uuid that of jaeger-client-go.
func slotOf(of owner, key []byte) slot {
	switch of {
	case ofSpan:
		switch string(key) {
		case "span.kind":
			return slotKind
		case "error":
			return slotError
		case "otel.status_code":
			return slotStatusCode
		case "otel.status_description":
			return slotStatusDescription
		case "http.status_code":
			return slotHTTPCode
		case "http.status_message":
			return slotHTTPMessage
		case "w3c.tracestate":
			return slotTraceState
		case "otel.scope.name":
			return slotScopeName
		case "otel.scope.version":
			return slotScopeVersion
		}
	case ofLog:
		if string(key) == "event" {
			return slotEvent
		}
	case ofProcess:
		switch string(key) {
		case "service.name":
			return slotServiceName
		case "hostname":
			return slotHostname
		case "host.name":
			return slotHostName
		case "jaeger.version":
			return slotJaegerVersion
		case "opencensus.exporterversion":
			return slotExporterVersion
		case "client-uuid":
			return slotClientUUID
		}
	}
	return noSlot
}

// slotted are the tags of one list that have a slot.
type slotted struct {
	set  uint16 // a bit for each slot that holds a tag: 1 << slot
	tags [slots]Tag
}

func (l *slotted) clear() { l.set = 0 }

func (l *slotted) put(s slot, g *Tag) {
	l.tags[s] = *g
	l.set |= 1 << s
}

func (l *slotted) has(s slot) bool { return l.set>>s&1 != 0 }

// get is the tag in a slot, or nil.
func (l *slotted) get(s slot) *Tag {
	if !l.has(s) {
		return nil
	}
	return &l.tags[s]
}

// take is get, and takes the tag out, so that it is not written.
func (l *slotted) take(s slot) *Tag {
	g := l.get(s)
	l.set &^= 1 << s
	return g
}

// write appends the tags that have not been taken as attributes.
func (l *slotted) write(b *otlp.Builder, field int) {
	for set := l.set; set != 0; set &= set - 1 {
		l.tags[bits.TrailingZeros16(set)].write(b, field)
	}
}
