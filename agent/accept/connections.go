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
	// maxLeaving is how many connections that made way may be left in order at a
	// time, beside those that are open, and an eighth of those. Others are closed at
	// once, as are those of peers that never sent anything.
	maxLeaving = 16
)

// connections are those of all listeners. When there are too many, one that
// has nothing to say makes way for the newcomer, so that peers who only hold
// connections don't keep others out.
type connections struct {
	limit int // how many there may be

	mu      sync.Mutex
	open    map[*connection]struct{}
	leaving int // that made way and are not closed yet
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
	owner  *connections
	count  *atomic.Int64 // of its listener
	sender sender
	state  http.ConnState
	since  time.Time // when it came to this state
	once   sync.Once
	rest   []byte // was read to find out what the peer speaks, and is read again first
	leave  func() // in order; nil: it is closed. Guarded by the owner's mu, as is
	away   bool   // that it is left so
	quiet  *quiet // nil: the kernel can't be told to keep quiet
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
		if leaves == nil {
			c.mu.Unlock()
			conn.Close()
			return nil
		}
		if leaves.leave != nil && leaves.state == http.StateIdle && c.leaving < min(maxLeaving, c.limit/8) {
			c.leaving++
			leaves.away = true
			delete(c.open, leaves)
			go leaves.leave() // it may have to wait for a write
		} else {
			c.mu.Unlock()
			leaves.Close()
			c.mu.Lock()
		}
	}
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[*connection]struct{}{}
	}
	n := &connection{Conn: conn, owner: c, count: count, sender: senderOf(conn), state: http.StateNew, since: now, quiet: newQuiet(conn)}
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

// leavesBy says how a connection is left in order.
func (n *connection) leavesBy(leave func()) {
	n.owner.mu.Lock()
	n.leave = leave
	n.owner.mu.Unlock()
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
		if n.away {
			n.owner.leaving--
		}
		n.owner.mu.Unlock()
		n.count.Add(-1)
	})
	return n.Conn.Close()
}
