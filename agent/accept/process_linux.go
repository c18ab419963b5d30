//go:build !portable

package accept

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// processOf is who has connected to a Unix socket, as the kernel noted it when that
// was done (unix(7), SO_PEERCRED).
func processOf(c net.Conn) (p Process) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return p
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return p
	}
	_ = raw.Control(func(fd uintptr) { // fails when the connection is closed
		if cred, err := unix.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			p = Process{Known: true, PID: int(cred.Pid), UID: cred.Uid, GID: cred.Gid}
		}
	})
	return p
}
