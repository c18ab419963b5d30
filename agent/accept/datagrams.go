package accept

import (
	"net"
	"os"
	"strings"
	"syscall"
)

// datagrams is a socket for datagrams as package net opens it.
type datagrams interface {
	net.PacketConn
	syscall.Conn
	SetReadBuffer(bytes int) error
}

// openDatagrams listens on "ip:port" or "unix:/path".
//
// Over UDP the kernel drops what the socket's buffer has no room for. On a Unix
// socket it drops nothing: it holds net.unix.max_dgram_qlen datagrams, 10 unless an
// administrator has said otherwise before the socket was opened, and the next
// sender waits or, if it does not want to, is told EAGAIN. They are charged to
// the sender's buffer; a larger one of the receiver's has no effect
// (net/unix/af_unix.c, unix_dgram_sendmsg).
//
// path is that of a Unix socket, for who closes it to remove; else "".
func openDatagrams(address string) (conn datagrams, path string, err error) {
	path, unix := strings.CutPrefix(address, "unix:")
	if !unix {
		addr, err := net.ResolveUDPAddr("udp", address)
		if err != nil {
			return nil, "", err
		}
		c, err := net.ListenUDP("udp", addr)
		if err != nil {
			return nil, "", err
		}
		return c, "", nil
	}
	if err := removeStale("unixgram", path); err != nil {
		return nil, "", err
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, "", err
	}
	if err := letIn(path); err != nil {
		c.Close()
		os.Remove(path)
		return nil, "", err
	}
	return c, path, nil
}
