package tail

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// How long a trace is waited for. Jaeger clients send once a second, each
// service at its own moment, so that two parts of a trace may be a second
// apart and a little more.
const (
	quiet    = 1500 * time.Millisecond // since its last span, when root and parents are here
	patience = 3 * time.Second         // since its last span, when one is missing
	longest  = 10 * time.Second        // since its first span, when they never stop
	tick     = 100 * time.Millisecond
)

// remembered is how many trace ids are known after their trace was closed, so
// that late spans are recognised; about 1 MB.
const remembered = 1 << 14

// Limits bound what a Tail holds.
type Limits struct {
	Open  int // traces that are open; those over Kept are only counted, about 150 bytes each
	Kept  int // traces whose spans are kept
	Spans int // spans kept of one trace
	Bytes int // memory of all spans kept
	// Detail says that attributes, events, links and resources are kept.
	Detail bool
}

// Counts says what became of the spans that were put in. At every moment
//
//	Spans = Open + Shown + Hidden
//
// Traces are counted when they close; one that closes more than once, because
// of late spans, counts each time.
type Counts struct {
	Spans, Open, Shown, Hidden uint64 // spans
	TracesShown, TracesHidden  uint64
}

// View shows traces. Its methods are called by one goroutine.
type View interface {
	Limits() Limits
	// Show shows a trace, or returns false when it is one too many.
	Show(*Trace) bool
	// Tick is called about ten times a second, and when all was shown. An
	// error ends the Tail.
	Tick(Counts) error
}

// Tail is a sink for frames. Put may be called by many goroutines.
type Tail struct {
	view   View
	limits Limits
	now    func() time.Time

	mu     sync.Mutex
	open   map[[16]byte]*entry
	list   entry // ring: list.next was quiet for longest
	kept   int   // traces in open that are kept, in closed, or being shown
	bytes  int   // their size
	closed []*Trace
	known  closedIDs
	counts Counts
}

// entry is an open trace.
type entry struct {
	prev, next  *entry
	id          [16]byte
	first, last time.Time
	spans       uint64 // that are not in trace
	trace       *Trace // nil: only counted
	partial     bool   // not whole, as of the last span
}

// New returns a Tail that shows to view.
func New(view View) *Tail {
	t := &Tail{view: view, limits: view.Limits(), now: time.Now, open: map[[16]byte]*entry{}}
	t.list.prev, t.list.next = &t.list, &t.list
	t.known.seen = map[[16]byte]bool{}
	return t
}

// Counts returns a consistent copy.
func (t *Tail) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}

// Put takes the spans of a frame that otlp.Check has passed. It never fails
// and never waits for the view; the frame is the caller's again when it returns.
func (t *Tail) Put(_ context.Context, frame []byte, _ int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for s := range otlp.Spans(frame) {
		t.add(s, now)
	}
	return nil
}

func (t *Tail) add(s *otlp.Span, now time.Time) {
	t.counts.Spans++
	t.counts.Open++
	e := t.open[s.TraceID]
	if e != nil && now.Sub(e.first) > longest {
		if e.trace != nil {
			e.trace.Going = true
		}
		t.close(e)
		e = nil
	}
	if e == nil {
		e = t.begin(s.TraceID, now)
	} else {
		e.prev.next, e.next.prev = e.next, e.prev
	}
	e.last, e.partial = now, false
	e.prev, e.next = t.list.prev, &t.list
	e.prev.next, t.list.prev = e, e

	if e.trace == nil || !t.keep(e.trace, s) {
		e.spans++
	}
}

// begin opens a trace: to be kept when there is room, and not when spans of it
// were counted as not shown before.
func (t *Tail) begin(id [16]byte, now time.Time) *entry {
	if len(t.open) >= t.limits.Open {
		t.close(t.list.next)
	}
	e := &entry{id: id, first: now}
	shown, late := t.known.seen[id]
	if t.kept < t.limits.Kept && (shown || !late) {
		e.trace = &Trace{ID: id, Late: late}
		t.kept++
	}
	t.open[id] = e
	return e
}

// keep adds a span to a trace, or says that it is one too many.
func (t *Tail) keep(tr *Trace, v *otlp.Span) bool {
	size, room := 0, t.limits.Bytes-t.bytes
	if len(tr.Spans) < t.limits.Spans && room > overhead {
		size = tr.add(v, t.limits.Detail, room)
	}
	if size == 0 {
		tr.LeftOut++
	}
	t.bytes += size
	return size > 0
}

// close takes a trace out of those that are open. One that was kept is handed
// to the goroutine that shows.
func (t *Tail) close(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	delete(t.open, e.id)
	t.counts.Open -= e.spans
	t.counts.Hidden += e.spans
	if e.trace == nil {
		t.counts.TracesHidden++
		t.known.add(e.id, false)
		return
	}
	t.known.add(e.id, true)
	t.closed = append(t.closed, e.trace)
}

// take closes what is quiet, or everything, and returns what is to be shown.
func (t *Tail) take(now time.Time, all bool) []*Trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := t.list.next; e != &t.list; {
		next := e.next
		idle := now.Sub(e.last)
		if idle < quiet && !all {
			break
		}
		if idle < patience && !all && e.trace != nil {
			e.partial = e.partial || !e.trace.whole()
		}
		if idle >= patience || all || !e.partial {
			t.close(e)
		}
		e = next
	}
	closed := t.closed
	t.closed = nil
	return closed
}

// settle counts a trace that was shown, or was not.
func (t *Tail) settle(tr *Trace, shown bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := uint64(len(tr.Spans))
	t.kept--
	t.bytes -= tr.bytes
	t.counts.Open -= n
	if shown {
		t.counts.Shown += n
		t.counts.TracesShown++
	} else {
		t.counts.Hidden += n
		t.counts.TracesHidden++
		t.known.add(tr.ID, false)
	}
}

// Run shows traces as they become quiet, until ctx is done; then it shows what
// is still open and returns nil. When the view fails, it returns its error;
// spans that are put in after that are counted as open.
func (t *Tail) Run(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := t.show(false); err != nil {
				return err
			}
		case <-ctx.Done():
			return t.show(true)
		}
	}
}

func (t *Tail) show(all bool) error {
	closed := t.take(t.now(), all)
	// Where not all can be shown, those that failed are.
	slices.SortStableFunc(closed, func(a, b *Trace) int { return cmp.Compare(b.errors, a.errors) })
	for _, tr := range closed {
		t.settle(tr, len(tr.Spans) > 0 && t.view.Show(tr))
	}
	return t.view.Tick(t.Counts())
}

// closedIDs remembers the ids of the traces that were closed last, and whether
// they were shown.
type closedIDs struct {
	seen map[[16]byte]bool
	ring [][16]byte
	at   int
}

func (c *closedIDs) add(id [16]byte, shown bool) {
	_, here := c.seen[id]
	c.seen[id] = shown
	if here {
		return
	}
	if len(c.ring) < remembered {
		c.ring = append(c.ring, id)
		return
	}
	delete(c.seen, c.ring[c.at])
	c.ring[c.at] = id
	c.at = (c.at + 1) % remembered
}
