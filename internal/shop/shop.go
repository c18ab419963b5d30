// Package shop invents the traces of a small web shop, as its services' Jaeger
// clients would report them: visitors look at products, fill carts and pay;
// caches miss, cards are declined, calls are tried again, mails are sent later.
//
// The same seed tells the same story.
package shop

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

// Service is one of the shop's services.
type Service int

// The services, the most important first.
const (
	Frontend Service = iota
	Catalog
	Cart
	Checkout
	Payment
	Inventory
	Mailer
	Shipping
	// Services is how many there are.
	Services
)

var names = [Services]string{"frontend", "catalog", "cart", "checkout", "payment", "inventory", "mailer", "shipping"}

func (s Service) String() string { return names[s] }

// Tags are those of the service's process, as jaeger-client-go sends them, but
// for client-uuid, which is new in each process.
func (s Service) Tags() []jaegerthrift.Tag {
	return []jaegerthrift.Tag{
		text("jaeger.version", "Go-2.30.0"),
		text("hostname", fmt.Sprintf("%s-7d4f9c-%d", s, int(s))),
		text("ip", fmt.Sprintf("10.1.0.%d", 10+int(s))),
	}
}

// Span is a span and the service that reports it.
type Span struct {
	Service Service
	jaegerthrift.Span
}

// Shop invents traces. It is used by one goroutine.
type Shop struct {
	rand     *rand.Rand
	services Service
}

// New returns a shop of which the first so many services are instrumented: what
// the others do is in no trace.
func New(seed uint64, services int) *Shop {
	return &Shop{rand: rand.New(rand.NewPCG(seed, 0)), services: Service(services)}
}

// Trace invents the next trace, the last span of which ended at a time. The
// spans are the caller's, those that ended first in front.
func (s *Shop) Trace(end time.Time) []Span {
	t := &story{Shop: s, id: s.id(), spans: make([]Span, 0, 32)}
	switch n := s.rand.IntN(100); {
	case n < 40:
		t.home()
	case n < 70:
		t.product()
	case n < 84:
		t.addToCart()
	case n < 97:
		t.checkout()
	default:
		t.restock()
	}
	return t.told(end)
}

// id is a random id, which is never 0.
func (s *Shop) id() uint64 { return s.rand.Uint64() | 1 }

func text(key, v string) jaegerthrift.Tag {
	return jaegerthrift.Tag{Key: key, Type: jaegerthrift.TagString, Str: v}
}

func number(key string, v int) jaegerthrift.Tag {
	return jaegerthrift.Tag{Key: key, Type: jaegerthrift.TagLong, Long: int64(v)}
}

func double(key string, v float64) jaegerthrift.Tag {
	return jaegerthrift.Tag{Key: key, Type: jaegerthrift.TagDouble, Double: v}
}

func truth(key string, v bool) jaegerthrift.Tag {
	return jaegerthrift.Tag{Key: key, Type: jaegerthrift.TagBool, Bool: v}
}
