package h2

import (
	"errors"
	"os"
	"time"

	"golang.org/x/net/http2"
)

// A connection has one timer, the deadline of its reads. It is set for what is
// due first, and not again for what is due later: what that is, is looked up
// when it fires.

// read writes what waits to be written, and then reads, for as long as nothing
// is due that ends the connection. A frame may be half read meanwhile. more is
// how many bytes are sure to come; fits says that the peer can send them all
// without being told to go on.
func (c *conn) read(p []byte, more int, fits bool) (int, error) {
	if err := c.flush(true); err != nil {
		return 0, err
	}
	for {
		n, err := c.receive(p, more, fits)
		if n > 0 {
			if c.begun.IsZero() {
				c.begun = time.Now()
				c.mu.Lock()
				c.by(c.begun.Add(c.srv.RequestTimeout))
				c.mu.Unlock()
			}
			return n, nil // an error comes again
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		if err := c.check(time.Now()); err != nil {
			return 0, err
		}
		if err := c.flush(true); err != nil {
			return 0, err
		}
	}
}

// by makes check be called at t, if not before. mu is held.
func (c *conn) by(t time.Time) {
	if c.due.IsZero() || t.Before(c.due) {
		c.due = t
		_ = c.nc.SetReadDeadline(t) // a connection that is closed says so when it is read
	}
}

// wake makes check be called now. mu is held.
func (c *conn) wake() { c.by(time.Unix(1, 0)) }

// check does what is due, and sets the timer anew. An error ends the connection.
func (c *conn) check(now time.Time) error {
	c.mu.Lock()
	c.due = time.Time{}
	err := c.connectionDue(now)
	var slow []*stream
	for _, s := range c.streams {
		switch {
		case s.state == receiving && !now.Before(s.due):
			s.state = handling
			slow = append(slow, s)
		case s.state == receiving:
			c.by(s.due)
		case s.state == answering && !now.Before(s.begun.Add(c.srv.AnswerTimeout)):
			c.reset(s.id, http2.ErrCodeCancel) // it does not give room for its answer
			c.cancel(s)
		case s.state == answering:
			c.by(s.begun.Add(c.srv.AnswerTimeout))
		}
	}
	c.mu.Unlock()
	for _, s := range slow {
		c.finish(s, ErrSlow)
	}
	return err
}

// connectionDue does what is due for the connection. mu is held.
func (c *conn) connectionDue(now time.Time) error {
	due := func(t time.Time) bool {
		if now.Before(t) {
			c.by(t)
			return false
		}
		return true
	}
	if c.now.After(c.pinged) {
		c.pinged = time.Time{} // whatever came, it is there
	}
	switch {
	case !c.greeted && due(c.opened.Add(c.srv.HeaderTimeout)):
		return connError{http2.ErrCodeSettingsTimeout, "no SETTINGS in time"}
	case c.block.id != 0 && due(c.block.begun.Add(c.srv.HeaderTimeout)):
		return connError{http2.ErrCodeEnhanceYourCalm, "headers that do not come to an end"}
	case !c.begun.IsZero() && due(c.begun.Add(c.srv.RequestTimeout)):
		return connError{http2.ErrCodeEnhanceYourCalm, "a frame that does not come to an end"}
	case c.leaving && len(c.streams) == 0:
		return errDone
	case !c.pinged.IsZero() && due(c.pinged.Add(pingTimeout)):
		return errors.New("no answer to a ping")
	}
	if c.pinged.IsZero() && due(c.now.Add(c.srv.PingAfter)) {
		c.pinged = now
		_ = c.framer.WritePing(false, keepalive)
		c.by(now.Add(pingTimeout))
	}
	if !c.leaving && len(c.streams) == 0 && c.draining.IsZero() && due(c.idle.Add(c.srv.IdleTimeout)) {
		c.sayGoAway(now)
	}
	if !c.leaving && !c.draining.IsZero() && due(c.draining.Add(drainTimeout)) {
		c.sayLast()
		if len(c.streams) == 0 {
			return errDone
		}
	}
	return nil
}
