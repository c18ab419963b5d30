package accept

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// openStream listens on "ip:port" or "unix:/path".
func openStream(address string) (l net.Listener, unix bool, err error) {
	path, unix := strings.CutPrefix(address, "unix:")
	if !unix {
		l, err = net.Listen("tcp", address)
		return l, false, err
	}
	if err := removeStale("unix", path); err != nil {
		return nil, true, err
	}
	if l, err = net.Listen("unix", path); err != nil {
		return nil, true, err
	}
	if err := letIn(path); err != nil {
		l.Close()
		return nil, true, err
	}
	return l, true, nil
}

// letIn lets everybody send to a socket. As on loopback, whoever gets there may
// send; who gets there is what the folder's permissions say.
func letIn(path string) error { return os.Chmod(path, 0o666) }

// removeStale removes a socket at which nobody listens any more. network is what
// will listen there, "unix" or "unixgram".
func removeStale(network, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there, and is no socket: remove it, or choose another path", path)
	}
	c, err := net.DialTimeout(network, path, time.Second)
	if err == nil {
		c.Close()
	}
	if err == nil || errors.Is(err, syscall.EPROTOTYPE) { // EPROTOTYPE: somebody listens, for the other network
		return fmt.Errorf("%s is in use by another process", path)
	}
	return os.Remove(path)
}
