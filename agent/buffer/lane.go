package buffer

import (
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// Options are the limits of a lane.
type Options struct {
	// Memory bounds the lane, in bytes: queues and what is in flight.
	Memory int
	// MaxAge is how long a span may stay.
	MaxAge time.Duration
	// BatchBytes and BatchAge say when a batch is due: when a queue holds so
	// many bytes, or when its oldest span has waited so long.
	BatchBytes int
	BatchAge   time.Duration
}

// A Lane keeps the spans of one tenant and its account. Its methods may be
// called from any goroutine, except Take, which has one caller.
type Lane struct {
	name string

	mu       sync.Mutex
	opt      Options
	account  ledger.Account // Buffered is not kept in it
	answered queue
	datagram queue
	flying   []*Batch // in flight
	inFlight int      // memory of their chunks, in bytes
	turn     bool     // whose turn Take begins with: true is answered
	flushing bool
	staying  bool // the process ends, and what is on disk stays there
	refused  bool // answered had no room since it was empty: all of it is due
	spare    spare
	store    *store // nil: everything is kept in memory alone

	// wake has room for one: it is filled when Take may have something to do.
	wake chan struct{}
}

// NewLane returns an empty lane.
func NewLane(name string, opt Options) *Lane {
	return &Lane{name: name, opt: opt, wake: make(chan struct{}, 1)}
}

// SetOptions changes the limits. A smaller memory takes effect at once for the
// datagram queue, whose oldest spans are dropped, and as the answered queue drains.
func (l *Lane) SetOptions(opt Options) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opt = opt
	for _, q := range l.queues() {
		if q.disk != nil {
			q.disk.ahead = aheadOf(opt.Memory)
		}
	}
	l.makeRoom(&l.datagram, 0)
	l.notify()
}

// Datagram enters a packet of spans that came without a question: a frame of
// so many spans, and spans that had to be left out of it. frame is copied; it
// may be empty. What does not fit pushes out the oldest of its kind.
func (l *Lane) Datagram(frame []byte, spans int, left ledger.LeftOut) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leftOut(left)
	if spans == 0 {
		return
	}
	l.account.Accepted += uint64(spans)
	if !l.append(&l.datagram, frame, spans, now) {
		l.account.Dropped[ledger.BufferFull] += uint64(spans)
	}
}

// LeftOut counts spans that were left out of a request whose others have entered.
func (l *Lane) LeftOut(left ledger.LeftOut) {
	l.mu.Lock()
	l.leftOut(left)
	l.mu.Unlock()
}

// leftOut takes spans in and drops them. mu is held.
func (l *Lane) leftOut(left ledger.LeftOut) {
	l.account.Accepted += uint64(left.Invalid + left.TooBig)
	l.account.Dropped[ledger.Invalid] += uint64(left.Invalid)
	l.account.Dropped[ledger.TooBig] += uint64(left.TooBig)
}

// Refuse counts a packet or request that does not enter.
func (l *Lane) Refuse(reason ledger.RefuseReason) {
	l.mu.Lock()
	l.account.Refused[reason]++
	l.mu.Unlock()
}

// Report adds what clients say of their losses.
func (l *Lane) Report(r ledger.ClientReported) {
	l.mu.Lock()
	c := &l.account.ClientReported
	c.FullQueue += r.FullQueue
	c.TooLarge += r.TooLarge
	c.SendFailure += r.SendFailure
	c.Gaps += r.Gaps
	l.mu.Unlock()
}

// KernelDropped adds packets that the kernel dropped for want of room in a socket.
func (l *Lane) KernelDropped(packets uint64) {
	l.mu.Lock()
	l.account.KernelDrops += packets
	l.mu.Unlock()
}

