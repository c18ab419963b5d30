package buffer

import (
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// chunkBytes is the size of a chunk: small, so that little is lost when the
// oldest is dropped and little is wasted when one is half empty; large enough
// to hold any datagram (65,507 bytes), of which tracers fill 65,000 at most.
const chunkBytes = 64 << 10

// A chunk is a block of frames put end to end.
type chunk struct {
	frames []byte
	spans  int
	oldest time.Time // when its first frame came
	newest time.Time // when its last frame came
}

// size is the memory that the chunk takes, in bytes.
func (c *chunk) size() int { return cap(c.frames) }

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

// A queue is a FIFO of chunks. The lane's lock guards it.
type queue struct {
	chunks []*chunk // oldest first
	bytes  int      // of frames in chunks
	memory int      // of chunks, those in flight included
}

// tail is the chunk to append to, or nil.
func (q *queue) tail() *chunk {
	if len(q.chunks) == 0 {
		return nil
	}
	return q.chunks[len(q.chunks)-1]
}

func (q *queue) push(c *chunk) {
	q.chunks = append(q.chunks, c)
	q.memory += c.size()
}

// pop takes the oldest chunk out of the queue; its memory still counts.
func (q *queue) pop() *chunk {
	c := q.chunks[0]
	n := copy(q.chunks, q.chunks[1:])
	q.chunks[n] = nil
	q.chunks = q.chunks[:n]
	q.bytes -= len(c.frames)
	return c
}

// spans counts what is in the queue, chunk by chunk.
func (q *queue) spans() (n int) {
	for _, c := range q.chunks {
		n += c.spans
	}
	return n
}

// discard drops the oldest chunk for a reason and gives its memory back.
func (l *Lane) discard(q *queue, reason ledger.DropReason) {
	c := q.pop()
	l.account.Dropped[reason] += uint64(c.spans)
	l.release(q, c)
}

// release gives back the memory of a chunk that has left a queue.
func (l *Lane) release(q *queue, c *chunk) {
	q.memory -= c.size()
	if c.size() != chunkBytes || len(l.free) >= maxFree {
		return
	}
	*c = chunk{frames: c.frames[:0]}
	l.free = append(l.free, c)
}

// maxFree is how many empty chunks a lane keeps for use again: those of two
// batches, so that a steady flow allocates nothing.
const maxFree = 16

// alloc returns an empty chunk with room for n bytes.
func (l *Lane) alloc(n int) *chunk {
	if n > chunkBytes {
		l.free = nil // its memory is not counted, and none of it will do
		return &chunk{frames: make([]byte, 0, n)}
	}
	if last := len(l.free) - 1; last >= 0 {
		c := l.free[last]
		l.free[last] = nil
		l.free = l.free[:last]
		return c
	}
	return &chunk{frames: make([]byte, 0, chunkBytes)}
}
