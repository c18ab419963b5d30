package accept

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"
)

// openStream listens on "ip:port" or "unix:/path".
func openStream(address string) (l net.Listener, unix bool, err error) {
	path, unix := strings.CutPrefix(address, "unix:")
	if !unix {
		l, err = net.Listen("tcp", address)
		return l, false, err
	}
	if err := removeStale(path); err != nil {
		return nil, true, err
	}
	if l, err = net.Listen("unix", path); err != nil {
		return nil, true, err
	}
	// As on loopback, whoever gets there may send; who gets there is what the
	// folder's permissions say.
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, true, err
	}
	return l, true, nil
}

// removeStale removes a socket at which nobody listens any more.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there, and is no socket: remove it, or choose another path", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return fmt.Errorf("%s is in use by another process", path)
	}
	return os.Remove(path)
}
