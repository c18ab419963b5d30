package h2

import (
	"net"
	"time"
)

// To be woken for a piece costs more than to take it in. The kernel wakes Go's
// poller for each that comes, even while nobody waits for the connection. So
// while more of a body is sure to come, it is told to keep quiet until there is
// much of it. A body that stands still must not keep what comes beside it
// waiting: then the kernel is to tell of everything again.

// QuietConn is a connection of which the kernel can be told how much is worth
// telling of.
type QuietConn interface {
	net.Conn
	// ReadQuiet is Read. If it has to wait, then for atLeast bytes, an error, or
	// the deadline.
	ReadQuiet(p []byte, atLeast int) (int, error)
}

// quietTime is how long at most, or twice that, what has come may wait in the kernel.
const quietTime = 250 * time.Millisecond

// receive reads. more and fits are as in read.
func (c *conn) receive(p []byte, more int, fits bool) (int, error) {
	switch {
	case c.quiet == nil:
		return c.nc.Read(p)
	case more <= smallRead:
		c.hasty = false
		return c.quiet.ReadQuiet(p, 1)
	case c.hasty:
		return c.quiet.ReadQuiet(p, 1)
	}
	now := time.Now()
	c.since.Store(now.UnixNano())
	c.srv.watch()
	if !fits {
		more = min(more, quietRead)
	}
	n, err := c.quiet.ReadQuiet(p, more)
	c.since.Store(0)
	c.hasty = n == 0 // or it was woken, for whatever reason
	return n, err
}

// watch sees to it that nobody waits for too long.
func (s *Server) watch() {
	if s.watching.CompareAndSwap(false, true) {
		time.AfterFunc(quietTime, s.look)
	}
}

// look wakes the connections that have waited for too long.
func (s *Server) look() {
	s.watching.Store(false) // before it looks: who begins to wait now is seen, or begins another watch
	early := time.Now().Add(-quietTime).UnixNano()
	waits := false
	s.mu.Lock()
	for c := range s.conns {
		since := c.since.Load()
		waits = waits || since > early
		if since != 0 && since <= early {
			c.mu.Lock()
			c.wake()
			c.mu.Unlock()
		}
	}
	s.mu.Unlock()
	if waits {
		s.watch()
	}
}
