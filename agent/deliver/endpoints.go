package deliver

import (
	"context"
	"log/slog"
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// The pause after a failure is a random part of a time that doubles with each
// failure in a row, up to a limit ("full jitter": agents that failed together
// do not come back together).
const (
	// firstBackoff is about what a collector behind a load balancer needs to
	// be replaced by another, and far more than a round trip.
	firstBackoff = 100 * time.Millisecond
	// maxBackoff is how long a collector that is back may stand idle. A
	// request in 15 s, on average, is nothing to it while it is down.
	maxBackoff = 30 * time.Second
	// maxRefusedBackoff is the limit for an endpoint that answers and refuses
	// whatever it is sent. It is shorter, since its pauses hold up the spans
	// that it might take.
	maxRefusedBackoff = time.Second
	// maxRetryAfter is how long an endpoint can ask to be left alone. Past the
	// ten minutes, asking once more costs nobody anything, and a mistake in
	// somebody's header must not end delivery.
	maxRetryAfter = 10 * time.Minute
)

// patience is how many refusals an endpoint may give without taking anything,
// beyond those that it takes to halve a batch down to one span that is at
// fault. After that it is suspected to refuse everything, and backs off.
const patience = 5

// sayAfter is how many failures in a row are told in the log. One or two are
// a collector that is restarted, or that is busy.
const sayAfter = 3

// sayLossEvery is how often at most the log is told that an endpoint refuses
// spans for good: the ledger counts them, but a reason should stand somewhere.
const sayLossEvery = time.Minute

// endpoints chooses where the next export goes.
type endpoints struct {
	log     *slog.Logger
	jitter  func(limit time.Duration) time.Duration // random, from 0 to below limit
	resolve Resolver
	lookups sync.WaitGroup

	mu       sync.Mutex
	ctx      context.Context // of look-ups
	names    []*name
	all      []*endpoint // of all names
	progress uint64      // exports that were taken by any of them
	order    uint64      // attempts so far
	changed  chan struct{}
	waiting  int // how many wait for changed to be closed
}

type endpoint struct {
	target   Target
	name     *name
	inFlight int
	last     uint64 // which attempt was its last
	progress uint64 // endpoints.progress after the last that it took
	refusals int    // since it took spans
	// failures counts those in a row that made it back off. An endpoint with
	// failures is probed: it is sent one request at a time, from notBefore on.
	failures  int
	notBefore time.Time
	probing   bool      // a probe is under way
	since     time.Time // first of these failures
	held      bool      // the last failure was Held
	said      bool      // the log has been told that it is down

	lost     int // spans refused for good that the log has not been told of
	lostSaid time.Time

	requests, failed uint64
	lastErr          string
	lastErrAt        time.Time
	lastOKAt         time.Time
}

// attempt is the right to send one request to an endpoint. It is given back
// with release.
type attempt struct {
	endpoint *endpoint
	failures int    // that the endpoint had when it began; it is a probe if there were some
	progress uint64 // of the endpoint, when it began
}

// progress is how far endpoints have come: each export that is taken has a
// number, from 1.
type progress struct {
	this uint64 // the last that the endpoint took
	all  uint64 // the last that any took
}

func newEndpoints(configured []string, resolve Resolver, log *slog.Logger, jitter func(time.Duration) time.Duration) *endpoints {
	if resolve == nil {
		resolve = systemResolver
	}
	s := &endpoints{log: log, jitter: jitter, resolve: resolve, changed: make(chan struct{}), ctx: context.Background()}
	s.replace(configured)
	return s
}

// replace changes which endpoints there are. One that stays keeps its state,
// but is tried at once: what it failed for may have been put right.
func (s *endpoints) replace(configured []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.names
	s.names = nil
	for _, c := range configured {
		i := slices.IndexFunc(was, func(n *name) bool { return n.endpoint == c })
		if i < 0 {
			s.names = append(s.names, newName(c))
			continue
		}
		was[i].due = time.Time{}
		for _, e := range was[i].own {
			e.notBefore = time.Time{}
		}
		s.names = append(s.names, was[i])
	}
	s.flatten()
	s.wakeAll()
}

// wakeAll makes all who wait in acquire look again.
func (s *endpoints) wakeAll() {
	if s.waiting > 0 {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// acquire waits until an endpoint may be tried, or until ctx ends. avoid, if
// not nil, is the one that has just not taken what is to be sent: any other is
// preferred to it, and one that is well to one that is tried out.
func (s *endpoints) acquire(ctx context.Context, avoid *endpoint) (attempt, error) {
	for {
		if err := ctx.Err(); err != nil {
			return attempt{}, err
		}
		s.mu.Lock()
		now := time.Now()
		due := s.lookUp(now)
		best, wait := s.choose(now, avoid)
		wait = min(wait, due)
		if best != nil {
			s.order++
			best.last = s.order
			best.inFlight++
			best.requests++
			best.probing = best.failures > 0
			a := attempt{endpoint: best, failures: best.failures, progress: best.progress}
			s.mu.Unlock()
			return a, nil
		}
		changed := s.changed
		s.waiting++
		s.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
		s.mu.Lock()
		s.waiting--
		s.mu.Unlock()
	}
}

// choose returns the endpoint to be tried now; or nil, and how long there will
// be none unless something changes.
func (s *endpoints) choose(now time.Time, avoid *endpoint) (best *endpoint, wait time.Duration) {
	wait = maxRetryAfter
	for _, e := range s.all {
		switch {
		case e.failures > 0 && e.probing: // release says when it changes
		case e.notBefore.After(now):
			wait = min(wait, e.notBefore.Sub(now))
		case best == nil || e.before(best, avoid):
			best = e
		}
	}
	return best, wait
}

// before says whether e is the better choice of two that may both be tried.
func (e *endpoint) before(other, avoid *endpoint) bool {
	if (e == avoid) != (other == avoid) {
		return other == avoid
	}
	if (e.failures > 0) != (other.failures > 0) {
		// A new batch tries out the one that failed, or it would never be
		// found well again. One that has been tried goes the safe way.
		return (e.failures > 0) == (avoid == nil)
	}
	if e.inFlight != other.inFlight {
		return e.inFlight < other.inFlight
	}
	return e.last < other.last
}

// progressOf is the number of the last export that an endpoint took.
func (s *endpoints) progressOf(e *endpoint) uint64 {
	if e == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.progress
}

// release ends an attempt with its answer. spans is the size of the batch of
// which a part was sent; 0 for an empty request, which shows that the endpoint
// takes something, but not that it is well.
func (s *endpoints) release(a attempt, answer Answer, spans int) progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, now := a.endpoint, time.Now()
	e.inFlight--
	if a.failures > 0 {
		e.probing = false
	}
	if answer.Err != nil {
		e.lastErr, e.lastErrAt = answer.Err.Error(), now
	}
	if answer.Verdict > Taken {
		e.failed++
	}
	retryAfter := min(answer.RetryAfter, maxRetryAfter)
	switch answer.Verdict {
	case NoAnswer:
	case Taken:
		s.progress++
		e.progress = s.progress
		e.lastOKAt = now
		if spans > 0 {
			s.up(e, now)
		}
	case Refused:
		e.refusals++
		if spans == 0 {
			s.down(a, now, maxBackoff, 0)
		} else if e.refusals > bits.Len(uint(spans))+patience {
			s.down(a, now, maxRefusedBackoff, 0)
		}
	case Later:
		e.held = false
		if again := e.name.lookedAt.Add(resolveAgain); e.name.due.After(again) {
			e.name.due = again // perhaps it is somewhere else now
		}
		s.down(a, now, maxBackoff, retryAfter)
	case Held:
		s.down(a, now, maxBackoff, retryAfter)
		if !e.held {
			s.log.Warn("endpoint refuses this agent: its spans are kept, and it is asked again",
				"endpoint", e.target.label(), "error", e.lastErr)
		}
		e.held, e.said = true, true
	}
	s.wakeAll()
	return progress{this: e.progress, all: s.progress}
}

// gaveUp is called when spans were dropped because the endpoint refused them.
func (s *endpoints) gaveUp(e *endpoint, reason ledger.DropReason, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.lost += n
	now := time.Now()
	if e.lost == 0 || now.Sub(e.lostSaid) < sayLossEvery {
		return
	}
	s.log.Warn("endpoint refuses spans for good: they are dropped",
		"endpoint", e.target.label(), "spans", e.lost, "reason", reason.String(), "error", e.lastErr)
	e.lost, e.lostSaid = 0, now
}

// up is called when an endpoint has taken spans.
func (s *endpoints) up(e *endpoint, now time.Time) {
	if e.said {
		s.log.Info("endpoint takes spans again", "endpoint", e.target.label(), "after", now.Sub(e.since).Round(time.Millisecond))
	}
	e.refusals, e.failures, e.notBefore = 0, 0, time.Time{}
	e.held, e.said = false, false
}

// down makes an endpoint back off. Requests that were under way together fail
// together: only the first of them counts.
func (s *endpoints) down(a attempt, now time.Time, limit, retryAfter time.Duration) {
	e := a.endpoint
	if e.failures == 0 {
		e.since = now
	}
	pause := retryAfter + s.jitter(max(retryAfter/4, 1))
	if e.failures == a.failures {
		e.failures++
		if retryAfter == 0 {
			pause = s.jitter(min(limit, firstBackoff<<min(e.failures-1, 16)))
		}
		e.notBefore = now.Add(pause)
	} else if retryAfter > 0 && e.notBefore.Before(now.Add(pause)) {
		e.notBefore = now.Add(pause)
	}
	if e.failures >= sayAfter && !e.said {
		e.said = true
		s.log.Warn("endpoint does not take spans: they are kept, and it is tried again",
			"endpoint", e.target.label(), "error", e.lastErr, "since", e.since)
	}
}
