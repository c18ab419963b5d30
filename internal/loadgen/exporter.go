package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

// How an SDK's batch processor and exporter work (opentelemetry-specification,
// trace/sdk.md, "Batching processor"; protocol/exporter.md, "Retry"; the retry's
// times are opentelemetry-go's, exporters/otlp/…/internal/retry, but for firstBackoff).
const (
	maxQueue  = 2048 // spans; those that come when they wait are dropped
	maxExport = 512  // spans in a request
	// firstBackoff is doubled each time, up to maxBackoff. SDKs begin with
	// 5 s, which is long for somebody who looks on.
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
	giveUp       = time.Minute // after the first attempt
	callTimeout  = 10 * time.Second
	// lastWords is how long the end may take.
	lastWords = 2 * time.Second
)

// exporter is one instrumented process: the SDK that it reports spans with. A
// goroutine of its own exports, and has at most one request on its way:
//
//	add ─► queue ─► batches ─► run ─► target, perhaps again ─► done
type exporter struct {
	to      *target
	process jaegerthrift.Process
	flushed time.Time
	queue   []jaegerthrift.Span
	dropped uint64

	free     chan struct{}            // has something in it when run will take a batch
	batches  chan []jaegerthrift.Span // closed by finish, or close
	finished bool
	ctx      context.Context // ends what run waits for
	stop     context.CancelFunc
	ended    chan struct{} // closed when run has ended

	mu   sync.Mutex
	done Report // what became of batches
	last error  // of the last attempt
}

func newExporter(o Options, s shop.Service, began time.Time) (*exporter, error) {
	to, err := newTarget(o)
	if err != nil {
		return nil, err
	}
	e := &exporter{to: to, flushed: began, batches: make(chan []jaegerthrift.Span), free: make(chan struct{}, 1), ended: make(chan struct{})}
	e.process = jaegerthrift.Process{ServiceName: s.String(), Tags: sdk(s)}
	e.ctx, e.stop = context.WithCancel(context.Background())
	go e.run()
	return e, nil
}

// add reports a span. Like an SDK, it drops what finds the queue full.
func (e *exporter) add(s *jaegerthrift.Span, now time.Time) {
	if len(e.queue) == maxQueue {
		e.due(now)
		if len(e.queue) == maxQueue {
			e.dropped++
			return
		}
	}
	e.queue = append(e.queue, *s)
	if len(e.queue) >= maxExport {
		e.due(now)
	}
}

// due hands over what waits, unless something is being exported.
func (e *exporter) due(now time.Time) {
	n := min(len(e.queue), maxExport)
	if n == 0 || n < maxExport && now.Sub(e.flushed) < flushInterval {
		return
	}
	select {
	case <-e.free:
		e.batches <- slices.Clone(e.queue[:n])
		e.queue = slices.Delete(e.queue, 0, n)
		e.flushed = now
	default:
	}
}

func (e *exporter) finish() {
	limit := time.AfterFunc(lastWords, e.stop)
	defer limit.Stop()
	for len(e.queue) > 0 {
		n := min(len(e.queue), maxExport)
		select {
		case <-e.free:
			e.batches <- e.queue[:n]
			e.queue = e.queue[n:]
		case <-e.ctx.Done():
			e.fail(len(e.queue), e.lastError())
			e.queue = nil
		}
	}
	e.finished = true
	close(e.batches)
	<-e.ended
}

func (e *exporter) count(r *Report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.Spans += e.done.Spans
	r.Packets += e.done.Packets
	r.Bytes += e.done.Bytes
	r.Refused += e.done.Refused
	r.Failed += e.done.Failed
	r.Again += e.done.Again
	r.Dropped += e.dropped
	r.Absent = r.Absent || e.done.Absent
	if r.Waiting == "" {
		r.Waiting = e.done.Waiting
	}
	if r.Error == "" {
		r.Error = e.done.Error
	}
}

func (e *exporter) close() {
	e.stop()
	if !e.finished {
		e.finished = true
		close(e.batches)
	}
	e.to.close()
}

// run exports until there are no more batches.
func (e *exporter) run() {
	defer close(e.ended)
	var enc encoder
	for e.free <- struct{}{}; ; e.free <- struct{}{} {
		batch, more := <-e.batches
		if !more {
			return
		}
		body, err := enc.encode(e.to.protocol, &e.process, batch)
		if err != nil {
			e.fail(len(batch), err)
			continue
		}
		e.export(body, len(batch))
	}
}

// export sends a request until it is taken, refused, or given up.
func (e *exporter) export(body []byte, spans int) {
	began := time.Now()
	backoff := firstBackoff
	for {
		a := e.to.send(e.ctx, body)
		e.look(a)
		switch {
		case a.taken:
			e.take(a, spans, len(body))
			return
		case !a.again:
			e.refuse(uint64(spans), a.err)
			return
		}
		wait := a.after
		if wait == 0 {
			wait = backoff/2 + rand.N(backoff/2)
			backoff = min(2*backoff, maxBackoff)
		}
		if e.ctx.Err() != nil || time.Since(began)+wait > giveUp {
			e.fail(spans, a.err)
			return
		}
		e.mu.Lock()
		e.done.Again++
		e.mu.Unlock()
		select {
		case <-time.After(wait):
		case <-e.ctx.Done():
			e.fail(spans, a.err)
			return
		}
	}
}

// look notes how the last attempt went.
func (e *exporter) look(a answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = a.err
	e.done.Absent, e.done.Waiting = errors.Is(a.err, syscall.ECONNREFUSED), ""
	if a.again && !e.done.Absent {
		e.done.Waiting = a.err.Error()
	}
}

// lastError is why what waits was not taken before the end.
func (e *exporter) lastError() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last == nil {
		return errors.New("the agent was too slow")
	}
	return e.last
}

// take notes that a request was accepted, perhaps without some of its spans.
func (e *exporter) take(a answer, spans, bytes int) {
	rejected := min(a.rejected, uint64(spans))
	e.mu.Lock()
	e.done.Packets++
	e.done.Bytes += uint64(bytes)
	e.done.Spans += uint64(spans) - rejected
	e.mu.Unlock()
	if rejected > 0 {
		e.refuse(rejected, a.err)
	}
}

func (e *exporter) refuse(spans uint64, why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.done.Refused += spans
	e.note(why)
}

func (e *exporter) fail(spans int, why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.done.Failed += uint64(spans)
	e.note(why)
}

// note keeps the first error. mu is held.
func (e *exporter) note(why error) {
	if e.done.Error == "" && why != nil {
		e.done.Error = why.Error()
	}
}

// sdk is what OpenTelemetry's SDK for Go says of a process.
func sdk(s shop.Service) []jaegerthrift.Tag {
	text := func(key, v string) jaegerthrift.Tag {
		return jaegerthrift.Tag{Key: key, Type: jaegerthrift.TagString, Str: v}
	}
	return []jaegerthrift.Tag{
		text("host.name", fmt.Sprintf("%s-7d4f9c-%d", s, int(s))),
		// Like a Jaeger client's id, it is new in each process, whatever the seed.
		text("service.instance.id", fmt.Sprintf("%016x", rand.Uint64())),
		text("telemetry.sdk.language", "go"),
		text("telemetry.sdk.name", "opentelemetry"),
		text("telemetry.sdk.version", "1.38.0"),
	}
}
