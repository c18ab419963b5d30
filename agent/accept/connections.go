package accept

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxConnections is over all listeners, where there are descriptors enough.
	// A connection takes some 30 KiB.
	maxConnections = 256
	// shy is how long a peer may have connected without sending anything
	// before it makes way for others.
	shy = time.Second
)

// connections are those of all listeners. When there are too many, one that
// has nothing to say makes way for the newcomer, so that peers who only hold
// connections don't keep others out.
type connections struct {
	limit int // how many there may be

	mu   sync.Mutex
	open map[*connection]struct{}
}

// connectionLimit is how many connections there may be: maxConnections, or half
// of the file descriptors that the process may have. The other half is for
// delivery, which peers that only hold connections must not keep from its
// collector, and for the admin pages.
func connectionLimit() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return maxConnections
	}
	return limitFor(files.Cur)
}

func limitFor(files uint64) int { return int(min(maxConnections, max(files/2, 1))) }

// connection is one of them.
type connection struct {
	net.Conn
	owner *connections
	count *atomic.Int64 // of its listener
	state http.ConnState
	since time.Time // when it came to this state
	once  sync.Once
	rest  []byte // was read to find out what the peer speaks, and is read again first
	quiet *quiet // nil: the kernel can't be told to keep quiet
}

func (n *connection) Read(p []byte) (int, error) {
	if len(n.rest) > 0 {
		m := copy(p, n.rest)
		if n.rest = n.rest[m:]; len(n.rest) == 0 {
			n.rest = nil
		}
		return m, nil
	}
	return n.Conn.Read(p)
}

// ReadQuiet implements h2.QuietConn.
func (n *connection) ReadQuiet(p []byte, atLeast int) (int, error) {
	if n.quiet == nil || len(n.rest) > 0 {
		return n.Read(p)
	}
	return n.quiet.read(p, atLeast)
}

// CloseWrite tells the peer that nothing more comes.
func (n *connection) CloseWrite() error {
	if c, ok := n.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// add takes in a connection. If there is no room and none can be made, it is
// closed, and the result is nil.
func (c *connections) add(conn net.Conn, count *atomic.Int64) *connection {
	now := time.Now()
	c.mu.Lock()
	if len(c.open) >= c.limit {
		leaves := c.quietest(now)
		c.mu.Unlock()
		if leaves == nil {
			conn.Close()
			return nil
		}
		leaves.Close()
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[*connection]struct{}{}
	}
	n := &connection{Conn: conn, owner: c, count: count, state: http.StateNew, since: now, quiet: newQuiet(conn)}
	c.open[n] = struct{}{}
	count.Add(1)
	return n
}

// quietest is the connection that can best be done without: the oldest of
// those that have never sent anything, or else the one that is idle longest;
// nil if all are busy.
func (c *connections) quietest(now time.Time) (found *connection) {
	for n := range c.open {
		switch {
		case n.state == http.StateNew && now.Sub(n.since) < shy, n.state == http.StateActive:
			continue
		case found == nil,
			n.state == found.state && n.since.Before(found.since),
			n.state == http.StateNew && found.state != http.StateNew:
			found = n
		}
	}
	return found
}

// state is told by the servers.
func (c *connections) state(conn net.Conn, s http.ConnState) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if n, ok := conn.(*connection); ok {
		c.mu.Lock()
		n.state, n.since = s, time.Now()
		c.mu.Unlock()
	}
}

// Close closes the connection and makes room for another one.
func (n *connection) Close() error {
	n.once.Do(func() {
		n.owner.mu.Lock()
		delete(n.owner.open, n)
		n.owner.mu.Unlock()
		n.count.Add(-1)
	})
	return n.Conn.Close()
}
