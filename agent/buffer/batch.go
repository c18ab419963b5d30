package buffer

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// A Batch is spans in flight: taken out of their queue, but still counted as
// buffered until each is settled as delivered or dropped. It has one owner at
// a time.
type Batch struct {
	lane   *Lane
	queue  *queue
	chunks []*chunk
	frames [][]byte
	size   int // memory of its chunks, in bytes
	spans  int
	left   int // spans that are not settled; guarded by the lane's lock
	stay   int // spans that are to stay on disk for the next process; the same
}

// Chunks are the frames of the batch; put end to end they are one request.
// They are valid until Done and must not be changed.
func (b *Batch) Chunks() [][]byte { return b.frames }

// Spans is the number of spans that the batch had when it was taken.
func (b *Batch) Spans() int { return b.spans }

// Oldest is when its oldest span entered the buffer.
func (b *Batch) Oldest() time.Time { return b.chunks[0].oldest }

// Delivered settles n spans that a collector has acknowledged.
func (b *Batch) Delivered(n int) {
	b.settle(n, func(a *ledger.Account) { a.Delivered += uint64(n) })
}

// Dropped settles n spans that are given up. With a disk, those that are given
// up because the process ends stay there.
func (b *Batch) Dropped(reason ledger.DropReason, n int) {
	if reason == ledger.Shutdown && b.queue.disk != nil {
		b.settle(n, func(*ledger.Account) { b.stay += n })
		return
	}
	b.settle(n, func(a *ledger.Account) { a.Dropped[reason] += uint64(n) })
}

func (b *Batch) settle(n int, count func(*ledger.Account)) {
	b.lane.mu.Lock()
	defer b.lane.mu.Unlock()
	if n > b.left {
		panic(fmt.Sprintf("BUG: %d spans settled of a batch that has %d left", n, b.left))
	}
	count(&b.lane.account)
	b.left -= n
}

// Done gives the batch's memory back. Every span must have been settled.
func (b *Batch) Done() {
	l := b.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.left != 0 {
		panic(fmt.Sprintf("BUG: a batch is done with %d spans that are not settled", b.left))
	}
	i := slices.Index(l.flying, b)
	l.flying = slices.Delete(l.flying, i, i+1)
	l.inFlight -= b.size
	if b.stay > 0 {
		l.stay(b)
	}
	for _, c := range b.chunks {
		l.release(b.queue, c)
	}
	b.chunks, b.frames = nil, nil
	l.notify()
}

// Take waits until a batch is due and may be in flight, and returns it. What
// is in flight is bounded to a quarter of the lane's memory. The error is
// ctx's, or io.EOF when the lane was told to flush and its queues are empty.
func (l *Lane) Take(ctx context.Context) (*Batch, error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		b, wait, err := l.take(time.Now())
		if b != nil || err != nil {
			return b, err
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// Flush makes all that is in the queues due at once. When they are empty, Take
// returns io.EOF.
func (l *Lane) Flush() {
	l.mu.Lock()
	l.flushing = true
	l.notify()
	l.mu.Unlock()
}

// Close gives up what is still in the queues, for a process that has to end;
// with a disk, it stays there. Batches in flight are settled by those who hold
// them. Nothing may enter any more.
func (l *Lane) Close() {
	if l.store != nil {
		l.store.close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queues() {
		for len(q.chunks.list) > 0 {
			l.discard(q, &q.chunks, ledger.Shutdown)
		}
	}
}

// take returns the next batch if there is one, or else how long there will be
// none unless Take is woken.
func (l *Lane) take(now time.Time) (b *Batch, wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queues := [2]*queue{&l.datagram, &l.answered}
	if l.turn {
		queues[0], queues[1] = queues[1], queues[0]
	}
	wait = time.Hour // any long time will do: nothing is here that has an age
	for _, q := range queues {
		from, more := q.ready()
		for len(from.list) > 0 && now.Sub(from.list[0].newest) >= l.opt.MaxAge && l.discard(q, from, ledger.Expired) {
		}
		if len(from.list) == 0 {
			continue
		}
		head := from.list[0]
		wait = min(wait, max(head.newest.Add(l.opt.MaxAge).Sub(now), minWait))
		if l.inFlight > 0 && l.inFlight+head.size() > l.opt.Memory/4 {
			continue // Done wakes Take
		}
		due := head.oldest.Add(l.opt.BatchAge).Sub(now)
		if from.bytes >= l.batchBytes() || !more && (due <= 0 || l.flushing || l.refused && q == &l.answered) {
			l.turn = q == &l.datagram // the other is first next time
			return l.batch(q, from), 0, nil
		}
		if !more {
			wait = min(wait, due)
		}
	}
	if l.flushing && l.answered.empty() && l.datagram.empty() {
		return nil, 0, io.EOF
	}
	return nil, wait, nil
}

// minWait is for what is too old but can't be dropped at this moment, because it
// is being written: a disk that hangs may take long. Other spans than these expire
// so much too late at most.
const minWait = 100 * time.Millisecond

// batch takes chunks out of a queue that has some: as many as make a batch
// and may be in flight, one at least.
func (l *Lane) batch(q *queue, from *chunks) *Batch {
	b := &Batch{lane: l, queue: q}
	bytes := 0
	for len(from.list) > 0 {
		c := from.list[0]
		if len(b.chunks) > 0 && (bytes+len(c.frames) > l.batchBytes() || l.inFlight+b.size+c.size() > l.opt.Memory/4 ||
			c.oldest.Sub(b.Oldest()) > max(l.ageSpan(), l.opt.BatchAge)) {
			break
		}
		q.pop(from)
		bytes += len(c.frames)
		b.size += c.size()
		b.spans += c.spans
		b.chunks = append(b.chunks, c)
		b.frames = append(b.frames, c.frames)
	}
	if q == &l.answered && q.empty() {
		l.refused = false
	}
	b.left = b.spans
	l.inFlight += b.size
	l.flying = append(l.flying, b)
	if q.disk != nil && q.disk.fetches() {
		q.disk.notify()
	}
	return b
}

// batchBytes is the size of a full batch: as configured, and so small that two
// can be in flight.
func (l *Lane) batchBytes() int { return min(l.opt.BatchBytes, l.opt.Memory/8) }
