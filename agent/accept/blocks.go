package accept

import (
	"math/bits"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// blockSize is the least that a body takes, in bytes: one DATA frame.
	blockSize = 16 << 10
	// keepBlocks is how long a block is kept at least that nobody uses.
	keepBlocks = 5 * time.Second
	// worthCollecting is in bytes: so much that nobody uses any more is given
	// back to the system at once, which takes the runtime a millisecond or two.
	// Less is left to the garbage collector, which comes when there is traffic.
	worthCollecting = 1 << 20
)

// blocks is the memory that requests are received into. It is used again, by
// whoever comes next, and what is kept for that is within the budget: together
// with what is in use, receiving + smalls bytes.
type blocks struct {
	mu   sync.Mutex
	free []block // what was put last is the last
	kept int     // bytes of free
	used int     // bytes given out
	// round counts sweeps, of which there is one every keepBlocks while there
	// are free blocks.
	round    uint64
	sweeping bool
	// moving is held by who copies a large block into a larger one, and has both.
	moving sync.Mutex
}

type block struct {
	bytes []byte
	round uint64 // in which it was put
}

// blockFor is the size of a block for n bytes: as it is asked for, or a little
// larger, so that blocks are of few sizes and can be used again. That is 16 or
// 64 KiB, and from there on four sizes between a power of two and the next.
func blockFor(n int) int {
	switch {
	case n <= blockSize:
		return blockSize
	case n <= smallRequest:
		return smallRequest
	}
	step := max(1<<(bits.Len(uint(n-1))-3), smallRequest)
	return (n + step - 1) / step * step
}

// get returns an empty block of n bytes.
func (b *blocks) get(n int) []byte {
	b.mu.Lock()
	b.used += n
	p := b.take(n)
	for len(b.free) > 0 && b.used+b.kept > receiving+smalls {
		b.drop(0)
	}
	b.mu.Unlock()
	if p == nil {
		p = make([]byte, 0, n)
	}
	return p
}

// take takes a block of n bytes out of those that are free. mu is held.
func (b *blocks) take(n int) []byte {
	for i := len(b.free) - 1; i >= 0; i-- {
		if cap(b.free[i].bytes) == n {
			return b.drop(i)
		}
	}
	return nil
}

// drop takes one out of those that are free. mu is held.
func (b *blocks) drop(i int) []byte {
	p := b.free[i].bytes
	last := len(b.free) - 1
	copy(b.free[i:], b.free[i+1:])
	b.free[last] = block{}
	b.free = b.free[:last]
	b.kept -= cap(p)
	return p
}

// put takes back what get gave, or nil.
func (b *blocks) put(p []byte) {
	if p == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= cap(p)
	if b.used+b.kept+cap(p) > receiving+smalls {
		return // while a large one was moved
	}
	b.free = append(b.free, block{p[:0], b.round})
	b.kept += cap(p)
	if !b.sweeping {
		b.sweeping = true
		time.AfterFunc(keepBlocks, b.sweep)
	}
}

// move returns a block of n bytes with what is in p, and puts p. For the time
// of the copy there are both. Those over blockSize are copied one at a time, so
// that this takes no more than the largest, 1 MiB, beside the budget, and
// blockSize for each thread that copies one of those.
func (b *blocks) move(p []byte, n int) []byte {
	if cap(p) > blockSize {
		b.moving.Lock()
		defer b.moving.Unlock()
	}
	more := append(b.get(n), p...)
	b.put(p)
	return more
}

// sweep gives up the blocks that nobody has used since the last sweep.
func (b *blocks) sweep() {
	b.mu.Lock()
	before := b.kept
	for i := 0; i < len(b.free); {
		if b.free[i].round == b.round {
			i++
			continue
		}
		b.drop(i)
	}
	b.round++
	if b.sweeping = len(b.free) > 0; b.sweeping {
		time.AfterFunc(keepBlocks, b.sweep)
	}
	dropped := before - b.kept
	b.mu.Unlock()
	if dropped >= worthCollecting {
		debug.FreeOSMemory()
	}
}
