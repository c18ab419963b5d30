package disklog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Lock says that a directory is a process's own. The kernel drops it with the
// process, however that ends; children do not inherit it.
type Lock struct {
	dir  string
	file *os.File
}

// LockDir locks a directory that exists, by flock(2) of a file "lock" in it. It
// does not wait: ErrLocked is returned if another has it, in this process or not.
func LockDir(dir string) (*Lock, error) {
	name := filepath.Join(dir, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600) // and O_CLOEXEC, as always
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", dir, ErrLocked)
		}
		return nil, &os.PathError{Op: "flock", Path: name, Err: err}
	}
	// Its last owner may have removed it between open and flock.
	mine, err1 := f.Stat()
	there, err2 := os.Lstat(name)
	if err := errors.Join(err1, err2); err != nil || !os.SameFile(mine, there) {
		f.Close()
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, ErrLocked), err)
	}
	return &Lock{dir, f}, nil
}

func flock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Unlock lets others have the directory.
func (k *Lock) Unlock() error { return k.file.Close() }

// Remove removes the lock's file and the directory, which has to be empty
// otherwise, and lets go of it.
func (k *Lock) Remove() error {
	err := os.Remove(k.file.Name())
	if err == nil {
		err = os.Remove(k.dir)
	}
	return errors.Join(err, k.file.Close())
}
