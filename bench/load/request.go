package load

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"
)

// attribute has a string, int, bool or float64.
type attribute struct {
	key   string
	value any
}

// service is the name of the service that a client is.
func service(client int) string { return fmt.Sprintf("shop-service-%02d", client) }

// resource is what an SDK says of a process.
func resource(client int) []attribute {
	return []attribute{
		{"service.name", service(client)},
		{"service.version", "2.14.0"},
		{"service.instance.id", fmt.Sprintf("627cc493-f310-47de-96bd-71410b7d%04d", client)},
		{"host.name", fmt.Sprintf("shop-7d9c6b5f4-%05d", client)},
		{"process.pid", 1},
		{"telemetry.sdk.name", "opentelemetry"},
		{"telemetry.sdk.language", "go"},
		{"telemetry.sdk.version", "1.38.0"},
	}
}

// tags are a span's attributes.
func tags() []attribute {
	return []attribute{
		{"http.request.method", "GET"},
		{"url.path", "/orders/8817"},
		{"url.scheme", "http"},
		{"http.response.status_code", 200},
		{"http.route", "/orders/{id}"},
		{"server.address", "shop"},
		{"client.address", "10.42.0.17"},
		{"network.peer.port", 48_112},
		{"cache.hit", true},
		{"queue.seconds", 0.00125},
	}
}

// What else a span has.
const (
	spanName   = "GET /orders/{id}"
	spanKind   = 2     // SERVER
	spanFlags  = 0x101 // sampled; it is known whether the parent is remote
	spanTook   = 12_345 * time.Microsecond
	eventName  = "query"
	eventAfter = 5 * time.Millisecond
	scopeName  = "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	scopeVer   = "0.63.0"
)

func eventTags() []attribute { return []attribute{{"db.rows", "12 of 480 rows"}} }

// request is one client's request, of any protocol. Its spans stand one after
// another and all have the same length.
type request struct {
	bytes       []byte
	first, size int // where the first span is, and how far it is to the next
	count       int
	at          idsAt
	hex         bool // ids are hexadecimal text
}

// idsAt is where a span's ids are, in bytes from where it begins. The halves of a
// trace id may stand in either order; again is where they are once more, high
// first, in a reference to the parent.
type idsAt struct{ high, low, id, parent, again int }

// moved is the same from that many bytes further ahead.
func (a idsAt) moved(by int) idsAt {
	a.high, a.low, a.id, a.parent = a.high+by, a.low+by, a.id+by, a.parent+by
	if a.again > 0 {
		a.again += by
	}
	return a
}

// renew gives all spans new ids, of traces of five, and returns the sum of the
// spans' ids, modulo 2^64.
func (r *request) renew(rng *rand.PCG) (sum uint64) {
	var low, high, root uint64
	for i := range r.count {
		span := r.bytes[r.first+i*r.size:]
		id := rng.Uint64()
		parent := root
		if i%spansPerTrace == 0 {
			low, high, root, parent = rng.Uint64(), rng.Uint64(), id, rng.Uint64()
		}
		r.put(span[r.at.high:], high)
		r.put(span[r.at.low:], low)
		if r.at.again > 0 {
			r.put(span[r.at.again:], high)
			r.put(span[r.at.again+8:], low)
		}
		r.put(span[r.at.id:], id)
		r.put(span[r.at.parent:], parent)
		sum += id
	}
	return sum
}

func (r *request) put(b []byte, id uint64) {
	if !r.hex {
		binary.BigEndian.PutUint64(b, id)
		return
	}
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], id)
	hex.Encode(b, raw[:])
}
