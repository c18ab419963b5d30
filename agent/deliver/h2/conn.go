package h2

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Times of a connection.
const (
	// A connection on which something is awaited and nothing arrives for
	// pingAfter is asked whether it lives, and given up when it does not answer
	// within pingTimeout: together less than the 10 s that an export may take.
	pingAfter   = 5 * time.Second
	pingTimeout = 4 * time.Second
	// maxPings is how many pings are sent without an answer to a call between
	// them. grpc-go servers take the third for an attack and close the
	// connection (internal/transport/http2_server.go, maxPingStrikes).
	maxPings = 2
	// idleTimeout closes a connection that has no call, before load balancers
	// and NAT forget it without a word (some do after 60 s).
	idleTimeout = 30 * time.Second
	// checkEvery is how often these times are looked at.
	checkEvery = time.Second
)

// maxPending bounds the control frames that wait to be written, in bytes. They
// answer the peer's SETTINGS, PING and DATA; one that sends these without
// reading what we write is not worth a connection.
const maxPending = 4 << 10

// Limits of HTTP/2.
const (
	firstWindow  = 65_535 // bytes (section 6.9.2)
	maxWindow    = 1<<31 - 1
	minFrameSize = 16 << 10 // bytes: the least that a peer must take (section 4.2)
	tableSize    = 4096     // bytes: what HPACK's tables begin with (section 6.5.2)
)

// recordSize is the most that a TLS record holds, in bytes (RFC 8446, section
// 5.1).
const recordSize = 16 << 10

// errRenewed is why connections end that were retired.
var errRenewed = errors.New("renewed")

// conn is a connection.
type conn struct {
	nc   net.Conn
	gone func() // called once, when it takes no more calls
	dead chan struct{}

	// writing is the write lock: who puts something in may write. It guards
	// the fields up to mu.
	writing  chan struct{}
	encoder  *hpack.Encoder
	block    bytes.Buffer  // what encoder writes
	frames   []byte        // frame headers, control frames
	cutAt    int           // what of frames is in vector
	vector   [][]byte      // what is written at once
	records  *bufio.Writer // puts small pieces into one TLS record; nil without TLS
	tableNow uint32        // the size of encoder's table

	mu      sync.Mutex
	err     error // why it is dead
	leaving bool  // takes no more calls
	left    error // why, if it is not for being idle
	streams map[uint32]*stream
	lastID  uint32
	window  int64  // what the peer takes of all bodies
	pending []byte // control frames
	owed    int    // received of bodies and not given back, in bytes
	// writer is whose body is being written; interrupted, whether that was
	// made to end.
	writer      *stream
	interrupted bool
	peer        struct {
		settings   bool // have come
		window     int64
		frame      uint32
		streams    uint32
		headerSize uint32
		// headerLeast is the least that headerSize has been since a call was
		// written: the encoder must say so even if it is back (RFC 7541, 4.2).
		headerLeast uint32
	}
	changed  chan struct{} // closed when window, streams, leaving … change
	waiting  int           // how many wait for that
	lastRead time.Time
	lastSent time.Time // of a call
	asked    time.Time // the first sent since lastRead
	ended    time.Time // when the last call was taken off
	pinged   time.Time // zero: no ping is on its way
	pings    int       // since the last answer to a call
	timer    *time.Timer
}

func newConn(nc net.Conn) *conn {
	c := &conn{
		nc: nc, dead: make(chan struct{}), writing: make(chan struct{}, 1), tableNow: tableSize,
		streams: map[uint32]*stream{}, window: firstWindow, changed: make(chan struct{}), lastRead: time.Now(),
	}
	if _, secure := nc.(*tls.Conn); secure {
		c.records = bufio.NewWriterSize(nc, recordSize)
	}
	c.encoder = hpack.NewEncoder(&c.block)
	c.peer.window, c.peer.frame, c.peer.headerSize, c.peer.headerLeast = firstWindow, minFrameSize, tableSize, tableSize
	c.peer.streams = 100 // until it says more (section 6.5.2 recommends to allow so many)
	c.pending = append(c.pending, http2.ClientPreface...)
	c.pending = appendSettings(c.pending,
		http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxHeaders})
	return c
}