// append copies a frame into a queue, if there is room or room can be made.
func (l *Lane) append(q *queue, frame []byte, spans int, now time.Time) bool {
	c := q.tail()
	if c == nil || !c.fits(len(frame), now, l.ageSpan()) {
		need := chunkSize(len(frame))
		if !l.makeRoom(q, need) {
			return false
		}
		c = l.alloc(need)
		q.reserve(c.size())
		q.push(c)
	}
	before := q.chunks.bytes
	c.append(frame, spans, now)
	q.chunks.bytes += len(frame)
	if q.disk != nil {
		q.disk.appended(c, len(frame), now)
	}
	// Take sleeps until a batch is due. It must hear of the first frame, from
	// which on it watches the clock, and of the one that makes a batch full.
	if before == 0 || before < l.batchBytes() && q.chunks.bytes >= l.batchBytes() {
		l.notify()
	}
	return true
}

// ageSpan is how far apart in age spans of one chunk or batch may be, since
// they expire together.
func (l *Lane) ageSpan() time.Duration { return l.opt.MaxAge / 64 }

// limit is how much memory may wait, in bytes. With a disk it is five eighths
// of the lane's: a quarter is for what is in flight, an eighth for what is read
// from disk.
func (l *Lane) limit() int {
	if l.store != nil {
		return l.opt.Memory / 8 * 5
	}
	return l.opt.Memory
}

// limitAnswered is how much of it the answered queue may have. With a disk that
// works it is all of it, since what waits in memory is only on its way there: the
// halves are halves of the disk.
func (l *Lane) limitAnswered() int {
	if d := l.answered.disk; d != nil && !d.fails() {
		return l.limit()
	}
	return l.limit() / 2
}

// largest is how much the answered queue takes when it is empty, and its disk
// works if it has one.
func (l *Lane) largest() int {
	if l.store != nil {
		return l.limit()
	}
	return l.limitAnswered()
}

// used is what a queue takes of the limit.
func (l *Lane) used(q *queue) int {
	if l.store != nil {
		return q.wait
	}
	return q.memory
}

// roomAnswered reports whether n more bytes of memory may wait in the answered
// queue; what of it is on disk makes room.
func (l *Lane) roomAnswered(n int) bool {
	for l.used(&l.answered)+n > l.limitAnswered() {
		if !l.evict(&l.answered) {
			return false
		}
	}
	return true
}

// makeRoom makes room for n more bytes of memory in a queue: it evicts what is
// on disk, and then drops the oldest datagrams; with a disk, the answered queue
// drops only those that take more than half.
func (l *Lane) makeRoom(q *queue, n int) bool {
	if q == &l.answered && !l.roomAnswered(n) {
		return false
	}
	d := &l.datagram
	for l.used(&l.answered)+l.used(d)+n > l.limit() {
		switch {
		case l.evict(d) || l.evict(&l.answered):
		case l.store != nil && q != d && l.used(d) <= l.limit()/2,
			len(d.chunks.list) == 0 || !l.discard(d, &d.chunks, ledger.BufferFull):
			return false
		}
	}
	return true
}

// full says that the answered queue had no room: what waits in it, for more to
// make a batch of, waits no longer.
func (l *Lane) full() {
	if !l.refused && !l.answered.empty() {
		l.refused = true
		l.notify()
	}
}

// notify wakes Take.
func (l *Lane) notify() {
	select {
	case l.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Snapshot is the lane's account and what it holds, at one moment.
func (l *Lane) Snapshot() ledger.Lane {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := ledger.Lane{Name: l.name, Account: l.account}
	buffered := l.answered.spans() + l.datagram.spans()
	var oldest time.Time
	for _, q := range l.queues() {
		if from, _ := q.ready(); len(from.list) > 0 {
			oldest = earliest(oldest, from.list[0].oldest)
		}
	}
	for _, b := range l.flying {
		buffered += b.left + b.stay
		oldest = earliest(oldest, b.Oldest())
	}
	s.Buffered = uint64(buffered)
	s.Buffer = ledger.Buffer{
		Limit: l.opt.Memory, Answered: l.answered.memory, Datagram: l.datagram.memory, InFlight: l.inFlight,
		Disk: l.diskStatus(),
	}
	if !oldest.IsZero() {
		s.Buffer.OldestAge = now.Sub(oldest).Seconds()
	}
	return s
}

func (l *Lane) queues() [2]*queue { return [2]*queue{&l.answered, &l.datagram} }

// earliest is the earlier of two times; the zero time is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
