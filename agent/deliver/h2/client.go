package h2

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"golang.org/x/net/http2/hpack"
)

// errNotProcessed is wrapped by errors of calls that the peer has not begun to
// work on, and that can be made again without doubt.
var errNotProcessed = errors.New("not processed")

// maxTries is how often a call is begun, when the peer did not take it up. A
// connection can be left by the peer just when a call begins; another one, that
// is new, again is very odd.
const maxTries = 3

// Request is a call. Header begins with the pseudo-headers; names are in lower
// case. The body is the chunks put end to end.
type Request struct {
	Header []hpack.HeaderField
	Body   [][]byte
}

// Client makes calls. It has one connection for each address, which it opens
// when it is needed and closes when it has not been used for a while. Its
// methods may be called from any goroutine.
type Client struct {
	dial func(ctx context.Context, address string) (net.Conn, error)

	mu         sync.Mutex
	conns      map[string]*conn // that take new calls
	dials      map[string]*dialing
	generation int // how often connections were renewed
}

// dialing is a connection that is being opened.
type dialing struct {
	done chan struct{} // closed when conn or err is there
	conn *conn
	err  error
}

// NewClient returns a client that opens connections with dial.
func NewClient(dial func(ctx context.Context, address string) (net.Conn, error)) *Client {
	return &Client{dial: dial, conns: map[string]*conn{}, dials: map[string]*dialing{}}
}

// Close closes all connections. Calls that are under way fail.
func (c *Client) Close() {
	c.mu.Lock()
	conns := c.conns
	c.conns = map[string]*conn{}
	c.mu.Unlock()
	for _, cn := range conns {
		cn.fail(net.ErrClosed)
	}
}

// Renew makes all calls from now on use new connections. The old ones are
// closed when the calls that are on them have ended.
func (c *Client) Renew() {
	c.mu.Lock()
	conns := c.conns
	c.conns = map[string]*conn{}
	c.generation++
	c.mu.Unlock()
	for _, cn := range conns {
		cn.retire()
	}
}

// Do makes a call and waits for its answer, or until ctx ends (and for what is
// just being written, a quarter of a second at most). The body is not
// used after it has returned. An error means that there is no answer; the peer
// may have worked on the call or not.
func (c *Client) Do(ctx context.Context, address string, req Request) (*Response, error) {
	for try := 1; ; try++ {
		cn, err := c.conn(ctx, address)
		if err != nil {
			return nil, err
		}
		resp, err := cn.do(ctx, req)
		if !errors.Is(err, errNotProcessed) || try == maxTries {
			return resp, err
		}
	}
}

// conn returns a connection that takes new calls.
func (c *Client) conn(ctx context.Context, address string) (*conn, error) {
	for {
		c.mu.Lock()
		if cn := c.conns[address]; cn != nil && cn.usable() {
			c.mu.Unlock()
			return cn, nil
		}
		d := c.dials[address]
		if d == nil {
			d = &dialing{done: make(chan struct{})}
			c.dials[address] = d
			c.mu.Unlock()
			return c.open(ctx, address, d)
		}
		c.mu.Unlock()
		select {
		case <-d.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch {
		case d.err == nil:
			return d.conn, nil
		case !errors.Is(d.err, context.Canceled) && !errors.Is(d.err, context.DeadlineExceeded):
			return nil, d.err
		}
		// Who dialled ran out of time; we may have more.
	}
}

// open dials, for all who wait.
func (c *Client) open(ctx context.Context, address string, d *dialing) (*conn, error) {
	c.mu.Lock()
	generation := c.generation
	c.mu.Unlock()
	nc, err := c.dial(ctx, address)
	if err != nil {
		d.err = fmt.Errorf("connecting: %w", err)
	} else {
		d.conn = newConn(nc)
		d.conn.start(func() { c.forget(address, d.conn) })
	}
	c.mu.Lock()
	late := generation != c.generation
	if d.conn != nil && !late {
		c.conns[address] = d.conn
	}
	delete(c.dials, address)
	c.mu.Unlock()
	if d.conn != nil && late {
		d.conn.retire() // who gets it finds that it takes no calls, and asks again
	}
	close(d.done)
	return d.conn, d.err
}

// forget is called by a connection that takes no more calls.
func (c *Client) forget(address string, cn *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns[address] == cn {
		delete(c.conns, address)
	}
}
