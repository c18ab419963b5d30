package h2

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2/hpack"
)

// Why a request ends without its body being complete, as Receiver.End is told.
var (
	// ErrSlow is a body that took longer than Server.RequestTimeout. The answer
	// is sent.
	ErrSlow = errors.New("the request did not come in time")
	// ErrGone is a stream that was reset, or a connection that ended. There is
	// nobody to be answered.
	ErrGone = errors.New("the request was cut off")
)

// Request is what a call begins with. Pseudo-headers are not in Header.
type Request struct {
	Method, Scheme, Authority, Path string
	Header                          Header
	ContentLength                   int64 // -1: nobody said
}

// Reply is an answer. Names are in lower case. All but a few should have less
// than a kilobyte in all (see flush).
type Reply struct {
	Status  int
	Header  Header
	Body    []byte // not changed any more
	Trailer Header
}

// Header are header fields, names in lower case.
type Header []hpack.HeaderField

// Get returns the first value of a name, or "".
func (h Header) Get(name string) string {
	for i := range h {
		if h[i].Name == name {
			return h[i].Value
		}
	}
	return ""
}

// A Handler is told of a request when its headers are there. It must not wait.
// The request belongs to the connection, and is valid until the Handler returns.
type Handler func(*Request) Receiver

// A Receiver takes in one request. Its methods are called one after the other.
type Receiver interface {
	// Data takes the next bytes of the body, which are valid until it returns.
	// It must not wait. The result false says that the answer is known and no
	// more is wanted.
	Data(p []byte) (more bool)
	// Deadline says when the body has to be complete, if that is before
	// Server.RequestTimeout has passed; zero: it is not. It is asked after Data.
	Deadline() time.Time
	// Missing says how much of the body is sure to come yet, as it comes, in bytes;
	// 0: nobody knows. It is asked when nobody said how long the whole is.
	Missing() int
	// Quick says, when the body is complete or no more of it is wanted, that
	// End will not wait. Then it is not called in a goroutine of its own.
	Quick() bool
	// End is called once, with nil when the body is complete or no more of it
	// was wanted, else with ErrSlow or ErrGone. With nil it may wait. A Reply
	// without a Status is a failure of ours.
	End(err error) Reply
}

// Server serves connections. Its fields are not changed while it serves.
type Server struct {
	// HeaderTimeout is for the preface and the first SETTINGS, and for each
	// block of headers.
	HeaderTimeout time.Duration
	// RequestTimeout is for a request, from its headers to its end, and for a
	// single frame.
	RequestTimeout time.Duration
	// AnswerTimeout is for a peer that does not read its answer. It counts from
	// the request's headers; a write has at least half of it.
	AnswerTimeout time.Duration
	// IdleTimeout is for a connection without calls.
	IdleTimeout time.Duration
	// PingAfter is when a silent peer is asked whether it is still there.
	PingAfter time.Duration
	Log       *slog.Logger

	large    largeBuffers
	watching atomic.Bool

	mu     sync.Mutex
	conns  map[*conn]struct{}
	ending bool
	none   chan struct{} // closed when it is ending and there are no connections
}

// Serve serves a connection until it has ended and none of its calls is being
// handled any more. busy may be nil; it is told when the first call of several
// begins and when the last one has ended, and must not wait.
func (s *Server) Serve(nc net.Conn, h Handler, busy func(bool)) {
	if busy == nil {
		busy = func(bool) {}
	}
	c := newConn(s, nc, h, busy)
	if !s.enter(c) {
		nc.Close()
		return
	}
	defer s.leave(c)
	c.serve()
}

// Shutdown makes all connections end: those that have calls when these are
// answered, but no later than with ctx. It returns when none is being served.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	if !s.ending {
		s.ending, s.none = true, make(chan struct{})
		if len(s.conns) == 0 {
			close(s.none)
		}
	}
	for c := range s.conns {
		go c.drain() // it may have to wait for a write
	}
	s.mu.Unlock()
	select {
	case <-s.none:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.nc.Close()
	}
	s.mu.Unlock()
	<-s.none
}

// Leave ends one connection when its calls are answered, and tells the peer that no
// later one was begun. It does nothing for a connection that is not served.
func (s *Server) Leave(nc net.Conn) {
	s.mu.Lock()
	var found *conn
	for c := range s.conns {
		if c.nc == nc {
			found = c
		}
	}
	s.mu.Unlock()
	if found != nil {
		found.leave()
	}
}

func (s *Server) enter(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return false
	}
	if s.conns == nil {
		s.conns = map[*conn]struct{}{}
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.ending && len(s.conns) == 0 {
		close(s.none)
	}
}
