package deliver

import (
	"context"
	"log/slog"
	"math/bits"
	"slices"
	"strings"
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

// An endpoint that has refused all spans for stubbornAfter is asked whether it
// takes an empty request. If it does, it is the spans that it does not want:
// from then on it is sent what it is to refuse without long pauses, since they
// hold up the spans behind. Before that it may as well be ill: a Collector
// takes empty requests whatever is wrong with its pipeline.
const (
	stubbornAfter = 30 * time.Second
	// stubbornPause is the limit of the pause then, of half as much on
	// average: 200 requests a second.
	stubbornPause = 10 * time.Millisecond
)

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
	proxy   Proxy
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
	last     uint64    // which attempt was its last
	progress uint64    // endpoints.progress after the last that it took
	refusals int       // since it took spans
	refusing time.Time // first of these refusals
	asked    time.Time // when it was last asked with an empty request, for having refused all for long
	picky    bool      // it has refused all for long, and takes empty requests
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
	picky    bool   // that the endpoint was when it began
	ask      bool   // an empty request is to be sent
}

// progress is how far endpoints have come: each export that is taken has a
// number, from 1.
type progress struct {
	this uint64 // the last that the endpoint took
	all  uint64 // the last that any took
}

func newEndpoints(configured []string, resolve Resolver, proxy Proxy, log *slog.Logger, jitter func(time.Duration) time.Duration) *endpoints {
	if resolve == nil {
		resolve = systemResolver
	}
	s := &endpoints{log: log, jitter: jitter, resolve: resolve, proxy: proxy, changed: make(chan struct{}), ctx: context.Background()}
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
			s.names = append(s.names, s.newName(c))
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
			a := attempt{endpoint: best, failures: best.failures, progress: best.progress, picky: best.picky, ask: best.doubtful(time.Now())}
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

// doubtful says whether it is time to find out if an endpoint is ill or picky.
func (e *endpoint) doubtful(now time.Time) bool {
	if e.refusals == 0 || e.picky || now.Sub(e.refusing) < stubbornAfter || now.Sub(e.asked) < stubbornAfter {
		return false
	}
	e.asked = now
	return true
}

// mayHurry says whether a span that an endpoint has refused may be sent again
// without a pause: it has taken something since then, or is picky.
func (s *endpoints) mayHurry(e *endpoint, since uint64) bool {
	if e == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.progress > since || e.picky
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
		e.lastErr, e.lastErrAt = short(answer.Err.Error()), now
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
		switch {
		case spans > 0:
			s.up(e, now)
		case e.refusals > 0 && now.Sub(e.refusing) >= stubbornAfter:
			e.picky = true
			e.failures, e.notBefore = 0, time.Time{}
		}
	case Refused:
		e.held = false
		if e.refusals == 0 {
			e.refusing = now
		}
		e.refusals++
		switch {
		case spans == 0:
			e.picky = false
			s.down(a, now, maxBackoff, 0)
		case e.picky:
			e.notBefore = now.Add(s.jitter(stubbornPause))
		case e.refusals > bits.Len(uint(spans))+patience:
			s.down(a, now, maxRefusedBackoff, 0)
		}
	case Later:
		e.held, e.picky = false, false
		if again := e.name.lookedAt.Add(resolveAgain); e.name.due.After(again) {
			e.name.due = again // perhaps it is somewhere else now
		}
		s.down(a, now, maxBackoff, retryAfter)
	case Held:
		e.picky = false
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

// maxError is how much of an error is shown, in bytes: a server may write a
// novel into its status.
const maxError = 300

func short(s string) string {
	if len(s) <= maxError {
		return s
	}
	return strings.ToValidUTF8(s[:maxError], "") + " …"
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
	e.held, e.said, e.picky = false, false, false
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
