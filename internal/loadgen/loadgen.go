// Package loadgen sends the traces of an invented shop to an agent, at a rate,
// as Jaeger clients do: each service is a process of its own with a socket, an
// id and numbered packets.
package loadgen

import (
	"context"
	"fmt"
	"time"

	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

const (
	// tick is how often it is looked whether spans are due: short beside the
	// time that a packet takes to be read.
	tick = 2 * time.Millisecond
	// behind is how far the sending may fall behind before it gives up the
	// rest, so that a pause is not followed by a burst.
	behind = 100 * time.Millisecond
	// refusal is how long the last packet's may take to come.
	refusal = 50 * time.Millisecond
)

// Options say what is sent where.
type Options struct {
	To       string          // host:port, UDP
	Encoding thrift.Encoding // Compact or Binary
	Rate     float64         // spans a second
	Duration time.Duration   // 0: until the context is done
	Services int             // 1 to shop.Services
	Seed     uint64
}

// Report is what was sent so far.
type Report struct {
	Traces  uint64 `json:"traces"` // that were begun
	Spans   uint64 `json:"spans"`  // that left in packets and were not refused
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
	// Refused is the number of spans in packets of which the system said that
	// nobody listens for them; Failed, of those that it did not send.
	Refused uint64        `json:"refused"`
	Failed  uint64        `json:"failed"`
	Error   string        `json:"error,omitempty"` // the first
	Elapsed time.Duration `json:"elapsed_ns"`
}

// SpansPerSecond is the speed at which spans were sent.
func (r Report) SpansPerSecond() float64 { return float64(r.Spans) / max(r.Elapsed.Seconds(), 1e-9) }

// Generator sends. It is used by one goroutine.
type Generator struct {
	options   Options
	shop      *shop.Shop
	processes []*process
	traces    uint64
	elapsed   time.Duration
}

// New opens the sockets.
func New(o Options) (*Generator, error) {
	g := &Generator{options: o, shop: shop.New(o.Seed, o.Services)}
	for i := range o.Services {
		p, err := newProcess(o, shop.Service(i))
		if err != nil {
			g.close()
			return nil, fmt.Errorf("loadgen: %w", err)
		}
		g.processes = append(g.processes, p)
	}
	return g, nil
}

// Run sends until the time is over or ctx is done, and closes the sockets.
// progress is called about once a second.
func (g *Generator) Run(ctx context.Context, progress func(Report)) Report {
	defer g.close()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	began := time.Now()
	shown := began
	for i, p := range g.processes {
		// Processes that started together would send together.
		p.flushed = began.Add(-flushInterval * time.Duration(i) / time.Duration(len(g.processes)))
	}
	var made float64 // spans, given up ones included
	for now := began; ; {
		due := g.options.Rate * now.Sub(began).Seconds()
		made = max(made, due-g.options.Rate*behind.Seconds())
		for made < due {
			made += float64(g.trace(now))
		}
		for _, p := range g.processes {
			if now.Sub(p.flushed) >= flushInterval {
				p.flush(now)
			}
		}
		if now.Sub(shown) >= time.Second {
			shown = now
			g.elapsed = now.Sub(began)
			progress(g.report())
		}
		if g.options.Duration > 0 && now.Sub(began) >= g.options.Duration {
			break
		}
		select {
		case <-ticker.C:
			now = time.Now()
			continue
		case <-ctx.Done():
		}
		break
	}
	g.elapsed = time.Since(began)
	for _, p := range g.processes {
		p.flush(time.Now())
	}
	time.Sleep(refusal)
	return g.report()
}

// trace makes one trace and returns how many spans it has.
func (g *Generator) trace(now time.Time) int {
	spans := g.shop.Trace(now)
	for i := range spans {
		g.processes[spans[i].Service].add(&spans[i].Span, now)
	}
	g.traces++
	return len(spans)
}

func (g *Generator) report() Report {
	r := Report{Traces: g.traces, Elapsed: g.elapsed}
	for _, p := range g.processes {
		p.check()
		r.Spans += p.spans
		r.Packets += p.packets
		r.Bytes += p.bytes
		r.Refused += p.refused
		r.Failed += p.failed
		if r.Error == "" && p.err != nil {
			r.Error = p.err.Error()
		}
	}
	return r
}

func (g *Generator) close() {
	for _, p := range g.processes {
		p.conn.Close()
	}
}
