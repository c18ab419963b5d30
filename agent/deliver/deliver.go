package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// A Batch is spans in flight. It has one owner: the Deliverer, from the moment
// it is taken until Done.
type Batch interface {
	// Chunks are frames; put end to end they are one request. They are valid
	// until Done and must not be changed.
	Chunks() [][]byte
	// Spans is the number of spans in them.
	Spans() int
	// Oldest is when the oldest of them was taken in.
	Oldest() time.Time
	// Delivered and Dropped settle n spans each. Every span is settled once.
	Delivered(n int)
	Dropped(reason ledger.DropReason, n int)
	// Done gives the memory back.
	Done()
}

// Options are how and where a lane delivers.
type Options struct {
	// Endpoints are host:port or URLs, as Transport takes them; there is one
	// at least.
	Endpoints []string
	// Timeout is for one export, connecting included.
	Timeout time.Duration
	// MaxAge is how old a span may become before it is given up.
	MaxAge time.Duration
	// Transport carries the exports. It is closed by nobody here.
	Transport Transport
	// Resolve looks up the names of endpoints, but for those that Proxy has a
	// proxy for; nil is the system's way. They are not changed by Configure.
	Resolve Resolver
	Proxy   Proxy
}

// A Deliverer delivers the batches of one lane.
type Deliverer struct {
	take      func(context.Context) (Batch, error)
	endpoints *endpoints

	mu  sync.Mutex
	opt Options
}

// New returns a Deliverer that gets its batches from take. take blocks until a
// batch is due and may be in flight; its error is io.EOF when there are no more.
func New(opt Options, log *slog.Logger, take func(context.Context) (Batch, error)) *Deliverer {
	return &Deliverer{opt: opt, take: take, endpoints: newEndpoints(opt.Endpoints, opt.Resolve, opt.Proxy, log, rand.N[time.Duration])}
}

// Run delivers until take returns io.EOF and every batch is settled, or until
// ctx ends: then what is in flight is dropped as ledger.Shutdown, at once. In
// both cases it returns nil. While a collector is down, batches stay in flight
// and are tried again, after io.EOF too: it is ctx that ends this.
func (d *Deliverer) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	d.endpoints.begin(ctx)
	defer d.endpoints.done()
	defer cancel()
	var flights sync.WaitGroup
	defer flights.Wait()
	for {
		b, err := d.take(ctx)
		switch {
		case err == nil:
			flights.Go(func() { d.fly(ctx, b) })
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil
		default:
			cancel()
			return fmt.Errorf("deliver: %w", err)
		}
	}
}

// Configure changes where and how batches are delivered. An export that is
// under way ends as it began; what is tried again is tried the new way.
func (d *Deliverer) Configure(opt Options) {
	d.mu.Lock()
	d.opt = opt
	d.mu.Unlock()
	d.endpoints.replace(opt.Endpoints)
}

func (d *Deliverer) options() Options {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opt
}

// Endpoints is the state of each endpoint, in the order of the options; of each
// of its addresses, when it is a name.
func (d *Deliverer) Endpoints() []ledger.Endpoint { return d.endpoints.status() }

// String names the task.
func (d *Deliverer) String() string { return "deliver" }
