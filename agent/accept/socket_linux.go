//go:build !portable

package accept

import (
	"encoding/binary"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readAtOnce is how many datagrams socket.read takes at most.
const readAtOnce = 16

// dropsAreCounted says whether socket.drops can tell.
const dropsAreCounted = true

// socket is a socket for datagrams that tells of datagrams only when it is asked.
//
// Go's poller is told by the kernel of each datagram that comes, and a process
// that has nothing else to do is woken for it, even if nobody waits for the
// socket: that alone cost more than all the rest of taking a packet in. So the
// socket is in an epoll set of its own, which watches it only while wait is
// called (EPOLLONESHOT); and it is that set which is in Go's poller.
type socket struct {
	fd    int
	epoll *os.File
	ready syscall.RawConn // of epoll

	headers [readAtOnce]mmsghdr
	vectors [readAtOnce]unix.Iovec
	names   [readAtOnce]unix.RawSockaddrInet6 // the largest that can come
	block   []byte
}

// mmsghdr is struct mmsghdr (recvmmsg(2)).
type mmsghdr struct {
	msg unix.Msghdr
	n   uint32
}

// newSocket takes conn over.
func newSocket(conn datagrams) (*socket, error) {
	defer conn.Close() // what follows works on a duplicate, which Go's poller does not know
	s := &socket{fd: -1}
	if err := s.adopt(conn); err != nil {
		s.close()
		return nil, err
	}
	// One block: pages that no packet is large enough to reach stay untouched.
	s.block = make([]byte, readAtOnce*maxDatagram)
	for i := range s.headers {
		s.vectors[i].Base = &s.block[i*maxDatagram]
		s.vectors[i].SetLen(maxDatagram)
		m := &s.headers[i].msg
		m.Name = (*byte)(unsafe.Pointer(&s.names[i]))
		m.Iov = &s.vectors[i]
		m.Iovlen = 1
	}
	return s, nil
}

func (s *socket) adopt(conn syscall.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var dupErr error
	if err := raw.Control(func(fd uintptr) { s.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return err
	}
	if dupErr != nil {
		return os.NewSyscallError("fcntl", dupErr)
	}
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(set, true); err != nil { // so that os takes it into Go's poller
		unix.Close(set)
		return os.NewSyscallError("fcntl", err)
	}
	s.epoll = os.NewFile(uintptr(set), "epoll")
	if s.ready, err = s.epoll.SyscallConn(); err != nil {
		return err
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(set, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{}))
}

// read takes the datagrams that are there, readAtOnce at most; 0 if there are none.
func (s *socket) read() (n int, err error) {
	for i := range s.headers {
		s.headers[i].msg.Namelen = uint32(unsafe.Sizeof(s.names[i])) // the kernel has put the real one there
	}
	for {
		r, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.headers[0])), readAtOnce, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(r), nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, os.NewSyscallError("recvmmsg", errno)
		}
	}
}

// datagram is number i of those that read has taken, and who sent it. It is
// valid until the next read.
func (s *socket) datagram(i int) ([]byte, netip.AddrPort) {
	start := i * maxDatagram
	return s.block[start : start+int(s.headers[i].n)], peer(&s.names[i])
}

func peer(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := func(p *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:]) }
	switch name.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port(&v4.Port))
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), port(&name.Port))
	default:
		return netip.AddrPort{}
	}
}

// wait blocks until there is a datagram. Its error is os.ErrDeadlineExceeded
// after interrupt.
func (s *socket) wait() error {
	var inner error
	err := s.ready.Read(func(set uintptr) bool {
		if inner = unix.EpollCtl(int(set), unix.EPOLL_CTL_MOD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT}); inner != nil {
			return true
		}
		var event [1]unix.EpollEvent
		n, err := unix.EpollWait(int(set), event[:], 0)
		if err != nil && err != unix.EINTR {
			inner = err
		}
		return n > 0 || inner != nil
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("epoll", inner)
}

// interrupt makes wait return, now and later.
func (s *socket) interrupt() { _ = s.epoll.SetReadDeadline(time.Unix(1, 0)) }

// resize asks the kernel for a receive buffer of n bytes, or for nothing if n is
// 0, and returns how much there is. An administrator's limit
// (net.core.rmem_max) is passed over where this process may do that
// (CAP_NET_ADMIN).
func (s *socket) resize(n int) (granted int, err error) {
	if n > 0 && unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n) != nil {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, n); err != nil {
			return 0, os.NewSyscallError("setsockopt", err)
		}
	}
	return s.size()
}

// grow is resize for a socket that somebody else has made, with a buffer that
// may be larger than this process could ask for: it never gets less.
func (s *socket) grow(n int) (granted int, err error) {
	if granted, err = s.size(); err != nil || granted >= n {
		return granted, err
	}
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n) // what came of it is seen now
	return s.size()
}

// size is how large the receive buffer is.
func (s *socket) size() (int, error) {
	doubled, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	return doubled / 2, os.NewSyscallError("getsockopt", err) // socket(7): the kernel doubles the value
}

// drops is how many packets the kernel has dropped because the socket was
// full, as a number of 32 bits that wraps (SO_MEMINFO, SK_MEMINFO_DROPS;
// linux/sock_diag.h).
func (s *socket) drops() (uint32, error) {
	const drops = 8
	var info [drops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, os.NewSyscallError("getsockopt", errno)
	}
	return info[drops], nil
}

func (s *socket) close() {
	if s.epoll != nil {
		s.epoll.Close()
	}
	if s.fd >= 0 {
		unix.Close(s.fd)
	}
}
