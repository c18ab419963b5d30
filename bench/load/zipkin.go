package load

import (
	"fmt"
	"time"
)

// The address of the process that reports to Zipkin.
const (
	zipkinPort = 8080
	zipkinIPv4 = "10.42.0.17"
)

// zipkinIP is zipkinIPv4 in bytes.
func zipkinIP() []byte { return []byte{10, 42, 0, 17} }

// zipkinTags are a span's attributes as Zipkin has them: all are strings.
func zipkinTags() (all []attribute) {
	for _, a := range tags() {
		all = append(all, attribute{a.key, fmt.Sprint(a.value)})
	}
	return all
}

// newZipkinJSON writes a list of spans in version 2 (openzipkin/zipkin-api,
// zipkin2-api.yaml).
func newZipkinJSON(client, spans int, now time.Time) *request {
	start := now.UnixMicro()
	var tags []byte
	for _, a := range zipkinTags() {
		tags = fmt.Appendf(tags, ",%s:%s", quoted(a.key), quoted(a.value.(string)))
	}
	span := fmt.Appendf(nil, `{"traceId":"%032d","id":"%016d","parentId":"%016d","kind":"SERVER","name":%s,"timestamp":%d,"duration":%d,`+
		`"localEndpoint":{"serviceName":%s,"ipv4":%q,"port":%d},"annotations":[{"timestamp":%d,"value":%s}],"tags":{%s}},`,
		0, 0, 0, quoted(spanName), start, spanTook.Microseconds(), quoted(service(client)), zipkinIPv4, zipkinPort,
		start+eventAfter.Microseconds(), quoted(eventName), tags[1:])
	r := &request{hex: true, count: spans, first: 1, size: len(span)}
	r.hexIDs(span)
	b := []byte{'['}
	for range spans {
		b = append(b, span...)
	}
	b[len(b)-1] = ']' // in place of the last comma
	r.bytes = b
	return r
}

// newZipkinProtobuf writes the same as a ListOfSpans (zipkin.proto).
func newZipkinProtobuf(client, spans int, now time.Time) *request {
	r := &request{count: spans}
	span := r.zipkinSpan(client, uint64(now.UnixMicro()))
	element := message(nil).bytes(1, span) // ListOfSpans.spans
	r.size = len(element)
	r.at = r.at.moved(r.size - len(span))
	for range spans {
		r.bytes = append(r.bytes, element...)
	}
	return r
}

// zipkinSpan is a Span that began so many microseconds after 1970.
func (r *request) zipkinSpan(client int, start uint64) (m message) {
	const server = 2
	m, r.at.high = m.room(1, 16)
	r.at.low = r.at.high + 8
	m, r.at.parent = m.room(2, 8)
	m, r.at.id = m.room(3, 8)
	m = m.varint(4, server).text(5, spanName).fixed64(6, start).varint(7, uint64(spanTook.Microseconds()))
	m = m.bytes(8, message(nil).text(1, service(client)).bytes(2, zipkinIP()).varint(4, zipkinPort))
	m = m.bytes(10, message(nil).fixed64(1, start+uint64(eventAfter.Microseconds())).text(2, eventName))
	for _, a := range zipkinTags() {
		m = m.bytes(11, message(nil).text(1, a.key).text(2, a.value.(string)))
	}
	return m
}
