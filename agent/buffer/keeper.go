package buffer

import (
	"context"
	"log/slog"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
)

const (
	// writeAfter is how long datagrams wait to be written, so that one
	// write(2) takes many. With the rest between two reads of a socket (20 ms),
	// a killed process loses 50 ms of them at most.
	writeAfter = 25 * time.Millisecond
	// writeBytes is how much is written at once without waiting, in bytes.
	writeBytes = 256 << 10
	// saveEvery is how often positions are saved, and files are synced that
	// nobody waits for.
	saveEvery = 200 * time.Millisecond
	// retryAfter is how long after a failure the disk is tried again.
	retryAfter = 5 * time.Second
	// never is a long time: whatever comes wakes the keeper.
	never = time.Hour
)

// keeper keeps a queue on disk: it writes what is dirty, reads what is behind
// and saves how far delivery has come. Its goroutine alone touches the queue's
// logs; it has the lane's lock between two operations, never during one.
type keeper struct {
	lane  *Lane
	queue *queue
	disk  *disk
	store *store
	index int // of the queue, in Lane.queues and folder.logs
	name  string
	log   *slog.Logger

	own     *disklog.Log
	adopted []*adopted // oldest first
	sought  uint64     // where the own log was told to read on
	next    uint64     // the record that the own log will append

	saved    time.Time // when positions were last saved
	unsynced bool      // something was written since
	acked    bool      // something was acknowledged since
	retry    time.Time // after a failure: not to be written before then
	resave   time.Time // the same of saving
	reread   time.Time // the same of reading
	pieces   []piece
	bytes    [][]byte // of the pieces
	pending  []disklog.Pending
}

// piece is a part of a chunk that is being written.
type piece struct {
	chunk *chunk
	bytes int
	spans int
}

// run works until ctx is done.
func (k *keeper) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(k.work(time.Now()))
		select {
		case <-ctx.Done():
		case <-k.disk.wake:
		case <-timer.C:
		}
	}
}

// work does what is due, and returns how long there will be nothing to do
// unless the keeper is woken.
func (k *keeper) work(now time.Time) (wait time.Duration) {
	k.adopt()
	if k.due(now) <= 0 {
		k.write()
	}
	k.makeRoom() // the other queue may have grown
	more := k.fetch()
	if k.dueToSave(now) <= 0 {
		k.save()
	}
	if more {
		return 0
	}
	now = time.Now()
	wait = min(k.due(now), k.dueToSave(now))
	if now.Before(k.reread) {
		wait = min(wait, k.reread.Sub(now))
	}
	return wait
}

// due is when something is to be written.
func (k *keeper) due(now time.Time) time.Duration {
	l, d := k.lane, k.disk
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := never
	switch {
	case d.dirtyBytes == 0 && d.failure == nil && !d.awaited && !d.slow:
		return never
	case k.queue == &l.answered, d.dirtyBytes >= writeBytes, l.flushing, d.slow:
		wait = 0
	case d.dirtyBytes > 0:
		wait = d.dirtySince.Add(writeAfter).Sub(now)
	}
	if d.failure != nil {
		wait = k.retry.Sub(now)
	}
	return wait
}

// write is a pass: what is dirty gets on disk, and those who wait for it hear
// of that.
func (k *keeper) write() {
	p := k.collect()
	first, written, err := k.append()
	if err == nil && k.unsynced && (k.waitsForSync() || k.failed()) {
		err = k.sync()
	}
	if err == nil && written == 0 && k.failed() {
		err = k.savePositions() // else nothing would show whether the disk works again
	}
	k.settle(first, written, err)
	p.err = err
	close(p.done)
}

