package buffer

import (
	"slices"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/disklog"
)

// chunkBytes is the size of a chunk: small, so that little is lost when the
// oldest is dropped and little is wasted when one is half empty; large enough
// to hold any datagram (65,507 bytes), of which tracers fill 65,000 at most.
const chunkBytes = 64 << 10

// chunkStep is in bytes. Chunks for larger frames come in multiples of it, so
// that they can be used again: an SDK's full requests differ in size by some
// percent, and one of 512 spans has 200 kB.
const chunkStep = 32 << 10

// chunkSize is the size of a chunk that takes a frame of n bytes.
func chunkSize(n int) int { return max((n+chunkStep-1)/chunkStep*chunkStep, chunkBytes) }

// A chunk is a block of frames put end to end.
type chunk struct {
	frames []byte
	spans  int
	oldest time.Time // when its first frame came
	newest time.Time // when its last frame came

	// What follows is for a queue that is kept on disk.

	log         *disklog.Log // has the first written bytes of frames as records, if written is not 0
	written     int          // bytes of frames
	spansOnDisk int          // spans of them
	first, last uint64       // of the records
	busy        bool         // the keeper reads frames: the memory can't be used again yet
	gone        bool         // it left its queue while it was busy
}

// size is the memory that the chunk takes, in bytes.
func (c *chunk) size() int { return cap(c.frames) }

// dirty is how many bytes are not on disk.
func (c *chunk) dirty() int { return len(c.frames) - c.written }

// givenUp reports whether records of it were given up while it was in memory.
func (c *chunk) givenUp() bool { return c.written > 0 && c.log.Stats().FirstSeq > c.first }

// fits reports whether a frame of n bytes that comes now may be appended. A
// chunk is not filled for longer than span, so that what is in it is about of
// one age.
func (c *chunk) fits(n int, now time.Time, span time.Duration) bool {
	return len(c.frames)+n <= cap(c.frames) && now.Sub(c.oldest) < span
}

func (c *chunk) append(frame []byte, spans int, now time.Time) {
	if len(c.frames) == 0 {
		c.oldest = now
	}
	c.frames = append(c.frames, frame...)
	c.spans += spans
	c.newest = now
}

// A chunks is a FIFO of chunks.
type chunks struct {
	list   []*chunk // oldest first
	bytes  int      // of their frames
	memory int      // that they take, in bytes
}

func (f *chunks) push(c *chunk) {
	f.list = append(f.list, c)
	f.bytes += len(c.frames)
	f.memory += c.size()
}

// putBack puts chunks before the oldest.
func (f *chunks) putBack(list []*chunk) {
	f.list = slices.Insert(f.list, 0, list...)
	for _, c := range list {
		f.bytes += len(c.frames)
		f.memory += c.size()
	}
}

// pop takes the oldest chunk out.
func (f *chunks) pop() *chunk {
	c := f.list[0]
	n := copy(f.list, f.list[1:])
	f.list[n] = nil
	f.list = f.list[:n]
	f.bytes -= len(c.frames)
	f.memory -= c.size()
	return c
}

// spans counts them, chunk by chunk.
func (f *chunks) spans() (n int) {
	for _, c := range f.list {
		n += c.spans
	}
	return n
}

// A queue is a FIFO of spans. What is in memory alone or as well as on disk is
// in chunks; before it comes what is on disk alone. The lane's lock guards it.
type queue struct {
	chunks chunks
	memory int   // of chunks, those in flight and those read from disk included
	wait   int   // memory of those in chunks, and of those that are going to be
	disk   *disk // nil: kept in memory alone
}

// tail is the chunk to append to, or nil.
func (q *queue) tail() *chunk {
	if len(q.chunks.list) == 0 {
		return nil
	}
	return q.chunks.list[len(q.chunks.list)-1]
}

// push adds a chunk to those in memory. Its memory counts already.
func (q *queue) push(c *chunk) { q.chunks.push(c) }

// pop takes the oldest chunk out; its memory still counts.
func (q *queue) pop(from *chunks) *chunk {
	c := from.pop()
	if from == &q.chunks {
		q.wait -= c.size()
	}
	return c
}

// reserve counts memory for a chunk that is going to be in memory.
func (q *queue) reserve(n int) {
	q.memory += n
	q.wait += n
}

// ready is what can be taken, the oldest first. more says that older spans
// than those that came last are still to be read from disk into it.
func (q *queue) ready() (from *chunks, more bool) {
	if d := q.disk; d != nil && (d.behind.sum() > 0 || len(d.fetched.list) > 0) {
		return &d.fetched, d.fetches()
	}
	return &q.chunks, false
}

// spans counts all that is in the queue; what is in flight is not there.
func (q *queue) spans() int {
	n := q.chunks.spans()
	if q.disk != nil {
		n += q.disk.fetched.spans() + q.disk.behind.sum()
	}
	return n
}

// empty reports whether there is nothing to take, now or later.
func (q *queue) empty() bool {
	return len(q.chunks.list) == 0 && (q.disk == nil || len(q.disk.fetched.list) == 0 && q.disk.behind.sum() == 0)
}

// discard drops the oldest chunk of those that are in memory, for a reason,
// and gives its memory back. It can't while the chunk is being written.
func (l *Lane) discard(q *queue, from *chunks, reason ledger.DropReason) bool {
	if from.list[0].busy {
		return false
	}
	l.account.Dropped[reason] += uint64(from.list[0].spans)
	l.release(q, q.pop(from))
	return true
}

// release gives back the memory of a chunk that has left a queue for good, and
// what it has on disk.
func (l *Lane) release(q *queue, c *chunk) {
	if c.busy {
		c.gone = true // the keeper releases it
		return
	}
	if d := q.disk; d != nil {
		if c.written > 0 {
			d.ack(c.log, c.first, c.last)
		}
		d.forget(c)
	}
	l.free(q, c)
}

// free gives back the memory of a chunk.
func (l *Lane) free(q *queue, c *chunk) {
	q.memory -= c.size()
	*c = chunk{frames: c.frames[:0]}
	l.spare.put(c)
	l.spare.trim(l.spareRoom(0))
	l.sweepLater()
}

// alloc returns an empty chunk of a size that chunkSize gave.
func (l *Lane) alloc(size int) *chunk {
	c := l.spare.take(size)
	if c == nil {
		c = &chunk{frames: make([]byte, 0, size)}
	}
	l.spare.trim(l.spareRoom(size))
	return c
}

// spareRoom is what spare chunks may take beside those in the queues and one of
// so many bytes more.
func (l *Lane) spareRoom(more int) int {
	return l.opt.Memory - l.answered.memory - l.datagram.memory - more
}
