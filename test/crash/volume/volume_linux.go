// Package volume makes small file systems that go wrong as they are told: full,
// read-only, slow, gone. They are mounted in a mount namespace of the test's own
// (test/crash/isolate), with which they vanish.
package volume

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotAllowed is wrapped when this machine has no such file system for us.
var ErrNotAllowed = errors.New("a file system in a file can't be made here: that takes root, mkfs.ext4 and loop devices")

// Volume is a mounted file system.
type Volume struct {
	Path string

	image, device string // of an ext4
}

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
	return Volume{Path: folder}, nil
}

// Ext4 mounts an ext4 of so many bytes, in a file, on a folder.
func Ext4(folder, image string, bytes int64) (Volume, error) {
	v := Volume{Path: folder, image: image}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return v, err
	}
	if err := os.Truncate(image, bytes); err != nil {
		return v, err
	}
	// A journal makes what is written slower, not safer from us.
	if _, err := run("mkfs.ext4", "-q", "-O", "^has_journal", image); err != nil {
		return v, fmt.Errorf("%w (%w)", ErrNotAllowed, err)
	}
	if err := v.attach(); err != nil {
		return v, fmt.Errorf("%w (%w)", ErrNotAllowed, err)
	}
	return v, nil
}

// attach mounts the image by a loop device of its own, which goes with the mount.
func (v *Volume) attach() error {
	device, err := run("losetup", "--find", "--show", v.image)
	if err != nil {
		return err
	}
	v.device = device
	_, err = run("mount", "-o", "errors=remount-ro", device, v.Path)
	_, e := run("losetup", "--detach", device) // when nobody uses it any more
	return errors.Join(err, e)
}

// run runs a command, and returns what it writes.
func run(name string, args ...string) (out string, err error) {
	b, err := exec.Command(name, args...).CombinedOutput()
	out = strings.TrimSpace(string(b))
	if err != nil {
		return out, fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return out, nil
}

// Fail makes an ext4 do what it does by itself when it finds an error in what it
// has on disk, with errors=remount-ro: from now on it can only be read, also by
// who has files open for writing (Documentation/filesystems/ext4, abort). To
// remount one read-only in which files are open for writing is not to be had: it
// is busy.
func (v *Volume) Fail() error {
	_, err := run("mount", "-o", "remount,abort", v.device, v.Path)
	return err
}

// Repair does what one does with such a file system: unmount it, check it, and
// mount it again. Who has a file of it open has that of the old one, which stays
// read-only.
func (v *Volume) Repair() error {
	if err := unix.Unmount(v.Path, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("volume: unmounting %s: %w", v.Path, err)
	}
	// What the device has in memory gets into the image before another one reads it.
	if _, err := run("blockdev", "--flushbufs", v.device); err != nil {
		return err
	}
	out, err := exec.Command("e2fsck", "-fy", v.image).CombinedOutput()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() == 1 { // errors were corrected (e2fsck(8))
		err = nil
	}
	if err != nil {
		return fmt.Errorf("e2fsck: %w: %s", err, out)
	}
	return v.attach()
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
