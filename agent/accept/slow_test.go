package accept

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// pipes is a listener without a network, for time that is made up.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	mine, theirs := net.Pipe()
	p.conns <- newBuffered(theirs)
	return mine, nil
}

// buffered is a pipe's end with something of a socket: what is written waits
// for the peer here. Go's client waits for its writing before it reads on, and
// so do we; sockets have room for what either says meanwhile, a pipe has none.
type buffered struct {
	net.Conn
	writes chan []byte
	closed chan struct{}
	close  func()
}

func newBuffered(nc net.Conn) *buffered {
	b := &buffered{Conn: nc, writes: make(chan []byte, 1000), closed: make(chan struct{})}
	b.close = sync.OnceFunc(func() { close(b.closed) })
	go func() {
		defer nc.Close()
		for {
			select {
			case p := <-b.writes:
				if _, err := nc.Write(p); err != nil {
					return
				}
			case <-b.closed:
				for len(b.writes) > 0 {
					_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
					if _, err := nc.Write(<-b.writes); err != nil {
						return
					}
				}
				return
			}
		}
	}()
	return b
}

func (b *buffered) Write(p []byte) (int, error) {
	select {
	case b.writes <- bytes.Clone(p):
		return len(p), nil
	case <-b.closed:
		return 0, net.ErrClosed
	}
}

func (b *buffered) SetDeadline(t time.Time) error    { return b.SetReadDeadline(t) }
func (b *buffered) SetWriteDeadline(time.Time) error { return nil }

func (b *buffered) Close() error {
	b.close()
	return b.SetReadDeadline(time.Unix(1, 0)) // who reads is to know
}

// onPipes runs a listener in a bubble.
func onPipes(t *testing.T, test func(s *served, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		s := &served{t: t, lane: &fakeLane{t: t}, url: "http://pipe"}
		s.Server = NewServer(func(Origin) Lane { return s.lane }, nil, slog.New(slog.DiscardHandler))
		s.Listener = s.on(p, "pipe", "otlp.http", false)
		var prior http.Protocols
		prior.SetUnencryptedHTTP2(true)
		s.h2 = &http.Transport{Protocols: &prior, DialContext: p.dial}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		test(s, p)
		s.h2.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := s.reserved(); n != 0 || s.Status().Connections != 0 {
			t.Errorf("%d bytes are still reserved, %d connections open", n, s.Status().Connections)
		}
		time.Sleep(time.Minute) // those who sleep between two bytes find out
	})
}

// Who sends a byte a second does not keep what it has reserved for long.
func TestSlowBodies(t *testing.T) {
	onPipes(t, func(s *served, p *pipes) {
		c, _ := p.dial(t.Context(), "", "")
		defer c.Close()
		begin := time.Now()
		go func() {
			_, err := io.WriteString(c, "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 4000000\r\n\r\n")
			for err == nil {
				_, err = c.Write([]byte{0})
				time.Sleep(time.Second)
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != http.StatusServiceUnavailable || time.Since(begin) > requestTimeout+time.Second {
			t.Errorf("after %v: %v, %v", time.Since(begin), res, err)
		}
		s.refused("HTTP/1", ledger.Refusals{ledger.Malformed: 1})
	})
	onPipes(t, func(s *served, _ *pipes) {
		r, w := io.Pipe()
		go func() {
			_, err := w.Write(framed(false, request(100, 100))[:100])
			for err == nil {
				_, err = w.Write([]byte{0})
				time.Sleep(time.Second)
			}
		}()
		begin := time.Now()
		st, _ := s.call(r, nil)
		if st.Code != grpc.DeadlineExceeded || time.Since(begin) > requestTimeout+time.Second {
			t.Errorf("after %v: %+v", time.Since(begin), st)
		}
		r.Close()
		s.refused("gRPC", ledger.Refusals{ledger.Malformed: 1})
	})
}

// Who has room reserved that others wait for, and stops sending, keeps it for a
// shorter time. The deadline is of that request: the next one on its connection
// has its own.
func TestSlowLargeBodies(t *testing.T) {
	large := request(1000, 4000)
	begin := large[:100<<10]
	onPipes(t, func(s *served, p *pipes) {
		c, _ := p.dial(t.Context(), "", "")
		defer c.Close()
		began := time.Now()
		go func() {
			_, _ = fmt.Fprintf(c, "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n%s", len(large), begin)
		}()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != http.StatusServiceUnavailable || time.Since(began) > largeTimeout+time.Second {
			t.Errorf("after %v: %v, %v", time.Since(began), res, err)
		}
		s.refused("HTTP/1", ledger.Refusals{ledger.Malformed: 1})
	})
	onPipes(t, func(s *served, _ *pipes) {
		r, w := io.Pipe()
		go w.Write(framed(false, large)[:len(begin)])
		began := time.Now()
		st, _ := s.call(r, nil)
		if st.Code != grpc.DeadlineExceeded || time.Since(began) > largeTimeout+time.Second {
			t.Errorf("after %v: %+v", time.Since(began), st)
		}
		r.Close()
		if st, _ := s.call(bytes.NewReader(framed(false, large)), nil); st.Code != grpc.OK {
			t.Errorf("when there is room again: %+v", st)
		}
		s.refused("gRPC", ledger.Refusals{ledger.Malformed: 1})
	})
}

// A deadline that passes while TLS is read from costs the request, not its
// connection.
func TestSlowBodyWithTLS(t *testing.T) {
	onPipes(t, func(s *served, p *pipes) {
		ca := newAuthority(t)
		if err := s.SetOptions(Options{TLS: ca.server(t, "one")}); err != nil {
			t.Fatal(err)
		}
		connections := 0
		var both http.Protocols
		both.SetHTTP2(true)
		s.h2 = &http.Transport{Protocols: &both, TLSClientConfig: &tls.Config{RootCAs: ca.pool, ServerName: "127.0.0.1"}, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			connections++
			return p.dial(ctx, network, address)
		}}
		s.url = "https://pipe"
		r, w := io.Pipe()
		go w.Write(framed(false, request(100, 100))[:100])
		if st, _ := s.call(r, nil); st.Code != grpc.DeadlineExceeded {
			t.Errorf("%+v", st)
		}
		r.Close()
		time.Sleep(time.Second)
		if st, _ := s.call(bytes.NewReader(framed(false, request(3, 1))), nil); st.Code != grpc.OK {
			t.Errorf("%+v", st)
		}
		if connections != 1 {
			t.Errorf("%d connections", connections)
		}
	})
}

// Nor does who never comes to the end of its headers keep a connection.
func TestSlowHeaders(t *testing.T) {
	for _, first := range []string{"", "POST /v1/tra", "PRI * HTTP/2.0\r\n\r\nSM"} {
		onPipes(t, func(s *served, p *pipes) {
			c, _ := p.dial(t.Context(), "", "")
			defer c.Close()
			begin := time.Now()
			go io.WriteString(c, first)
			_, _ = io.Copy(io.Discard, c)
			if took := time.Since(begin); took > requestTimeout+time.Second {
				t.Errorf("%q: open for %v", first, took)
			}
		})
	}
}
