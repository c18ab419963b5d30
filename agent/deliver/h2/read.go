package h2

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// maxHeaders bounds a block of header fields, in bytes, counted as in section
// 6.5.2. A grpc-status-details-bin can be long; gRPC's own limit is 16 KiB.
const maxHeaders = 64 << 10

// readBuffer is in bytes; answers are short.
const readBuffer = 4 << 10

var (
	errLeaving = errors.New("the peer leaves the connection")
	errClosed  = errors.New("closed by the peer")
	errFlood   = errors.New("the peer sends control frames and does not read the answers")
)

// read reads until the connection ends.
func (c *conn) read() {
	framer := http2.NewFramer(nil, bufio.NewReaderSize(c.nc, readBuffer))
	framer.ReadMetaHeaders = hpack.NewDecoder(tableSize, nil)
	framer.MaxHeaderListSize = maxHeaders
	framer.SetMaxReadFrameSize(minFrameSize)
	framer.SetReuseFrames()
	for {
		f, err := framer.ReadFrame()
		if errors.Is(err, io.EOF) {
			err = errClosed
		}
		c.mu.Lock()
		if c.err != nil {
			c.mu.Unlock()
			return
		}
		if err == nil {
			err = c.frame(f)
		}
		if err != nil {
			err = c.trouble(err)
		}
		if err == nil && len(c.pending) > maxPending {
			err = errFlood
		}
		if err != nil {
			c.failLocked(err)
		}
		c.mu.Unlock()
		c.flush()
	}
}

// trouble deals with an error of one stream, and returns those that are of the
// connection.
func (c *conn) trouble(err error) error {
	e, ok := errors.AsType[http2.StreamError](err)
	if !ok {
		_, odd := errors.AsType[http2.ConnectionError](err)
		if odd = odd || errors.Is(err, http2.ErrFrameTooLarge); odd && !c.peer.settings {
			return fmt.Errorf("the peer does not speak HTTP/2: %w", err)
		}
		return err
	}
	if s := c.streams[e.StreamID]; s != nil {
		c.reset(e.StreamID, e.Code)
		if e.Cause != nil {
			err = e.Cause
		}
		c.finish(s, err)
	}
	return nil
}

// frame deals with one frame. mu is held.
func (c *conn) frame(f http2.Frame) error {
	c.lastRead, c.pinged = time.Now(), time.Time{}
	if settings, ok := f.(*http2.SettingsFrame); !c.peer.settings && (!ok || settings.IsAck()) {
		return http2.ConnectionError(http2.ErrCodeProtocol) // section 3.4: they come first
	}
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		s, err := c.stream(f.StreamID)
		if s == nil {
			return err
		}
		c.pings = 0
		return c.progress(s, func() (bool, error) { return s.headers(f) })
	case *http2.DataFrame:
		if err := c.account(int(f.Length)); err != nil {
			return err
		}
		s, err := c.stream(f.StreamID)
		if s == nil {
			return err
		}
		c.pings = 0
		return c.progress(s, func() (bool, error) { return s.data(f) })
	case *http2.RSTStreamFrame:
		s, err := c.stream(f.StreamID)
		if s == nil {
			return err
		}
		if f.ErrCode == http2.ErrCodeRefusedStream {
			c.finish(s, fmt.Errorf("%w: the peer resets the call: %v", errNotProcessed, f.ErrCode)) // section 8.7
		} else {
			c.finish(s, fmt.Errorf("the peer resets the call: %v", f.ErrCode))
		}
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			c.pending = appendFrame(c.pending, http2.FramePing, http2.FlagPingAck, 0, 8)
			c.pending = append(c.pending, f.Data[:]...)
		}
	case *http2.WindowUpdateFrame:
		return c.windowUpdate(f)
	case *http2.GoAwayFrame:
		c.goAway(f)
	case *http2.PushPromiseFrame:
		return http2.ConnectionError(http2.ErrCodeProtocol) // section 8.4: we have forbidden it
	}
	return nil
}

// stream finds the stream of a frame. It is nil, without an error, when the
// stream has ended: the peer may not know yet.
func (c *conn) stream(id uint32) (*stream, error) {
	if id%2 == 0 || id > c.lastID {
		return nil, http2.ConnectionError(http2.ErrCodeProtocol) // section 5.1: idle
	}
	return c.streams[id], nil
}

// progress brings a stream forward.
func (c *conn) progress(s *stream, step func() (end bool, err error)) error {
	end, err := step()
	if err != nil {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeCancel, Cause: err}
	}
	if end {
		c.finish(s, nil)
	}
	return nil
}

// account counts bytes of bodies against the window of the connection, and
// gives them back.
func (c *conn) account(n int) error {
	c.owed += n
	if c.owed > maxBody {
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	if c.owed > maxBody/4 {
		c.pending = appendFrame(c.pending, http2.FrameWindowUpdate, 0, 0, 4)
		c.pending = binary.BigEndian.AppendUint32(c.pending, uint32(c.owed))
		c.owed = 0
	}
	return nil
}

// settings does what the peer wants.
func (c *conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if !c.peer.settings {
		c.peer.settings = true
		c.peer.streams = maxWindow // no limit, if it does not say one
	}
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return err
		}
		switch s.ID {
		case http2.SettingHeaderTableSize:
			c.peer.headerSize = s.Val
			c.peer.headerLeast = min(c.peer.headerLeast, s.Val)
		case http2.SettingMaxConcurrentStreams:
			c.peer.streams = s.Val
		case http2.SettingMaxFrameSize:
			c.peer.frame = s.Val
		case http2.SettingInitialWindowSize:
			// Section 6.9.2: it changes the windows of streams that there are.
			for _, st := range c.streams {
				st.window += int64(s.Val) - c.peer.window
				if st.window > maxWindow {
					return http2.ConnectionError(http2.ErrCodeFlowControl)
				}
			}
			c.peer.window = int64(s.Val)
		default: // about what this client never does
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.pending = appendFrame(c.pending, http2.FrameSettings, http2.FlagSettingsAck, 0, 0)
	c.wake()
	return nil
}

// windowUpdate lets more of a body, or of all, be sent.
func (c *conn) windowUpdate(f *http2.WindowUpdateFrame) error {
	if f.StreamID == 0 {
		c.window += int64(f.Increment)
		if c.window > maxWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		c.wake()
		return nil
	}
	s, err := c.stream(f.StreamID)
	if s == nil {
		return err
	}
	s.window += int64(f.Increment)
	if s.window > maxWindow {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeFlowControl}
	}
	c.wake()
	return nil
}

// goAway lets the calls that the peer works on come to their end.
func (c *conn) goAway(f *http2.GoAwayFrame) {
	err := errLeaving
	if f.ErrCode != http2.ErrCodeNo {
		err = fmt.Errorf("the peer leaves the connection: %v %.200q", f.ErrCode, f.DebugData())
	}
	for id, s := range c.streams {
		if id > f.LastStreamID {
			s.err = fmt.Errorf("%w: %w", errNotProcessed, err)
			close(s.done)
			delete(c.streams, id)
		}
	}
	c.left = err
	c.leave(err)
}
