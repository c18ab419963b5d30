package load

import (
	"fmt"
	"math"
	"time"
)

// newJaeger writes a PostSpansRequest (jaeger-idl, proto/api_v2/collector.proto,
// model.proto) with the spans of newProtobuf, as exporters send it: the parent is
// a reference, kind and event name are tags.
func newJaeger(client, spans int, now time.Time) *request {
	r := &request{count: spans}
	span := r.jaegerSpan(now)
	element := message(nil).bytes(1, span) // Batch.spans
	r.size = len(element)
	r.at = r.at.moved(r.size - len(span))

	all := resource(client)
	process := message(nil).text(1, all[0].value.(string)).keyValues(2, all[1:])
	process = message(nil).bytes(2, process) // Batch.process
	b := message(nil).head(1, spans*r.size+len(process))
	r.first = len(b)
	for range spans {
		b = append(b, element...)
	}
	r.bytes = append(b, process...)
	return r
}

func (r *request) jaegerSpan(start time.Time) (m message) {
	m, r.at.high = m.room(1, 16)
	r.at.low = r.at.high + 8
	m, r.at.id = m.room(2, 8)
	m = m.text(3, spanName)
	ref, again := message(nil).room(1, 16)
	ref, parent := ref.room(2, 8) // of type CHILD_OF, which is 0
	m = m.bytes(4, ref)
	at := len(m) - len(ref)
	r.at.again, r.at.parent = at+again, at+parent
	m = m.varint(5, 1).bytes(6, timestamp(start)).bytes(7, message(nil).varint(2, uint64(spanTook)))
	m = m.keyValues(8, append([]attribute{{"span.kind", "server"}}, tags()...))
	log := message(nil).bytes(1, timestamp(start.Add(eventAfter))).keyValues(2, append([]attribute{{"event", eventName}}, eventTags()...))
	return m.bytes(9, log)
}

// timestamp is a google.protobuf.Timestamp.
func timestamp(t time.Time) message {
	return message(nil).varint(1, uint64(t.Unix())).varint(2, uint64(t.Nanosecond()))
}

// keyValues appends each as a KeyValue (model.proto).
func (m message) keyValues(field int, all []attribute) message {
	for _, a := range all {
		one := message(nil).text(1, a.key)
		switch v := a.value.(type) {
		case string:
			one = one.text(3, v) // its type, STRING, is 0
		case bool:
			one = one.varint(2, 1).varint(4, 1)
		case int:
			one = one.varint(2, 2).varint(5, uint64(v))
		case float64:
			one = one.varint(2, 3).fixed64(6, math.Float64bits(v))
		default:
			panic(fmt.Sprintf("load: tag %s is a %T", a.key, v))
		}
		m = m.bytes(field, one)
	}
	return m
}