// start begins to read. gone is called once, when no more calls are taken. What
// is pending, the preface, goes out with the first call.
func (c *conn) start(gone func()) {
	c.gone = gone
	c.mu.Lock()
	c.timer = time.AfterFunc(checkEvery, c.check)
	c.mu.Unlock()
	go c.read()
}

// do makes a call.
func (c *conn) do(ctx context.Context, req Request) (*Response, error) {
	s := &stream{done: make(chan struct{})}
	err := c.send(ctx, s, req)
	if err == nil {
		select {
		case <-s.done:
		case <-ctx.Done():
			err = ctx.Err()
		case <-c.dead: // then s.done is closed, too
			<-s.done
		}
	}
	return c.end(s, err)
}

// end takes a call off the connection. err is why, if there is no answer yet.
func (c *conn) end(s *stream, err error) (*Response, error) {
	c.mu.Lock()
	switch {
	case s.ended(): // perhaps while we were ending it
		if s.err == nil || err == nil {
			err = s.err
		}
	case s.id != 0:
		c.reset(s.id, http2.ErrCodeCancel)
		if errors.Is(err, context.DeadlineExceeded) && c.pings == maxPings && c.lastSent.After(c.lastRead) {
			c.leave(errors.New("no answer in time, and it can't be asked whether it lives")) // the next call finds out
		}
		c.remove(s)
	}
	if err == nil && !s.sentAll {
		// An answer before it has heard all: it need not hear the rest.
		c.reset(s.id, http2.ErrCodeNo)
	}
	c.mu.Unlock()
	c.flush()
	if err != nil {
		return nil, err
	}
	return s.resp, nil
}

// usable says whether the connection takes more calls.
func (c *conn) usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.leaving
}

// finish ends a call with what its stream has, or with an error. mu is held.
func (c *conn) finish(s *stream, err error) {
	s.err = err
	close(s.done)
	c.remove(s)
}

// remove forgets a stream. mu is held.
func (c *conn) remove(s *stream) {
	delete(c.streams, s.id)
	c.ended = time.Now()
	c.wake()
	if c.leaving && len(c.streams) == 0 {
		c.failLocked(c.left)
	}
}

// wake makes those who wait for a change look again. mu is held.
func (c *conn) wake() {
	if c.waiting > 0 {
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

// leave makes the connection take no more calls; it ends with the last one.
// err is why. mu is held.
func (c *conn) leave(err error) {
	if !c.leaving {
		c.leaving, c.left = true, err
		go c.gone()
	}
	if len(c.streams) == 0 {
		c.failLocked(err)
	}
	c.wake()
}

// retire makes the connection end with its last call.
func (c *conn) retire() {
	c.mu.Lock()
	c.leave(errRenewed)
	c.mu.Unlock()
}

// fail ends the connection and all its calls.
func (c *conn) fail(err error) {
	c.mu.Lock()
	c.failLocked(err)
	c.mu.Unlock()
}

func (c *conn) failLocked(err error) {
	if c.err != nil {
		return
	}
	if c.left != nil {
		err = c.left // what the peer said before
	}
	c.err = fmt.Errorf("connection lost: %w", err)
	for _, s := range c.streams {
		s.err = c.err
		close(s.done)
	}
	clear(c.streams)
	if !c.leaving {
		c.leaving, c.left = true, err
		go c.gone()
	}
	close(c.dead)
	c.nc.Close()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.wake()
}

// check looks at the times of the connection.
func (c *conn) check() {
	c.mu.Lock()
	defer c.flush()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	now := time.Now()
	awaited := len(c.streams) > 0 || c.lastSent.After(c.lastRead)
	silent := now.Sub(latest(c.lastRead, c.asked))
	switch {
	case !c.pinged.IsZero() && now.Sub(c.pinged) >= pingTimeout:
		c.failLocked(errors.New("no answer to a ping"))
		return
	case awaited && silent >= pingAfter && c.pinged.IsZero() && c.pings < maxPings:
		c.pinged = now
		c.pings++
		c.pending = appendFrame(c.pending, http2.FramePing, 0, 0, 8)
		c.pending = append(c.pending, "wayside\n"...)
	case !awaited && now.Sub(latest(latest(c.lastSent, c.lastRead), c.ended)) >= idleTimeout:
		c.leave(errors.New("idle"))
		return
	}
	c.timer.Reset(checkEvery)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
