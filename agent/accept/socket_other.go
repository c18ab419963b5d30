//go:build !linux

package accept

import (
	"net"
	"syscall"
)

// dropsAreCounted says whether kernelDrops can tell.
const dropsAreCounted = false

// dontWait makes a read return at once when there is nothing.
const dontWait = syscall.MSG_DONTWAIT

// growSocketBuffer asks for a receive buffer of n bytes. What is granted
// cannot be told here.
func growSocketBuffer(conn *net.UDPConn, n int) (granted int, err error) {
	if n == 0 {
		return 0, nil
	}
	return n, conn.SetReadBuffer(n)
}

// kernelDrops is 0: this system has no such counter.
func kernelDrops(*net.UDPConn) (packets uint64, err error) { return 0, nil }
