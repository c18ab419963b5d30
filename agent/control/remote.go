package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/sampling"
)

const (
	// freshFor is how long an answer is given again without asking. Tracers ask
	// once a minute each: those of one service share a question.
	freshFor = 10 * time.Second
	// askTimeout is for one question. Tracers wait for 10 s and longer
	// (jaegerremote, jaeger-client-go: defaultRemoteSamplingTimeout).
	askTimeout = 5 * time.Second
	// minPause and maxPause bound how long a source that fails is left alone. The
	// longest is what tracers wait between two questions.
	minPause = time.Second
	maxPause = time.Minute
	// maxCalls is how many questions may be under way.
	maxCalls = 16
	// maxServices and maxKept bound what is kept: the latter in bytes. Those that
	// nobody has asked about for longest go first.
	maxServices = 1000
	maxKept     = 1 << 20
)

// asker is a source that is asked for one service at a time. ask may be called
// by several goroutines. A noStrategy error says that it is well, but has
// nothing for this service; any other that it should be left alone for a while.
type asker interface {
	ask(ctx context.Context, service string) (*sampling.Strategy, error)
	close()
}

// errBusy is the error for a service that has never been answered.
var errBusy = errors.New("too many questions for strategies are under way")

// noStrategy is what a source that is well has said in place of a strategy.
type noStrategy struct{ error }

// remote keeps the answers of a source.
type remote struct {
	name   string
	source asker
	log    *slog.Logger
	ctx    context.Context // of all calls
	cancel context.CancelFunc
	calls  sync.WaitGroup

	mu                sync.Mutex
	entries           map[string]*entry
	kept              int // bytes
	running           int // calls
	failures          int // since the last answer
	notBefore         time.Time
	requests, failed  uint64
	lastErr           error
	lastErrAt, lastOK time.Time
}

// entry is what is known of a service.
type entry struct {
	strategy *sampling.Strategy // nil: it has never been answered
	size     int                // of that, in bytes
	goodAt   time.Time          // when that was asked for
	err      error              // of the last question, if that was not answered
	askedAt  time.Time
	usedAt   time.Time
	call     chan struct{} // closed when the question that is under way has ended; nil: none
}

func newRemote(name string, source asker, log *slog.Logger) *remote {
	r := &remote{name: name, source: source, log: log, entries: map[string]*entry{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

func (r *remote) stop() {
	r.mu.Lock() // who begins a call has begun it, or finds that it is over
	r.cancel()
	r.mu.Unlock()
}

func (r *remote) close() {
	r.stop()
	r.calls.Wait()
	r.source.close()
}

// strategy waits for a question that is under way: for one that it has begun
// itself, or for another's.
func (r *remote) strategy(ctx context.Context, service string) (*sampling.Strategy, bool, error) {
	e, call := r.begin(service)
	if call != nil {
		select {
		case <-call:
		case <-ctx.Done():
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case e.strategy != nil:
		return e.strategy, time.Since(e.goodAt) >= freshFor, nil
	case e.err != nil:
		return nil, false, e.err
	case r.failures > 0:
		return nil, false, r.lastErr
	case call != nil:
		return nil, false, ctx.Err()
	}
	return nil, false, errBusy
}

// begin asks for a service if that is due.
func (r *remote) begin(service string) (*entry, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	e := r.entries[service]
	if e == nil {
		e = &entry{}
		r.entries[service] = e
		r.kept += len(service)
	}
	e.usedAt = now
	r.evict(e)
	calls := maxCalls
	if r.failures > 0 {
		calls = 1 // to find out whether it is well
	}
	due := e.askedAt.IsZero() || now.Sub(e.askedAt) >= freshFor
	if e.call == nil && due && !now.Before(r.notBefore) && r.running < calls && r.ctx.Err() == nil {
		e.call, e.askedAt = make(chan struct{}), now
		r.running++
		r.calls.Go(func() { r.ask(service, e) })
	}
	return e, e.call
}

func (r *remote) ask(service string, e *entry) {
	ctx, cancel := context.WithTimeout(r.ctx, askTimeout)
	defer cancel()
	strategy, err := r.source.ask(ctx, service)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(e.call)
	now := time.Now()
	r.running--
	r.requests++
	e.err = nil
	switch {
	case err == nil:
		size := strategy.Size()
		r.kept += size - e.size
		e.strategy, e.size, e.goodAt = strategy, size, e.askedAt
		r.evict(e)
		r.well(now)
	case r.ctx.Err() != nil: // it is over
		r.requests--
		e.err = r.ctx.Err()
	default:
		r.failed++
		e.err = err
		r.lastErr, r.lastErrAt = fmt.Errorf("%s: %w", r.name, err), now
		if _, ok := errors.AsType[noStrategy](err); ok {
			r.well(now)
			break
		}
		r.sick(now)
	}
	e.call = nil
}

// well ends a time of failures. mu is held.
func (r *remote) well(now time.Time) {
	if r.failures > 0 {
		r.log.Info("sampling strategies are to be had again", "source", r.name)
	}
	r.failures, r.notBefore, r.lastOK = 0, time.Time{}, now
}

// sick leaves the source alone for a while, twice as long after each failure and
// never for as long as other agents do. mu is held.
func (r *remote) sick(now time.Time) {
	if r.failures == 0 {
		r.log.Warn("sampling strategies can't be had: tracers are told what the source said last, or that there is none",
			"source", r.name, "error", r.lastErr)
	}
	pause := min(minPause<<min(r.failures, 6), maxPause)
	r.failures++
	r.notBefore = now.Add(pause/2 + rand.N(pause/2))
}

// evict forgets services until the rest is within bounds. The one that is being
// asked for stays. mu is held.
func (r *remote) evict(keep *entry) {
	for len(r.entries) > maxServices || r.kept > maxKept {
		var oldest *entry
		var service string
		for name, e := range r.entries {
			if e != keep && e.call == nil && (oldest == nil || e.usedAt.Before(oldest.usedAt)) {
				oldest, service = e, name
			}
		}
		if oldest == nil {
			return
		}
		r.kept -= len(service) + oldest.size
		delete(r.entries, service)
	}
}

// refresh makes what is known old, and a source that fails be asked at once.
func (r *remote) refresh() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notBefore = time.Time{}
	for _, e := range r.entries {
		e.askedAt, e.goodAt = time.Time{}, time.Time{}
	}
}

func (r *remote) status() ledger.Sampling {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := ledger.Sampling{
		Source: r.name, State: ledger.SamplingIdle, Services: len(r.entries), Requests: r.requests, Failures: r.failed,
		LastErrorAt: moment(r.lastErrAt), LastOKAt: moment(r.lastOK),
	}
	if r.lastErr != nil {
		s.LastError = r.lastErr.Error()
	}
	switch {
	case r.failures > 0:
		s.State = ledger.SamplingFailing
		s.RetryIn = max(0, time.Until(r.notBefore).Seconds())
	case !r.lastOK.IsZero():
		s.State = ledger.SamplingOK
	}
	return s
}

// moment is nil for never.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
