package buffer

import (
	"slices"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
)

// disk is what a queue that is kept on disk has beside its chunks. The lane's
// lock guards it; the files are the keeper's, which works without the lock.
//
//	      on disk alone             in memory
//	┌─────────────────────┬───────────────────────────┐
//	│ behind ──► fetched ─┼► Take      clean │  dirty │◄─ append
//	└─────────────────────┴──────────────────┴────────┘
//	      keeper reads         ◄─ evict    keeper writes ─► log
//
// Spans are taken from memory as long as all that is older has been taken.
// When memory is wanted, the oldest chunk that is on disk as well is given up
// there (evicted): from then on it is behind, and comes back by being read.
type disk struct {
	sync Sync

	fetched chunks // read from disk, to be taken first
	behind  behind // spans that are on disk and have not been read
	starts  uint64 // record at which what is behind begins in the own log

	dirty      []*chunk  // with bytes that are not on disk, oldest first
	dirtyBytes int       // that the keeper has not begun to write
	dirtySince time.Time // when the oldest of them came
	writing    int       // bytes of the pass that is under way
	acks       []ack
	given      []*adopted // that the keeper does not have yet
	pass       *pass      // the one that will write what is dirty
	awaited    bool       // somebody waits for it

	ahead   int   // memory that is read ahead, in bytes; a chunk and a record more, at most
	limit   int64 // bytes that the files of both queues may have
	used    usage // of this queue's files
	failure error // why nothing can be written; nil: it can
	since   time.Time
	slow    bool // a pass takes long

	// wake has room for one: it is filled when the keeper may have something to do.
	wake chan struct{}
}

// behind counts spans that are on disk alone: in the queue's own log, and in
// those that dead processes left.
type behind struct{ own, adopted int }

func (b behind) sum() int { return b.own + b.adopted }

// usage is what files take.
type usage struct {
	bytes    int64
	segments int
}

// ack is records that are done with.
type ack struct {
	log         *disklog.Log
	first, last uint64
}

// fetchBytes is how much is read ahead of Take, in bytes, where memory allows.
const fetchBytes = 512 << 10

// aheadOf is how much is read ahead by each queue of a lane with so much memory.
func aheadOf(memory int) int { return min(fetchBytes, memory/16) }

// A pass is one turn of the keeper's at writing. Whoever appends something
// waits for the pass that writes it.
type pass struct {
	done chan struct{} // closed at the end
	err  error         // valid from then on
}

func newPass() *pass { return &pass{done: make(chan struct{})} }

func newDisk(opt DiskOptions, memory int) *disk {
	return &disk{sync: opt.Sync, limit: opt.Size, ahead: aheadOf(memory), pass: newPass(), wake: make(chan struct{}, 1)}
}

// appended notes that n bytes were appended to c.
func (d *disk) appended(c *chunk, n int, now time.Time) {
	if len(d.dirty) == 0 || d.dirty[len(d.dirty)-1] != c {
		d.dirty = append(d.dirty, c)
	}
	if d.dirtyBytes == 0 {
		d.dirtySince = now
	}
	before := d.dirtyBytes
	d.dirtyBytes += n
	if before == 0 || before < writeBytes && d.dirtyBytes >= writeBytes {
		d.notify()
	}
}

// dirtyAgain puts back what could not be written.
func (d *disk) dirtyAgain(p piece) {
	if !slices.Contains(d.dirty, p.chunk) {
		d.dirty = slices.Insert(d.dirty, 0, p.chunk)
	}
	d.dirtyBytes += p.bytes
}

// writeAgain takes it that nothing of a chunk is on disk, which the keeper is not
// writing at the moment.
func (d *disk) writeAgain(c *chunk) {
	d.ack(c.log, c.first, c.last) // what is left of it
	if !slices.Contains(d.dirty, c) {
		d.dirty = slices.Insert(d.dirty, 0, c)
	}
	d.dirtyBytes += c.written
	c.written, c.spansOnDisk = 0, 0
}

// forget takes a chunk that is released out of what is to be written.
func (d *disk) forget(c *chunk) {
	if c.dirty() == 0 {
		return
	}
	if i := slices.Index(d.dirty, c); i >= 0 {
		d.dirty = slices.Delete(d.dirty, i, i+1)
		d.dirtyBytes -= c.dirty()
	}
}

// ack notes that records are done with.
func (d *disk) ack(log *disklog.Log, first, last uint64) {
	if n := len(d.acks) - 1; n >= 0 && d.acks[n].log == log && d.acks[n].last+1 == first {
		d.acks[n].last = last
		return
	}
	d.acks = append(d.acks, ack{log, first, last})
	if len(d.acks) == 1 {
		d.notify()
	}
}

// takeAcks hands over what is done with.
func (d *disk) takeAcks() []ack {
	acks := d.acks
	d.acks = nil
	return acks
}

// fetches reports whether the keeper is going to fetch more.
func (d *disk) fetches() bool {
	return d.behind.sum() > 0 && d.fetched.memory < d.ahead
}

// fails reports whether what is appended now will not get to disk soon.
func (d *disk) fails() bool { return d.failure != nil || d.slow }

func (d *disk) notify() {
	select {
	case d.wake <- struct{}{}:
	default: // it is awake already
	}
}

// evict gives up the memory of the oldest chunk of a queue, if it is on disk. Of a
// disk that fails it is not known what can be read again: answered spans are not
// left to it, and datagrams are, which would be dropped otherwise.
func (l *Lane) evict(q *queue) bool {
	d := q.disk
	if d == nil || d.failure != nil && q == &l.answered || len(q.chunks.list) == 0 {
		return false
	}
	c := q.chunks.list[0]
	if c.dirty() > 0 { // or the keeper is writing it
		return false
	}
	q.pop(&q.chunks)
	if d.behind.own == 0 {
		d.starts = c.first
	}
	if d.behind.sum() == 0 {
		d.notify()
	}
	d.behind.own += c.spans
	l.free(q, c)
	return true
}

// evictBeyond evicts until at most limit bytes of memory wait in a queue, as
// far as that is on disk.
func (l *Lane) evictBeyond(q *queue, limit int) {
	for q.wait > limit && l.evict(q) {
	}
}
