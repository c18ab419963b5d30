package load

import (
	"encoding/binary"
	"fmt"
	"time"
)

// zipkinPackets encodes one emitZipkinBatch message for each client, all of the
// same length. Its spans are the ones of newZipkinJSON.
func zipkinPackets(now time.Time) []*packet {
	made := make([]*packet, clients)
	for i := range made {
		made[i] = zipkinPacket(i, now)
	}
	return made
}

// zipkinPacket writes emitZipkinBatch(list<Span>) (agent.thrift,
// zipkincore.thrift) in the compact protocol.
func zipkinPacket(client int, now time.Time) *packet {
	p := new(packet)
	w := &writer{b: append([]byte{0x82, 0x21, 1, 15}, "emitZipkinBatch"...)}
	w.open()
	w.list(1, SpansPerPacket)
	for range SpansPerPacket {
		p.spans = append(p.spans, w.zipkinSpan(client, now))
	}
	w.close()
	p.bytes = w.b
	return p
}

// zipkinSpan is a server's: it received, and it sent.
func (w *writer) zipkinSpan(client int, now time.Time) (at spanAt) {
	start := now.UnixMicro()
	w.open()
	at.traceLow = w.id(1)
	w.string(3, spanName)
	at.id, at.parent = w.id(4), w.id(5)
	w.list(6, 3)
	w.annotation(client, "sr", start)
	w.annotation(client, eventName, start+eventAfter.Microseconds())
	w.annotation(client, "ss", start+spanTook.Microseconds())
	w.list(8, len(tags()))
	for _, a := range tags() {
		w.binaryAnnotation(client, a)
	}
	w.i64(10, start)
	w.i64(11, spanTook.Microseconds())
	at.traceHigh = w.id(12)
	w.close()
	return at
}

func (w *writer) annotation(client int, value string, at int64) {
	w.open()
	w.i64(1, at)
	w.string(2, value)
	w.host(3, client)
	w.close()
}

// binaryAnnotation has the types BOOL 0, I64 4 and STRING 6. What is a float goes
// as text, as Jaeger's clients sent it.
func (w *writer) binaryAnnotation(client int, a attribute) {
	var value string
	var typ int32
	switch v := a.value.(type) {
	case bool:
		value, typ = "\x01", 0
	case int:
		value, typ = string(binary.BigEndian.AppendUint64(nil, uint64(v))), 4
	default:
		value, typ = fmt.Sprint(v), 6
	}
	w.open()
	w.string(1, a.key)
	w.string(2, value)
	w.i32(3, typ)
	w.host(4, client)
	w.close()
}

// host is an Endpoint.
func (w *writer) host(id byte, client int) {
	w.field(id, typeStruct)
	w.open()
	w.i32(1, int32(binary.BigEndian.Uint32(zipkinIP())))
	w.i16(2, zipkinPort)
	w.string(3, service(client))
	w.close()
}
