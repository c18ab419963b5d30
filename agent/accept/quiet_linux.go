//go:build !portable

package accept

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// quiet reads a TCP connection of which the kernel tells only when there is so
// much, by SO_RCVLOWAT (socket(7); for poll, Linux 4.18, tcp_set_rcvlowat in
// net/ipv4/tcp.c). It is used by one goroutine at a time.
type quiet struct {
	raw  syscall.RawConn
	once func(fd uintptr) bool // tryRead
	mark int                   // that is in force, in bytes

	// What is being read.
	p       []byte
	atLeast int
	n       int
	err     error
}

// newQuiet returns nil for what is no TCP connection.
func newQuiet(conn net.Conn) *quiet {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	q := &quiet{raw: raw, mark: 1}
	q.once = q.tryRead
	return q
}

func (q *quiet) read(p []byte, atLeast int) (int, error) {
	q.p, q.atLeast = p, atLeast
	err := q.raw.Read(q.once)
	q.p = nil
	switch {
	case err != nil:
		return 0, err
	case q.err != nil:
		return 0, q.err
	case q.n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return q.n, nil
}

// tryRead reads what there is. When there is nothing, it is called again when
// the kernel has told of something. If that came before the kernel knew how much
// is worth it, it is less.
func (q *quiet) tryRead(fd uintptr) (done bool) {
	for {
		q.n, q.err = unix.Read(int(fd), q.p)
		if !errors.Is(q.err, unix.EINTR) {
			break
		}
	}
	if !errors.Is(q.err, unix.EAGAIN) {
		return true
	}
	if q.mark != q.atLeast && unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, q.atLeast) == nil {
		q.mark = q.atLeast
	}
	return false
}
