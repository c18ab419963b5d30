package zipkin

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"
)

type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 9411))} }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// one is true one time in n.
func (g generator) one(n int) bool { return g.IntN(n) == 0 }

func (g generator) some(n int) int { return g.IntN(n + 1) }

func (g generator) word() string {
	return pick(g, "", "get", "日本語", "a\nb\"c\\d", "http.path", "x", "/a/b?c=d&e", "😀", "0", "true", "404", "500", "k", "sql.query",
		"a string that is longer than one byte of length can tell, so that what is in front of it has to make room for a second one, of course")
}

func (g generator) dirty() string {
	if g.one(20) {
		return pick(g, "\xff", "ok\xf0\x9f\x98", "\x80mid\x80\x81dle")
	}
	return g.word()
}

func (g generator) time() int64 {
	return pick(g, 1_700_000_000_000_000+g.Int64N(second*10), 1_700_000_000_000_000+g.Int64N(second*10), 0, -1, 1, g.Int64())
}

func (g generator) endpoint() *zipkincore.Endpoint {
	if g.one(4) {
		return nil
	}
	e := &zipkincore.Endpoint{ServiceName: pick(g, "shop", "bank", "shop", "", "unknown-service", g.dirty())}
	if g.one(2) {
		e.Ipv4 = int32(g.Uint32())
	}
	if g.one(2) {
		e.Port = pick[int16](g, 80, 0, -1, -25536, int16(g.Uint32()))
	}
	if g.one(4) {
		e.Ipv6 = make([]byte, pick(g, 16, 16, 16, 4, 5))
		for i := range e.Ipv6 {
			e.Ipv6[i] = pick[byte](g, 0, 0, byte(g.Uint32()))
		}
	}
	return e
}

func (g generator) v1() (m request) {
	for i := range g.some(6) {
		s := &zipkincore.Span{
			TraceID: pick(g, g.Int64(), 0, 5), Name: g.dirty(), ID: int64(i + 1), Debug: g.one(2),
		}
		if g.one(30) {
			s.ID = 0
		}
		if g.one(2) {
			s.TraceIDHigh = new(pick(g, g.Int64(), 0))
		}
		if g.one(2) {
			s.ParentID = new(pick(g, g.Int64(), 0))
		}
		if !g.one(3) {
			s.Timestamp = new(g.time())
		}
		if !g.one(3) {
			s.Duration = new(pick(g, g.Int64N(second), 0, -5))
		}
		for range g.some(5) {
			s.Annotations = append(s.Annotations, &zipkincore.Annotation{
				Timestamp: g.time(), Host: g.endpoint(),
				Value: pick(g, "cs", "cr", "sr", "ss", "ms", "mr", "", g.dirty(), g.dirty()),
			})
		}
		typed := g.one(2)
		for range g.some(7) {
			s.BinaryAnnotations = append(s.BinaryAnnotations, g.binary(typed))
		}
		m = append(m, s)
	}
	return m
}

func (g generator) binary(typed bool) *zipkincore.BinaryAnnotation {
	b := &zipkincore.BinaryAnnotation{
		Key: pick(g, g.dirty(), g.dirty(), "lc", "sa", "error", "Error", "error.message", "http.status_code", "http.response.status_code",
			"http.status_message", "census.status_code", "census.status_description", "opencensus.status_description",
			"otel.status_code", "otel.status_description", "component", "errNegativeDuration", "errZeroParentID"),
		Value: []byte(g.dirty()), Host: g.endpoint(), AnnotationType: zipkincore.AnnotationType_STRING,
	}
	switch b.Key {
	case "lc":
		return b
	case "otel.status_code":
		b.Value = []byte(pick(g, "OK", "ERROR", "1", "2", "0", "-7", "what", "99999999999"))
	case "error", "Error":
		b.Value = []byte(pick(g, "", "true", "TRUE", "false", "no route", "\x01"))
	case "http.status_code", "census.status_code", "http.response.status_code":
		b.Value = []byte(pick(g, "200", "399", "400", "503", "0", "x", "99999999999"))
	}
	if !typed || g.one(2) {
		return b
	}
	switch b.AnnotationType = zipkincore.AnnotationType(g.IntN(8)); b.AnnotationType {
	case zipkincore.AnnotationType_BOOL:
		b.Value = []byte(pick(g, "\x00", "\x01", "", "\x01\x01"))
	case zipkincore.AnnotationType_I16:
		b.Value = binary.BigEndian.AppendUint16(nil, pick(g, 200, uint16(g.Uint32())))
	case zipkincore.AnnotationType_I32:
		b.Value = binary.BigEndian.AppendUint32(nil, pick(g, 503, g.Uint32()))
	case zipkincore.AnnotationType_I64, zipkincore.AnnotationType_DOUBLE:
		b.Value = binary.BigEndian.AppendUint64(nil, pick(g, 404, g.Uint64()))
	}
	if g.one(10) {
		b.Value = b.Value[:len(b.Value)/2]
	}
	return b
}
