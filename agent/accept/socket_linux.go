package accept

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dropsAreCounted says whether kernelDrops can tell.
const dropsAreCounted = true

// dontWait makes a read return at once when there is nothing.
const dontWait = unix.MSG_DONTWAIT

// growSocketBuffer asks the kernel for a receive buffer of n bytes and returns
// how much it grants. An administrator's limit (net.core.rmem_max) is passed
// over where this process may do that (CAP_NET_ADMIN).
func growSocketBuffer(conn *net.UDPConn, n int) (granted int, err error) {
	err = control(conn, func(fd int) error {
		if n > 0 {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n); err != nil {
				if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, n); err != nil {
					return err
				}
			}
		}
		doubled, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		granted = doubled / 2 // socket(7): the kernel doubles the value
		return err
	})
	return granted, err
}

// kernelDrops reads the socket's drop counter, a number of 32 bits
// (SO_MEMINFO, SK_MEMINFO_DROPS; linux/sock_diag.h).
func kernelDrops(conn *net.UDPConn) (packets uint64, err error) {
	const drops = 8
	var info [drops + 1]uint32
	err = control(conn, func(fd int) error {
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
	return uint64(info[drops]), err
}

func control(conn *net.UDPConn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}
