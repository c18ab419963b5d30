package accept

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"github.com/wayside-tracing/wayside/agent/accept/h2"
)

// peek is how much is read to find out what a peer speaks, in bytes: at least
// HTTP/2's preface.
const peek = 512

// meeting is where a listener's connections come in. It finds out what each
// speaks, and serves those that speak HTTP/2. The others are for net/http, for
// which it is a net.Listener.
type meeting struct {
	l      *Listener
	http1  chan net.Conn
	closed chan struct{}
	close  func()
	met    sync.WaitGroup
}

func newMeeting(l *Listener) *meeting {
	m := &meeting{l: l, http1: make(chan net.Conn), closed: make(chan struct{})}
	m.close = sync.OnceFunc(func() { close(m.closed) })
	return m
}

// accept takes connections in until the listener is closed.
func (m *meeting) accept(ctx context.Context) error {
	var pause time.Duration
	for {
		nc, err := m.l.listener.Accept()
		if e, ok := errors.AsType[interface {
			error
			Temporary() bool
		}](err); ok && e.Temporary() { // too many open files: as net/http does
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			time.Sleep(pause)
			continue
		}
		if err != nil {
			return err
		}
		pause = 0
		if c := m.l.server.conns.add(nc, &m.l.open); c != nil {
			m.met.Go(func() { m.meet(ctx, c) })
		}
	}
}

// meet finds out what a peer speaks. It returns when the connection is
// net/http's, or has ended.
func (m *meeting) meet(ctx context.Context, c *connection) {
	stop := context.AfterFunc(ctx, func() { c.Close() }) // nothing has begun
	_ = c.SetReadDeadline(time.Now().Add(headerTimeout))
	nc, two, err := m.protocol(ctx, c)
	_ = c.SetReadDeadline(time.Time{})
	switch {
	case !stop(), err != nil:
		c.Close()
	case two:
		from := c.sender
		c.leavesBy(func() { m.l.http2.Leave(nc) })
		m.l.http2.Serve(nc, func(r *h2.Request) h2.Receiver { return m.l.begin(r, from, true) }, func(busy bool) {
			if busy {
				m.l.server.conns.state(c, http.StateActive)
			} else {
				m.l.server.conns.state(c, http.StateIdle)
			}
		})
	default:
		select {
		case m.http1 <- nc:
		case <-m.closed:
			c.Close()
		}
	}
}

// protocol says whether it is HTTP/2 that a peer speaks, and through what.
func (m *meeting) protocol(ctx context.Context, c *connection) (nc net.Conn, two bool, err error) {
	if certs := m.l.server.certs.Load(); certs != nil && !m.l.unix {
		t := tls.Server(c, certs.server)
		err := t.HandshakeContext(ctx)
		if e, ok := errors.AsType[tls.RecordHeaderError](err); ok && e.Conn != nil && bytes.Contains(methods, append(e.RecordHeader[:4:4], ' ')) {
			// Who speaks HTTP without TLS is told so, as by net/http.
			_ = c.SetWriteDeadline(time.Now().Add(headerTimeout))
			_, _ = io.WriteString(c, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nthis port wants TLS: https://\n")
		}
		return t, t.ConnectionState().NegotiatedProtocol == http2.NextProtoTLS, err
	}
	two, err = c.speaksHTTP2()
	return c, two, err
}

// methods are what the first bytes of a request over HTTP/1 can be.
var methods = []byte("GET  POST HEAD OPTI PUT  DELE ")

// speaksHTTP2 reads until that is known. What was read is read again.
func (n *connection) speaksHTTP2() (bool, error) {
	buf := make([]byte, peek)
	have := 0
	for {
		more, err := n.Conn.Read(buf[have:])
		have += more
		n.rest = buf[:have:have]
		switch is := min(have, len(http2.ClientPreface)); {
		case string(buf[:is]) != http2.ClientPreface[:is]:
			return false, nil
		case is == len(http2.ClientPreface):
			return true, nil
		case err != nil:
			return false, err
		}
	}
}

// sender is who has connected. A Unix socket has no address.
type sender struct {
	address netip.AddrPort
	process Process
}

func senderOf(c net.Conn) (p sender) {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		at := a.AddrPort()
		p.address = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	p.process = processOf(c)
	return p
}

// end waits until no connection is being met or served here.
func (m *meeting) end() {
	m.close()
	m.met.Wait()
}

// Accept returns the next connection that speaks HTTP/1.
func (m *meeting) Accept() (net.Conn, error) {
	select {
	case c := <-m.http1:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close is called by net/http when it takes no more connections.
func (m *meeting) Close() error { m.close(); return nil }

// Addr is the listener's.
func (m *meeting) Addr() net.Addr { return m.l.listener.Addr() }
