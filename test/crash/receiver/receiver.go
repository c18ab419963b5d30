// Package receiver is a collector that misbehaves as it is told. What it takes
// is taken by collector/ingest, so that a request is as wrong or right here as it
// is there; it remembers which spans came, how often and in which order.
package receiver

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wayside-tracing/wayside/collector/ingest"
	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Receiver is a collector. Its methods may be called from any goroutine.
type Receiver struct {
	ingest  *ingest.Server
	mood    atomic.Pointer[Mood]
	address string

	mu      sync.Mutex
	server  *http.Server // nil while it is down
	done    chan struct{}
	taken   account.Received
	largest int // spans of a request
	arrived []Arrival
	poison  func(id uint64) bool
}

// Arrival is a request that was taken.
type Arrival struct {
	At    time.Time
	Spans int
	First uint64 // id of its first span
}

// New opens a receiver on an address; "127.0.0.1:0" lets the system choose the port.
func New(address string) (*Receiver, error) {
	r := &Receiver{address: address, taken: account.Received{}}
	r.ingest = ingest.New(r, 0)
	r.Set(Well)
	return r, r.Up()
}

// Address is where it listens, or did before it went down.
func (r *Receiver) Address() string { return r.address }

// Set changes how requests are answered from now on.
func (r *Receiver) Set(m Mood) { r.mood.Store(&m) }

// Up makes it listen, on the address that it had before.
func (r *Receiver) Up() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server != nil {
		return nil
	}
	l, err := net.Listen("tcp", r.address)
	if err != nil {
		return fmt.Errorf("receiver: %w", err)
	}
	r.address = l.Addr().String()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:           http.HandlerFunc(r.serve),
		Protocols:         &protocols,
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	r.server, r.done = server, make(chan struct{})
	done := r.done
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with Down
	}()
	return nil
}

// Down closes the listener and every connection, whatever is on its way.
func (r *Receiver) Down() {
	r.mu.Lock()
	server, done := r.server, r.done
	r.server = nil
	r.mu.Unlock()
	if server != nil {
		_ = server.Close()
		<-done
	}
}

func (r *Receiver) serve(w http.ResponseWriter, q *http.Request) { (*r.mood.Load())(w, q, r.ingest) }

// Put takes a request that is well-formed, for collector/ingest.
func (r *Receiver) Put(_ context.Context, frame []byte, spans int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]uint64, 0, spans)
	for s := range otlp.Spans(frame) {
		id := account.ID(s.SpanID)
		if r.poison != nil && r.poison(id) {
			return fmt.Errorf("%w: span %x is poison", otlp.ErrMalformed, id)
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		r.taken[id]++
	}
	r.largest = max(r.largest, len(ids))
	if len(ids) > 0 { // an empty request asks whether anything is taken at all
		r.arrived = append(r.arrived, Arrival{time.Now(), len(ids), ids[0]})
	}
	return nil
}

// Poison makes it refuse every request with a span that is poison.
func (r *Receiver) Poison(is func(id uint64) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.poison = is
}

// Taken is a copy of what it has taken so far.
func (r *Receiver) Taken() account.Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.taken)
}

// Unique is how many different spans it has taken.
func (r *Receiver) Unique() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.taken)
}

// Largest is the number of spans in the largest request that it has taken.
func (r *Receiver) Largest() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.largest
}

// Arrivals are the requests that it has taken, in their order.
func (r *Receiver) Arrivals() []Arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Arrival(nil), r.arrived...)
}

// Include adds what another receiver has taken, whose place this one takes.
func (r *Receiver) Include(other *Receiver) {
	taken, largest := other.Taken(), other.Largest()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, n := range taken {
		r.taken[id] += n
	}
	r.largest = max(r.largest, largest)
}
