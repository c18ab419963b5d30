package h2

import (
	"sync"
	"sync/atomic"
)

const (
	// smallRead and largeRead are how much of a connection is read at once, in
	// bytes: the former while nobody knows what comes, the latter while more of
	// a body is known to be on its way. What a frame needs beyond smallRead is
	// read where it goes.
	smallRead = 4 << 10
	largeRead = 64 << 10
	// maxLarge is how many buffers of largeRead there are at most. A peer that
	// is slow may hold one; others do without it.
	maxLarge = 4
	// quietRead is how much of a body that is larger than what is left of the
	// window the kernel may collect before it tells, in bytes: half of what a peer
	// can always send (half of window).
	quietRead = window / 4
)

// inbox is what was read of a connection and is not dealt with yet.
type inbox struct {
	c     *conn
	small [smallRead]byte
	large *largeBuffer // nil, or borrowed
	left  []byte       // of one of them
	took  int          // of the frame that is being read, in bytes
}

type largeBuffer [largeRead]byte

// largeBuffers are those of a server.
type largeBuffers struct {
	lent atomic.Int32
	pool sync.Pool // of *largeBuffer
}

func (l *largeBuffers) borrow() *largeBuffer {
	if l.lent.Add(1) > maxLarge {
		l.lent.Add(-1)
		return nil
	}
	if b, ok := l.pool.Get().(*largeBuffer); ok {
		return b
	}
	return new(largeBuffer)
}

func (l *largeBuffers) giveBack(b *largeBuffer) {
	if b != nil {
		l.pool.Put(b)
		l.lent.Add(-1)
	}
}

// Read implements io.Reader for the framer.
func (i *inbox) Read(p []byte) (n int, err error) {
	if len(i.left) == 0 {
		i.free()
		more, fits := i.c.missing()
		if more -= i.took; more > smallRead {
			i.large = i.c.srv.large.borrow()
		}
		switch {
		case i.large == nil && len(p) >= smallRead:
			n, err = i.c.read(p, more, fits)
			i.took += n
			return n, err
		case i.large != nil:
			n, err = i.c.read(i.large[:], more, fits)
			i.left = i.large[:n]
		default:
			n, err = i.c.read(i.small[:], more, fits)
			i.left = i.small[:n]
		}
		if n == 0 {
			i.free()
			return 0, err // with n > 0, an error comes again
		}
	}
	n = copy(p, i.left)
	i.left = i.left[n:]
	i.took += n
	return n, nil
}

// free gives back what was borrowed. Nothing is left in it.
func (i *inbox) free() {
	i.c.srv.large.giveBack(i.large)
	i.large, i.left = nil, nil
}

// missing is how many bytes more are sure to come, if the peer is well: those of
// a body, when it is the only one that comes. With several, one that stands still
// would keep the others waiting. fits says that they have room in what is left of
// both windows, the connection's and the stream's.
func (c *conn) missing() (more int, fits bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.streams) != 1 {
		return 0, false
	}
	for _, s := range c.streams {
		if s.state != receiving {
			return 0, false
		}
		more = s.missing()
		fits = more <= window-max(c.owed, s.owed)
	}
	return more, fits
}

// missing is how much of a body is sure to come yet, in bytes; 0 if nobody knows.
func (s *stream) missing() int {
	if s.length >= 0 {
		return int(s.length - s.received)
	}
	return s.receiver.Missing()
}
