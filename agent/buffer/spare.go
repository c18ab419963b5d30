package buffer

import (
	"runtime/debug"
	"time"
)

const (
	// keepSpare is how long a chunk is kept at least that is not used.
	keepSpare = 5 * time.Second
	// worthCollecting is in bytes: so much that is not used any more is given
	// back to the system at once, which takes the runtime a millisecond or two.
	// Less is left to the garbage collector, which comes when there is traffic.
	worthCollecting = 1 << 20
)

// spare are empty chunks that are kept for use again, so that traffic does not
// allocate. Their memory is the lane's, too: they take of it what nothing else
// does. The lane's lock guards them.
type spare struct {
	list  []spareChunk // what was put last is the last
	bytes int          // of memory
	// round counts sweeps, of which there is one every keepSpare while there are
	// spare chunks.
	round    uint64
	sweeping bool
}

type spareChunk struct {
	*chunk
	round uint64 // in which it was put
}

// put keeps a chunk, unless nobody will ask for one of its size.
func (s *spare) put(c *chunk) {
	if c.size() != chunkSize(c.size()) {
		return
	}
	s.list = append(s.list, spareChunk{c, s.round})
	s.bytes += c.size()
}

// take returns a chunk of a size, or nil.
func (s *spare) take(size int) *chunk {
	for i := len(s.list) - 1; i >= 0; i-- {
		if s.list[i].size() == size {
			return s.remove(i)
		}
	}
	return nil
}

// trim gives up what was not used for longest until the rest takes no more than
// room, in bytes.
func (s *spare) trim(room int) {
	for len(s.list) > 0 && s.bytes > room {
		s.remove(0)
	}
}

// sweep gives up what was not used since the last sweep, and returns how many
// bytes that were.
func (s *spare) sweep() (dropped int) {
	before := s.bytes
	for i := 0; i < len(s.list); {
		if s.list[i].round == s.round {
			i++
			continue
		}
		s.remove(i)
	}
	s.round++
	return before - s.bytes
}

func (s *spare) remove(i int) *chunk {
	c := s.list[i].chunk
	n := copy(s.list[i:], s.list[i+1:])
	s.list[i+n] = spareChunk{}
	s.list = s.list[:i+n]
	s.bytes -= c.size()
	return c
}

// sweepLater sees to it that spare chunks are given up when nobody uses them.
func (l *Lane) sweepLater() {
	if len(l.spare.list) == 0 || l.spare.sweeping {
		return
	}
	l.spare.sweeping = true
	time.AfterFunc(keepSpare, func() {
		l.mu.Lock()
		dropped := l.spare.sweep()
		l.spare.sweeping = false
		l.sweepLater()
		l.mu.Unlock()
		if dropped >= worthCollecting {
			debug.FreeOSMemory()
		}
	})
}
