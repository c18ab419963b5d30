package agent

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestListenErrorsSayWhatToDo(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EADDRINUSE:    "address already in use; stop what has it (another agent, such as the Jaeger Agent?), or set accept.x",
		syscall.EADDRNOTAVAIL: "; it is no address of this machine: write one that is, or only :port for every interface",
		syscall.EACCES:        "permission denied; a port under 1024, or the folder of a socket, takes rights that this process has not: set accept.x",
		syscall.ENOENT:        "no such file or directory; make the socket's folder, or set accept.x",
		syscall.EMFILE:        "too many open files",
	} {
		err := listenError("accept.x", &net.OpError{Op: "listen", Net: "udp", Err: os.NewSyscallError("bind", errno)})
		if got := err.Error(); !strings.HasPrefix(got, "accept.x: listen udp: bind: ") || !strings.HasSuffix(got, want) || !errors.Is(err, errno) {
			t.Errorf("%s, want it to end in %s", got, want)
		}
	}
}