// append writes the pieces of a pass, a segment's worth at a time. It returns
// the first one's record, and how many were written.
func (k *keeper) append() (first uint64, written int, err error) {
	if err := k.open(); err != nil {
		return 0, 0, err
	}
	if len(k.pending) > 0 { // else it is a look whether the disk works again
		k.makeRoom()
	}
	first = k.next
	for written < len(k.pending) {
		n, bytes := written, 0
		for n < len(k.pending) && (n == written || bytes+len(k.bytes[n]) <= k.store.segmentBytes()) {
			bytes += len(k.bytes[n])
			n++
		}
		if _, err := k.own.Append(k.pending[written:n]...); err != nil {
			return first, written, err
		}
		k.next += uint64(n - written)
		k.unsynced, written = true, n
	}
	return first, written, nil
}

func (k *keeper) waitsForSync() bool {
	return k.queue == &k.lane.answered && k.disk.sync == SyncAlways
}

func (k *keeper) sync() error {
	err := k.own.Sync()
	if err == nil {
		k.unsynced = false
	}
	return err
}

// collect begins a pass: it takes over all that is dirty.
func (k *keeper) collect() *pass {
	l, d := k.lane, k.disk
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range d.dirty {
		c.busy = true
		k.pieces = append(k.pieces, piece{c, c.dirty(), c.spans - c.spansOnDisk})
		k.bytes = append(k.bytes, c.frames[c.written:])
	}
	for i, p := range k.pieces {
		k.pending = append(k.pending, disklog.Pending{
			Weight: uint64(p.spans), Time: p.chunk.newest, Data: k.bytes[i : i+1],
		})
	}
	clear(d.dirty)
	d.dirty = d.dirty[:0]
	d.writing, d.dirtyBytes, d.awaited = d.dirtyBytes, 0, false
	p := d.pass
	d.pass = newPass()
	return p
}

// settle ends a pass. So many of the pieces as were written are in the log, from
// the record first on; err is what went wrong.
func (k *keeper) settle(first uint64, written int, err error) {
	l, d := k.lane, k.disk
	used := k.used()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, p := range k.pieces {
		c := p.chunk
		if i < written {
			if c.written == 0 {
				c.log, c.first = k.own, first+uint64(i)
			}
			c.last = first + uint64(i)
			c.written += p.bytes
			c.spansOnDisk += p.spans
		}
		c.busy = false
	}
	for i := len(k.pieces) - 1; i >= written; i-- {
		d.dirtyAgain(k.pieces[i])
	}
	for _, p := range k.pieces {
		if p.chunk.gone {
			l.release(k.queue, p.chunk)
		}
	}
	clear(k.pieces)
	clear(k.bytes)
	clear(k.pending)
	k.pieces, k.bytes, k.pending = k.pieces[:0], k.bytes[:0], k.pending[:0]
	d.writing, d.used = 0, used
	k.state(err)
	if err == nil {
		l.evictBeyond(k.queue, l.opt.Memory/4)
	}
	if other := l.datagram.disk; other != d && l.overDisk(0) > 0 {
		other.notify()
	}
}

// state notes whether the disk works. The log hears of it once a lane: both
// queues are on one disk.
func (k *keeper) state(err error) {
	d, others := k.disk, false
	for _, q := range k.lane.queues() {
		others = others || q.disk != d && q.disk.failure != nil
	}
	now := time.Now()
	k.retry = time.Time{}
	switch {
	case err == nil && !d.fails():
		return
	case err != nil:
		k.retry = now.Add(retryAfter)
		if d.failure == nil {
			d.since = now
		}
		if d.failure == nil && !others {
			k.log.Error("the disk buffer does not work", "path", k.store.path, "error", err,
				"consequence", d.sync.consequence(), "retry", retryAfter)
		}
	case !others:
		k.log.Info("the disk buffer works again", "path", k.store.path, "after", now.Sub(d.since).Round(time.Millisecond))
	}
	d.failure, d.slow = err, false
}

func (k *keeper) failed() bool {
	k.lane.mu.Lock()
	defer k.lane.mu.Unlock()
	return k.disk.failure != nil
}
