package h2

import (
	"time"

	"golang.org/x/net/http2"
)

// A connection is left in two steps (section 6.8): a GOAWAY that says so, with
// a ping. When that is acknowledged the peer begins no more calls, and a GOAWAY
// says which was the last. The connection ends with the last of its calls.

// Contents of our pings.
var (
	keepalive = [8]byte{'w', 'a', 'y', 's', 'i', 'd', 'e', '\n'}
	drained   = [8]byte{'d', 'r', 'a', 'i', 'n', 'e', 'd', '\n'}
)

// drain begins to leave. It may be called by any goroutine.
func (c *conn) drain() {
	c.mu.Lock()
	if c.lastID == 0 || c.err != nil {
		c.leaving = true // it has not begun: there is nothing to wait for
		c.wake()
	} else if c.draining.IsZero() {
		c.sayGoAway(time.Now())
	}
	c.mu.Unlock()
	_ = c.flush(false)
}

// leave leaves at once: the GOAWAY says which call was the last, and what the peer
// has begun since it may begin elsewhere. It may be called by any goroutine.
func (c *conn) leave() {
	c.mu.Lock()
	switch {
	case c.leaving || c.err != nil:
	case c.lastID == 0:
		c.leaving = true // it has not begun
		c.wake()
	default:
		c.sayLast()
	}
	c.mu.Unlock()
	_ = c.flush(false)
}

// sayGoAway writes the first GOAWAY. mu is held.
func (c *conn) sayGoAway(now time.Time) {
	c.draining = now
	_ = c.framer.WriteGoAway(maxWindow, http2.ErrCodeNo, nil)
	_ = c.framer.WritePing(false, drained)
	c.by(now.Add(drainTimeout))
}

// sayLast writes the last GOAWAY. mu is held.
func (c *conn) sayLast() {
	c.leaving = true
	_ = c.framer.WriteGoAway(c.lastID, http2.ErrCodeNo, nil)
	if len(c.streams) == 0 {
		c.wake()
	}
}

// ping answers one, or takes the answer to ours. mu is held.
func (c *conn) ping(f *http2.PingFrame) error {
	switch {
	case !f.IsAck():
		_ = c.framer.WritePing(true, f.Data)
	case f.Data == keepalive:
		c.pinged = time.Time{}
	case f.Data == drained && !c.draining.IsZero() && !c.leaving:
		c.sayLast()
	}
	return nil
}

// goAwayByPeer ends the connection with the last of its calls.
func (c *conn) goAwayByPeer(*http2.GoAwayFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.leaving {
		c.sayLast()
	}
	return nil
}
