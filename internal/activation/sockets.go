package activation

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sockets are those that were handed over. One goroutine at a time may use them.
type Sockets struct {
	list []*socket
}

// socket is one of them. Who asks for it gets a duplicate: the one that was
// handed over stays open, so that it can be asked for again when a listener has
// been taken out of the configuration and put back. Whoever handed it over has it
// open anyway, so that nobody else could open the address.
type socket struct {
	name    string   // in the manager's words
	file    *os.File // not in Go's poller, which would be told of each packet
	network string   // "tcp", "udp", "unix" or "unixgram"
	address string   // "ip:port" or a path
	problem string   // why nothing can be done with it
	taken   bool     // at least once
}

// identify finds out what a descriptor is.
func identify(fd int, name string) *socket {
	s := &socket{name: name}
	// What was handed over outlives exec, and what this process has opened itself
	// does not: a wrong number must not cost Go's runtime one of its own.
	switch flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); {
	case err != nil:
		s.problem = "is not open"
		return s
	case flags&unix.FD_CLOEXEC != 0:
		s.problem = fmt.Sprintf("was not handed over: descriptor %d is this process's own; LISTEN_FDS is too large", fd)
		return s
	}
	syscall.CloseOnExec(fd)
	// A descriptor that blocks is one that os does not put into Go's poller.
	if err := syscall.SetNonblock(fd, false); err != nil {
		s.problem = "is not open"
		return s
	}
	s.file = os.NewFile(uintptr(fd), name)
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil {
		s.problem = "is no socket"
		return s
	}
	var at net.Addr
	switch kind {
	case syscall.SOCK_DGRAM:
		c, err := net.FilePacketConn(s.file)
		if err != nil {
			s.problem = err.Error()
			return s
		}
		at = c.LocalAddr()
		c.Close() // the duplicate
	case syscall.SOCK_STREAM:
		if listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN); err == nil && listens == 0 {
			s.problem = "does not listen; its unit must say Accept=no"
			return s
		}
		l, err := net.FileListener(s.file)
		if err != nil {
			s.problem = err.Error()
			return s
		}
		at = l.Addr()
		l.Close()
	default:
		s.problem = fmt.Sprintf("is a socket of type %d, which is neither a stream nor datagrams", kind)
		return s
	}
	s.network, s.address = at.Network(), at.String()
	return s
}

// Taken are those that somebody has asked for, as people know them.
func (s *Sockets) Taken() (list []string) {
	for _, h := range s.list {
		if h.taken {
			list = append(list, h.network+" "+h.address)
		}
	}
	return list
}

// Listener is a duplicate of the stream socket that was handed over for an
// address, "ip:port", ":port" or "unix:/path". There is none if ok is false.
func (s *Sockets) Listener(address string) (l net.Listener, ok bool, err error) {
	found := s.find("tcp", "unix", address)
	if found == nil {
		return nil, false, nil
	}
	l, err = net.FileListener(found.file)
	return l, true, err
}

// PacketConn is the same for datagrams.
func (s *Sockets) PacketConn(address string) (c net.PacketConn, ok bool, err error) {
	found := s.find("udp", "unixgram", address)
	if found == nil {
		return nil, false, nil
	}
	c, err = net.FilePacketConn(found.file)
	return c, true, err
}

func (s *Sockets) find(ip, unix, address string) *socket {
	for _, h := range s.list {
		if h.problem == "" && h.serves(ip, unix, address) {
			h.taken = true
			return h
		}
	}
	return nil
}

// serves says whether it is what listening on address would have opened.
func (h *socket) serves(ip, unix, address string) bool {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return h.network == unix && h.address == path
	}
	if h.network != ip {
		return false
	}
	if port, ok := strings.CutPrefix(address, ":"); ok { // every interface, of whichever IP versions
		own, err := netip.ParseAddrPort(h.address)
		return err == nil && own.Addr().IsUnspecified() && fmt.Sprint(own.Port()) == port
	}
	return h.address == address
}

// CloseRest closes the sockets that nobody has asked for, and returns an error
// for each.
func (s *Sockets) CloseRest() (unused []error) {
	var kept []*socket
	for _, h := range s.list {
		if h.taken {
			kept = append(kept, h)
			continue
		}
		if h.problem == "" {
			unused = append(unused, fmt.Errorf("%s: no listener is configured for %s %s", h.name, h.network, h.address))
		} else {
			unused = append(unused, errors.New(h.name+": "+h.problem))
		}
		if h.file != nil {
			h.file.Close()
		}
	}
	s.list = kept
	return unused
}
