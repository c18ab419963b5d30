package h2

import (
	"slices"
	"time"

	"golang.org/x/net/http2"
)

// state is how far a stream has come.
type state uint8

const (
	receiving state = iota // its body comes; the goroutine that reads owns it
	handling               // End has been, or will be, called
	answering              // the peer's windows have no room for the rest of the answer
	gone                   // nobody waits for an answer
)

// stream is a call. The goroutine that reads owns its fields, except those
// that are said to be the connection's.
type stream struct {
	id       uint32
	begun    time.Time // when its headers were complete
	receiver Receiver
	owed     int   // of its window, to be given back, in bytes
	length   int64 // what it said its body has, in bytes; -1: nobody said
	received int64 // of its body, in bytes
	head     bool  // the answer has no body

	state      state     // guarded by the connection's mu, as all below
	running    bool      // End is being called by another goroutine
	complete   bool      // the peer has sent all that it will
	sendWindow int64     // what the peer takes of its answer, in bytes; may be negative
	rest       Reply     // what is left of the answer
	due        time.Time // when its body has to be complete
}

// open makes a stream. mu is held.
func (c *conn) open(s *stream) {
	if len(c.streams) == 0 {
		c.busy(true)
	}
	s.sendWindow = c.peerWindow
	c.streams[s.id] = s
	s.due = s.begun.Add(c.srv.RequestTimeout)
	c.by(s.due)
}

// cancel forgets a stream that nobody waits for any more; if End is being
// called, when it has returned. mu is held.
func (c *conn) cancel(s *stream) {
	s.state = gone
	if !s.running {
		c.remove(s)
	}
}

// cutOff tells the receiver of a stream that is gone.
func (c *conn) cutOff(s *stream) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p)
		}
	}()
	s.receiver.End(ErrGone)
}

// remove forgets a stream. mu is held.
func (c *conn) remove(s *stream) {
	delete(c.streams, s.id)
	c.ended.add(s.id)
	if len(c.streams) == 0 {
		c.idle = time.Now()
		c.busy(false)
		if c.leaving {
			c.wake()
		}
	}
}

// reset writes a RST_STREAM. What comes for the stream afterwards was on its
// way, and is let pass (section 5.4.2). mu is held.
func (c *conn) reset(id uint32, code http2.ErrCode) {
	_ = c.framer.WriteRSTStream(id, code)
	c.ours.add(id)
}

// handle has a stream answered whose body is complete, or not wanted any more.
// Where that may wait, for a disk, a goroutine does it: the other calls of the
// connection should not have to. Waking it costs about 6 µs.
func (c *conn) handle(s *stream) {
	quick := s.receiver.Quick()
	c.mu.Lock()
	s.state, s.running = handling, !quick
	c.mu.Unlock()
	if quick {
		c.finish(s, nil)
		return
	}
	c.handlers.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				c.panicked(p)
				c.mu.Lock()
				s.running = false
				c.reset(s.id, http2.ErrCodeInternal)
				c.cancel(s)
				c.mu.Unlock()
			}
			_ = c.flush(false) // the goroutine that reads finds out
		}()
		c.finish(s, nil)
	})
}

// finish has a stream answered. Its state is handling.
func (c *conn) finish(s *stream, cause error) {
	reply := s.receiver.End(cause)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.running = false
	switch {
	case s.state == gone || c.err != nil:
		c.remove(s)
	case reply.Status == 0:
		c.reset(s.id, http2.ErrCodeInternal)
		c.remove(s)
	default:
		c.noise.add(noisePerCall)
		c.answer(s, reply)
	}
}

// ring remembers the streams that were added last.
type ring struct {
	ids  [2 * maxStreams]uint32
	next int
}

func (r *ring) add(id uint32) {
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
}

func (r *ring) has(id uint32) bool { return slices.Contains(r.ids[:], id) }
