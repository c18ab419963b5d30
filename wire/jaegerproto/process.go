package jaegerproto

import (
	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/protobuf"
)

const (
	keySpanProcess = spanProcess<<3 | protobuf.Bytes

	keyProcessServiceName = processServiceName<<3 | protobuf.Bytes
	keyProcessTags        = processTags<<3 | protobuf.Bytes
)

// noServiceName is what OpenTelemetry calls a process that has no name, since
// Jaeger demands one (contrib, internal/coreinternal/tracetranslator).
const noServiceName = "OTLPResourceNoServiceName"

func named(service []byte) []byte {
	if string(service) == noServiceName {
		return nil
	}
	return service
}

// process reads a Process, or a piece of one, and returns the service's name,
// which is the one before if it has none.
func (t *Transcoder) process(msg, before []byte) (service []byte) {
	var f protobuf.Field
	var g jaeger.Tag
	service = before
	for len(msg) > 0 {
		msg = t.next(&f, msg)
		switch f.Key {
		case keyProcessServiceName:
			service = f.Data
		case keyProcessTags:
			t.tag(f.Data, &g)
		}
	}
	return service
}

// ownProcess is the last piece of a span's own process, and the number of pieces:
// 0 if it has none.
func (t *Transcoder) ownProcess(span []byte) (last []byte, pieces int) {
	var f protobuf.Field
	for len(span) > 0 {
		span = t.next(&f, span)
		if f.Key == keySpanProcess {
			last = f.Data
			pieces++
		}
	}
	return last, pieces
}

// spanProcess writes a span's own process.
func (t *Transcoder) spanProcess(span []byte) {
	var f protobuf.Field
	var service []byte
	t.w.BeginProcess()
	for len(span) > 0 {
		span = t.next(&f, span)
		if f.Key == keySpanProcess {
			service = t.process(f.Data, service)
		}
	}
	t.w.EndProcess(named(service))
}
