//go:build !linux || portable

package accept

import (
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// readAtOnce is how many datagrams socket.read takes at most. One read never
// shows that there are no more.
const readAtOnce = 1

// dropsAreCounted says whether socket.drops can tell.
const dropsAreCounted = false

// socket is a socket for datagrams, read one datagram at a time.
//
// Linux has its own (socket_linux.go). The build tag portable puts this one in
// its place, so that it can be tested there.
type socket struct {
	conn   datagrams
	raw    syscall.RawConn
	buffer []byte
	n      int
	from   syscall.Sockaddr
	held   bool // wait has taken a datagram
}

// newSocket takes conn over.
func newSocket(conn datagrams) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &socket{conn: conn, raw: raw, buffer: make([]byte, maxDatagram)}, nil
}

// read takes a datagram, if one is there.
func (s *socket) read() (n int, err error) {
	if !s.held {
		err = s.receive(false)
		if errors.Is(err, os.ErrDeadlineExceeded) { // interrupt is for wait
			_ = s.conn.SetReadDeadline(time.Time{})
			err = s.receive(false)
		}
	}
	if !s.held || err != nil {
		return 0, err
	}
	s.held = false
	return 1, nil
}

// receive takes a datagram, and if wait is true waits for it.
func (s *socket) receive(wait bool) error {
	var inner error
	err := s.raw.Read(func(fd uintptr) bool {
		s.n, s.from, inner = syscall.Recvfrom(int(fd), s.buffer, 0)
		if inner == syscall.EAGAIN || inner == syscall.EINTR {
			inner = nil
			return !wait
		}
		s.held = inner == nil
		return true
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("recvfrom", inner)
}

// datagram is what read has taken, and who sent it. It is valid until wait or read.
func (s *socket) datagram(int) ([]byte, netip.AddrPort) {
	switch a := s.from.(type) {
	case *syscall.SockaddrInet4:
		return s.buffer[:s.n], netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *syscall.SockaddrInet6:
		return s.buffer[:s.n], netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	default:
		return s.buffer[:s.n], netip.AddrPort{}
	}
}

// wait blocks until there is a datagram. Its error is os.ErrDeadlineExceeded
// after interrupt.
func (s *socket) wait() (err error) { return s.receive(true) }

// interrupt makes wait return, now or when it is called next.
func (s *socket) interrupt() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) }

// resize asks for a receive buffer of n bytes, or for nothing if n is 0. What is
// granted cannot be told here.
func (s *socket) resize(n int) (granted int, err error) {
	if n == 0 {
		return 0, nil
	}
	return n, s.conn.SetReadBuffer(n)
}

// grow is for a socket that somebody else has made, and is left as it is.
func (s *socket) grow(n int) (granted int, err error) { return n, nil }

// drops is 0: this system has no such counter.
func (s *socket) drops() (uint32, error) { return 0, nil }

func (s *socket) close() { s.conn.Close() }
