package jaeger

import (
	"strconv"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// meaning writes what a span's tags say about it that OTLP has fields for, and
// the rest of the tags that have a slot.
func (w *Writer) meaning() {
	l, b := &w.slots, w.to
	if l.set == 0 {
		return
	}
	kind := otlp.KindUnspecified
	if g := l.take(slotKind); g != nil {
		kind = kindOf(g.text())
		if kind != otlp.KindUnspecified {
			b.Varint(otlp.SpanKind, uint64(kind))
		}
	}
	if code, message := status(l, kind); code != otlp.StatusUnset || len(message) > 0 {
		m := b.Open(otlp.SpanStatus, 4+len(message))
		if len(message) > 0 {
			b.Text(otlp.StatusMessage, message)
		}
		b.Varint(otlp.StatusCode, code)
		b.Close(m)
	}
	if g := l.take(slotTraceState); g != nil {
		b.Text(otlp.SpanTraceState, g.text())
	}
	if g := l.take(slotScopeName); g != nil {
		w.scope.Name = g.text()
		if g := l.take(slotScopeVersion); g != nil {
			w.scope.Version = g.text()
		}
	}
	l.write(b, otlp.SpanAttributes)
}

func kindOf(s []byte) otlp.Kind {
	switch string(s) {
	case "client":
		return otlp.KindClient
	case "server":
		return otlp.KindServer
	case "producer":
		return otlp.KindProducer
	case "consumer":
		return otlp.KindConsumer
	case "internal":
		return otlp.KindInternal
	}
	return otlp.KindUnspecified
}

// status finds a span's status, as setInternalSpanStatus of contrib's translator
// does: error=true is the truth, then comes otel.status_code, then
// http.status_code. What has been used up is taken out.
func status(l *slotted, kind otlp.Kind) (code uint64, message []byte) {
	failed := false
	if g := l.get(slotError); g != nil && g.Type == TagBool && g.Bool {
		l.take(slotError)
		failed, code = true, otlp.StatusError
		if g := l.take(slotStatusDescription); g != nil {
			message = g.text()
		} else if g := l.get(slotHTTPMessage); g != nil {
			message = g.text()
		}
	}
	if g := l.take(slotStatusCode); g != nil {
		if !failed {
			code = statusOf(g.text())
			if g := l.take(slotStatusDescription); g != nil {
				message = g.text()
			}
		}
		return code, message
	}
	if g := l.get(slotHTTPCode); g != nil && !failed {
		code = httpStatus(g, kind)
		if g := l.get(slotHTTPMessage); g != nil && code != otlp.StatusUnset {
			message = g.text()
		}
	}
	return code, message
}

// statusOf takes OK and ERROR in any case.
func statusOf(s []byte) uint64 {
	var upper [5]byte
	if len(s) > len(upper) {
		return otlp.StatusUnset
	}
	for i, c := range s {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	switch string(upper[:len(s)]) {
	case "OK":
		return otlp.StatusOK
	case "ERROR":
		return otlp.StatusError
	}
	return otlp.StatusUnset
}

// httpStatus is the status of a span by its HTTP status, an integer or a string
// of one. What lies outside 100 to 398 is an error (399 too, by contrib's
// tracetranslator.StatusCodeFromHTTP), but 4xx is none of the server's.
func httpStatus(g *Tag, kind otlp.Kind) uint64 {
	code := g.Long
	switch g.Type {
	case TagLong:
	case TagString:
		n, err := strconv.ParseInt(string(g.Str), 10, 64)
		if err != nil {
			return otlp.StatusUnset
		}
		code = n
	default:
		return otlp.StatusUnset
	}
	if kind == otlp.KindServer && code >= 400 && code < 500 || code >= 100 && code < 399 {
		return otlp.StatusUnset
	}
	return otlp.StatusError
}
