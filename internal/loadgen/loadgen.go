// Package loadgen sends the traces of an invented shop to an agent, at a rate.
// Each service is a process of its own, with what a process reports spans with:
//
//	Jaeger  a Jaeger client: a UDP socket, an id and numbered packets
//	OTLP    an OpenTelemetry SDK: a queue, from which one request at a time is
//	        exported, again if the agent says so
package loadgen

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

const (
	// tick is how often it is looked whether spans are due: short beside the
	// time that a packet takes to be read.
	tick = 2 * time.Millisecond
	// behind is how far the sending may fall behind before it gives up the
	// rest, so that a pause is not followed by a burst.
	behind = 100 * time.Millisecond
	// flushInterval is how long a span waits at most (jaeger-client-go,
	// config/config.go, BufferFlushInterval). OpenTelemetry's SDKs wait for 5 s
	// (OTEL_BSP_SCHEDULE_DELAY), which is long for somebody who looks on.
	flushInterval = time.Second
)

// Protocol is how spans are sent.
type Protocol int

// The protocols.
const (
	Jaeger   Protocol = iota // Thrift over UDP
	OTLPGRPC                 // without TLS, as the others
	OTLPHTTP                 // protobuf
	OTLPJSON                 // over HTTP
)

// Options say what is sent where.
type Options struct {
	To       string // host:port
	Protocol Protocol
	Encoding thrift.Encoding // Compact or Binary; of Jaeger
	Rate     float64         // spans a second
	Duration time.Duration   // 0: until the context is done
	Services int             // 1 to shop.Services
	Seed     uint64
}

// Report is what was sent so far.
type Report struct {
	Traces uint64 `json:"traces"` // that were begun
	// Spans is, with Jaeger, the number of spans that left in packets and were not
	// refused; with OTLP, of those that were accepted.
	Spans   uint64 `json:"spans"`
	Packets uint64 `json:"packets"` // or requests, with these spans
	Bytes   uint64 `json:"bytes"`   // of them, without what is around them
	// Refused is, with Jaeger, the number of spans in packets of which the system
	// said that nobody listens for them; with OTLP, of those that the agent
	// refused for good.
	Refused uint64 `json:"refused"`
	// Failed is the number of spans that could not be sent; with OTLP, of
	// those for which the agent had no room or no answer for too long.
	Failed uint64 `json:"failed"`
	// Dropped is the number of spans that found a client's queue full.
	Dropped uint64 `json:"dropped"`
	// Again is how often a request was not taken, and sent again later.
	Again   uint64        `json:"again"`
	Error   string        `json:"error,omitempty"` // the first
	Elapsed time.Duration `json:"elapsed_ns"`
	// Absent is whether nobody listens there, and Waiting why, if it is not
	// that, the agent did not take what a client sent last.
	Absent  bool   `json:"-"`
	Waiting string `json:"-"`
}

// Lost is the number of spans that the agent does not have.
func (r Report) Lost() uint64 { return r.Refused + r.Failed + r.Dropped }

// SpansPerSecond is the speed at which spans were sent.
func (r Report) SpansPerSecond() float64 { return float64(r.Spans) / max(r.Elapsed.Seconds(), 1e-9) }

// reporter is what a process reports its spans with.
type reporter interface {
	// add is given a span that has ended, and keeps it.
	add(s *jaegerthrift.Span, now time.Time)
	// due sends what has waited long enough.
	due(now time.Time)
	// finish sends what waits. It returns when there is no more to be known.
	finish()
	// count adds what was done so far to a report.
	count(*Report)
	close()
}

// Generator sends. It is used by one goroutine.
type Generator struct {
	options   Options
	shop      *shop.Shop
	processes []reporter
	traces    uint64
	elapsed   time.Duration
}

// New opens the sockets.
func New(o Options) (*Generator, error) {
	g := &Generator{options: o, shop: shop.New(o.Seed, o.Services)}
	now := time.Now()
	for i := range o.Services {
		// Processes that started together would send together.
		began := now.Add(-flushInterval * time.Duration(i) / time.Duration(o.Services))
		p, err := newReporter(o, shop.Service(i), began)
		if err != nil {
			g.close()
			return nil, fmt.Errorf("loadgen: %w", err)
		}
		g.processes = append(g.processes, p)
	}
	return g, nil
}

func newReporter(o Options, s shop.Service, began time.Time) (reporter, error) {
	if o.Protocol == Jaeger {
		return newProcess(o, s, began)
	}
	return newExporter(o, s, began)
}

// Run sends until the time is over or ctx is done, and closes the sockets.
// progress is called about once a second.
func (g *Generator) Run(ctx context.Context, progress func(Report)) Report {
	defer g.close()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	began := time.Now()
	shown := began
	var made float64 // spans, given up ones included
	for now := began; ; {
		due := g.options.Rate * now.Sub(began).Seconds()
		made = max(made, due-g.options.Rate*behind.Seconds())
		for made < due {
			made += float64(g.trace(now))
		}
		for _, p := range g.processes {
			p.due(now)
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
	var last sync.WaitGroup
	for _, p := range g.processes {
		last.Go(p.finish)
	}
	last.Wait()
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
		p.count(&r)
	}
	return r
}

func (g *Generator) close() {
	for _, p := range g.processes {
		p.close()
	}
}
