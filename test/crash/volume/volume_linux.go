// Package volume makes small file systems that go wrong as they are told: full,
// read-only, slow, gone. They are mounted in a mount namespace of the test's own
// (test/crash/isolate), with which they vanish.
package volume

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// ErrNotAllowed is wrapped when this machine has no such file system for us.
var ErrNotAllowed = errors.New("a file system in a file can't be made here: that takes root, mkfs.ext4 and loop devices")

// Volume is a mounted file system.
type Volume struct{ Path string }

// Private makes mounts of this namespace invisible outside, and is called first.
func Private() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("volume: making mounts private (in a chroot, its root must be a mount point): %w", err)
	}
	return nil
}

// Tmpfs mounts so many bytes of memory on a folder.
func Tmpfs(folder string, bytes int) (Volume, error) {
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("mode=0700,size=%d", bytes)); err != nil {
		return Volume{}, fmt.Errorf("volume: tmpfs on %s: %w", folder, err)
	}
	return Volume{folder}, nil
}

// Ext4 mounts an ext4 of so many bytes, in a file, on a folder.
func Ext4(folder, image string, bytes int64) (Volume, error) {
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return Volume{}, err
	}
	if err := os.Truncate(image, bytes); err != nil {
		return Volume{}, err
	}
	for _, c := range [][]string{
		{"mkfs.ext4", "-q", "-O", "^has_journal", image}, // a journal makes what is written slower, not safer from us
		{"mount", "-o", "loop", image, folder},           // the loop device goes with the mount
	} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			return Volume{}, fmt.Errorf("%w (%s: %w: %s)", ErrNotAllowed, c[0], err, out)
		}
	}
	return Volume{folder}, nil
}

// ReadOnly makes a tmpfs in which no file is open for writing read-only, or
// writable again.
func (v Volume) ReadOnly(yes bool) error {
	flags := uintptr(unix.MS_REMOUNT)
	if yes {
		flags |= unix.MS_RDONLY
	}
	if err := unix.Mount("tmpfs", v.Path, "tmpfs", flags, ""); err != nil {
		return fmt.Errorf("volume: remounting %s: %w", v.Path, err)
	}
	return nil
}

// The ioctls of a file system (linux/fs.h FIFREEZE, FITHAW; fs/ext4/ext4.h
// EXT4_IOC_SHUTDOWN, with EXT4_GOING_FLAGS_NOLOGFLUSH).
const (
	freeze     = 0xc0045877
	thaw       = 0xc0045878
	shutdown   = 0x8004587d
	noLogFlush = 2
)

// Freeze makes everyone who writes wait, until Thaw.
func (v Volume) Freeze() error { return v.ioctl(freeze, 0) }

// Thaw ends Freeze.
func (v Volume) Thaw() error { return v.ioctl(thaw, 0) }

// Shutdown makes everything fail with EIO from now on, as a disk that was
// pulled out.
func (v Volume) Shutdown() error { return v.ioctl(shutdown, noLogFlush) }

func (v Volume) ioctl(request uint, value int) error {
	f, err := os.Open(v.Path)
	if err != nil {
		return fmt.Errorf("volume: %w", err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), request, value); err != nil {
		return fmt.Errorf("volume: ioctl %#x of %s: %w", request, v.Path, err)
	}
	return nil
}

// Unmount ends it. It may be in use: then it goes with its last user.
func (v Volume) Unmount() { _ = unix.Unmount(v.Path, unix.MNT_DETACH) }
