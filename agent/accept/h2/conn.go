package h2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// connError ends a connection; the peer is told why.
type connError struct {
	code   http2.ErrCode
	reason string
}

func (e connError) Error() string { return e.code.String() + ": " + e.reason }

// streamError ends a stream by resetting it.
func streamError(id uint32, code http2.ErrCode) error {
	return http2.StreamError{StreamID: id, Code: code}
}

// errDone ends a connection that has nothing more to do.
var errDone = errors.New("done")

// conn is a connection.
type conn struct {
	srv     *Server
	nc      net.Conn
	handler Handler
	busy    func(bool)
	opened  time.Time

	// Of the goroutine that reads.
	quiet    QuietConn // nc, if it is one
	in       inbox     // filled by read, in clock.go
	hasty    bool      // a body stands still: see quiet.go
	block    block
	resets   bucket
	greeted  bool      // the first SETTINGS have come
	begun    time.Time // of the frame that is being read; zero: of none
	now      time.Time // when the last frame had come
	owed     int       // of the window, to be given back, in bytes
	handlers sync.WaitGroup

	since atomic.Int64 // when it began to wait quietly, in ns since 1970; 0: it does not

	mu      sync.Mutex
	err     error         // why it has ended
	framer  *http2.Framer // writes into out; reading is for the goroutine that reads
	out     outbox
	room    sync.Cond // out has become shorter, or nobody writes any more
	writing bool
	writeBy time.Time // the deadline that is set for writes
	due     time.Time // the deadline that is set for reads
	encoder *hpack.Encoder
	encoded bytes.Buffer // what encoder writes

	streams    map[uint32]*stream
	lastID     uint32
	ended      ring // streams that have ended, and
	ours       ring // those that we have reset
	noise      bucket
	idle       time.Time // since when there are no streams
	pinged     time.Time // zero: no ping is on its way
	draining   time.Time // when the first GOAWAY was sent; zero: it was not
	leaving    bool      // the last GOAWAY was sent
	sendWindow int64     // what the peer takes of all answers, in bytes
	peerWindow int64     // what it takes of each, to begin with
}

func newConn(s *Server, nc net.Conn, h Handler, busy func(bool)) *conn {
	now := time.Now()
	c := &conn{
		srv: s, nc: nc, handler: h, busy: busy, opened: now, now: now, idle: now,
		streams: map[uint32]*stream{}, sendWindow: firstWindow, peerWindow: firstWindow,
		resets: newBucket(resetBurst, resetRate, now), noise: newBucket(noiseBurst, noiseRate, now),
	}
	c.room.L = &c.mu
	c.encoder = hpack.NewEncoder(&c.encoded)
	c.block.init()
	c.in.c = c
	c.quiet, _ = nc.(QuietConn)
	c.framer = http2.NewFramer(&c.out, &c.in)
	c.framer.SetMaxReadFrameSize(frameSize)
	c.framer.SetReuseFrames()
	return c
}

// serve reads until the connection ends.
func (c *conn) serve() {
	defer c.handlers.Wait()
	defer c.in.free()
	var err error
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p)
			err = connError{http2.ErrCodeInternal, "a mistake of ours"}
		}
		c.end(err)
	}()
	err = c.greet()
	for err == nil {
		err = c.step()
	}
}

// panicked tells of a mistake of ours. It costs a connection, not the process.
func (c *conn) panicked(p any) {
	c.srv.Log.Error("panic in a request", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// greet reads the preface, and then says what we take (section 3.4).
func (c *conn) greet() error {
	c.mu.Lock()
	c.by(c.opened.Add(c.srv.HeaderTimeout))
	c.mu.Unlock()
	var preface [len(http2.ClientPreface)]byte
	if _, err := io.ReadFull(&c.in, preface[:]); err != nil {
		return err
	}
	if string(preface[:]) != http2.ClientPreface {
		return connError{http2.ErrCodeProtocol, "no preface"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.framer.WriteSettings(
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: window},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxHeaderList})
	return errors.Join(err, c.framer.WriteWindowUpdate(0, window-firstWindow))
}

// step reads a frame and deals with it.
func (c *conn) step() error {
	c.begun = time.Time{}
	c.in.took = 0
	if len(c.in.left) > 0 {
		c.begun = c.now
	}
	f, err := c.framer.ReadFrame()
	c.now = time.Now()
	if err == nil {
		err = c.frame(f)
	}
	if e, ok := errors.AsType[http2.StreamError](err); ok {
		err = c.fault(e)
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	full := len(c.out.bytes) > maxOutbox
	c.mu.Unlock()
	if full {
		return c.flush(true)
	}
	return nil
}

// fault resets a stream for what its peer has done.
func (c *conn) fault(e http2.StreamError) error {
	if !c.resets.take(c.now) {
		return connError{http2.ErrCodeEnhanceYourCalm, "too many streams that had to be reset"}
	}
	c.mu.Lock()
	s := c.streams[e.StreamID]
	c.reset(e.StreamID, e.Code)
	receiving := s != nil && s.state == receiving
	if s != nil {
		c.cancel(s)
	}
	c.mu.Unlock()
	if receiving {
		c.cutOff(s)
	}
	return nil
}

// end closes the connection, and tells the peer why if it may not know.
func (c *conn) end(err error) {
	c.mu.Lock()
	tell := true
	switch e, odd := errors.AsType[http2.ConnectionError](err); {
	case errors.Is(err, errDone):
		tell = false // it was told
	case odd:
		_ = c.framer.WriteGoAway(c.lastID, http2.ErrCode(e), nil) // to the outbox, which takes everything
	case errors.Is(err, http2.ErrFrameTooLarge):
		_ = c.framer.WriteGoAway(c.lastID, http2.ErrCodeFrameSize, nil)
	default:
		var ce connError
		if tell = errors.As(err, &ce); tell {
			_ = c.framer.WriteGoAway(c.lastID, ce.code, []byte(ce.reason))
		}
	}
	c.mu.Unlock()
	said := (tell || errors.Is(err, errDone)) && c.flushAll() == nil
	c.mu.Lock()
	c.err = err
	var left []*stream
	for _, s := range c.streams {
		if s.state == receiving {
			left = append(left, s)
		}
		c.cancel(s)
	}
	c.room.Broadcast()
	c.mu.Unlock()
	for _, s := range left {
		c.cutOff(s)
	}
	if said {
		c.linger()
	}
	c.nc.Close()
}

// linger reads what the peer has sent before it knows that we have left.
func (c *conn) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	var p [smallRead]byte
	for left := lingerBytes; left > 0; {
		n, err := c.receive(p[:], 0, false)
		if err != nil {
			return
		}
		left -= n
	}
}
