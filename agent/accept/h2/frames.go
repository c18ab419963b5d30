package h2

import (
	"golang.org/x/net/http2"
)

// frame deals with one frame.
func (c *conn) frame(f http2.Frame) error {
	if !c.greeted {
		s, ok := f.(*http2.SettingsFrame)
		if !ok || s.IsAck() {
			return connError{http2.ErrCodeProtocol, "SETTINGS come first"} // section 3.4
		}
		c.greeted = true
	}
	switch f := f.(type) {
	case *http2.DataFrame:
		return c.data(f)
	case *http2.HeadersFrame:
		return c.headers(f)
	case *http2.ContinuationFrame:
		return c.continuation(f)
	case *http2.RSTStreamFrame:
		return c.resetByPeer(f)
	case *http2.PushPromiseFrame:
		return connError{http2.ErrCodeProtocol, "PUSH_PROMISE of a client"} // section 8.4
	case *http2.GoAwayFrame:
		return c.goAwayByPeer(f)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.noise.take(c.now) {
		return connError{http2.ErrCodeEnhanceYourCalm, "too many frames that bring nothing"}
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.PingFrame:
		return c.ping(f)
	case *http2.WindowUpdateFrame:
		return c.windowUpdate(f)
	case *http2.PriorityFrame:
		if f.StreamDep == f.StreamID {
			return streamError(f.StreamID, http2.ErrCodeProtocol) // RFC 7540, section 5.3.1
		}
	}
	return nil // section 4.1: frames of unknown types are ignored
}

// data takes in a piece of a body. The windows are given back when half of them
// was used, whatever it was used for; while the rest of the only body that comes
// has room in them, later, with its answer. Whether the peer keeps to them is not
// looked at (section 6.9.1 leaves that open): nothing is kept that they bound.
func (c *conn) data(f *http2.DataFrame) error {
	id, size := f.StreamID, int(f.Length) // with padding
	c.mu.Lock()
	if c.owed += size; c.owed >= window/2 && !c.fits(f) {
		_ = c.framer.WriteWindowUpdate(0, uint32(c.owed))
		c.owed = 0
	}
	if len(f.Data()) < tinyData && !f.StreamEnded() && !c.noise.take(c.now) {
		c.mu.Unlock()
		return connError{http2.ErrCodeEnhanceYourCalm, "too much DATA that is nearly empty"}
	}
	s := c.streams[id]
	var err error
	switch {
	case s != nil && s.state == receiving:
	case id > c.lastID:
		err = connError{http2.ErrCodeProtocol, "DATA of a stream that is idle"} // section 5.1
	case s != nil && s.complete, s == nil && !c.ours.has(id):
		err = streamError(id, http2.ErrCodeStreamClosed)
	}
	if s == nil || s.state != receiving {
		if s != nil && f.StreamEnded() {
			s.complete = true
		}
		c.mu.Unlock()
		return err
	}
	c.mu.Unlock()
	s.owed += size
	s.received += int64(len(f.Data()))
	if s.length >= 0 && s.received > s.length {
		return streamError(id, http2.ErrCodeProtocol) // section 8.1.1
	}
	if len(f.Data()) > 0 && !s.receiver.Data(f.Data()) {
		if f.StreamEnded() {
			return c.complete(s)
		}
		c.handle(s)
		return nil
	}
	if f.StreamEnded() {
		return c.complete(s)
	}
	if due := s.receiver.Deadline(); !due.IsZero() && due.Before(s.due) {
		c.mu.Lock()
		s.due = due
		c.by(due)
		c.mu.Unlock()
	}
	if rest := s.missing(); s.owed >= window/2 && (rest == 0 || rest > window-s.owed) {
		c.mu.Lock()
		_ = c.framer.WriteWindowUpdate(id, uint32(s.owed))
		c.mu.Unlock()
		s.owed = 0
	}
	return nil
}

// fits reports whether all that is sure to come after f has room in what is left
// of the connection's window, and something is. mu is held.
func (c *conn) fits(f *http2.DataFrame) bool {
	s := c.streams[f.StreamID]
	if s == nil || s.state != receiving || len(c.streams) > 1 {
		return false
	}
	rest := s.missing() - len(f.Data())
	return 0 < rest && rest <= window-c.owed
}

// complete is for a stream of which nothing more comes.
func (c *conn) complete(s *stream) error {
	if s.length >= 0 && s.received != s.length {
		return streamError(s.id, http2.ErrCodeProtocol) // section 8.1.1
	}
	c.mu.Lock()
	s.complete = true
	c.mu.Unlock()
	c.handle(s)
	return nil
}

// resetByPeer forgets a stream. One that was answered before is noise: it was
// work, but it took nobody's place.
func (c *conn) resetByPeer(f *http2.RSTStreamFrame) error {
	c.mu.Lock()
	s := c.streams[f.StreamID]
	var calm, cut bool
	if s == nil {
		calm = c.noise.take(c.now)
	} else {
		calm, cut = c.resets.take(c.now), s.state == receiving
		s.complete = true
		c.cancel(s)
	}
	idle := f.StreamID > c.lastID
	c.mu.Unlock()
	if cut {
		c.cutOff(s)
	}
	switch {
	case idle:
		return connError{http2.ErrCodeProtocol, "RST_STREAM of a stream that is idle"} // section 6.4
	case !calm:
		return connError{http2.ErrCodeEnhanceYourCalm, "too many streams that were reset"}
	}
	return nil
}

// settings does what the peer wants. mu is held.
func (c *conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return err
		}
		switch s.ID {
		case http2.SettingHeaderTableSize:
			c.encoder.SetMaxDynamicTableSize(min(s.Val, tableSize))
		case http2.SettingInitialWindowSize:
			// Section 6.9.2: it changes the windows of streams that there are.
			for _, st := range c.streams {
				st.sendWindow += int64(s.Val) - c.peerWindow
				if st.sendWindow > maxWindow {
					return connError{http2.ErrCodeFlowControl, "a stream's window over 2^31-1"}
				}
			}
			c.peerWindow = int64(s.Val)
		default: // about what this server never does
		}
		return nil
	})
	if err != nil {
		return err
	}
	_ = c.framer.WriteSettingsAck()
	c.resumeAll()
	return nil
}

// windowUpdate lets more of an answer, or of all, be sent. mu is held.
func (c *conn) windowUpdate(f *http2.WindowUpdateFrame) error {
	if f.StreamID == 0 {
		if c.sendWindow += int64(f.Increment); c.sendWindow > maxWindow {
			return connError{http2.ErrCodeFlowControl, "the connection's window over 2^31-1"}
		}
		c.resumeAll()
		return nil
	}
	if f.StreamID > c.lastID {
		return connError{http2.ErrCodeProtocol, "WINDOW_UPDATE of a stream that is idle"} // section 5.1
	}
	s := c.streams[f.StreamID]
	if s == nil {
		return nil
	}
	if s.sendWindow += int64(f.Increment); s.sendWindow > maxWindow {
		return streamError(s.id, http2.ErrCodeFlowControl)
	}
	if s.state == answering {
		c.resume(s)
	}
	return nil
}
