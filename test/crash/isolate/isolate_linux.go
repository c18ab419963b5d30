// Package isolate runs a test again in a network and mount namespace of its
// own, where it may have any port and any /etc/resolv.conf, and where the
// kernel's counters count its packets and nobody else's.
package isolate

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// variable says that this process is in a namespace of its own.
const variable = "WAYSIDE_CRASH_ISOLATED"

// ErrNotAllowed is wrapped when this machine lets nobody like us have a namespace.
var ErrNotAllowed = errors.New("namespaces can't be made here: that takes root, or user namespaces that anybody may make")

// Inside reports whether this process was started by Again.
func Inside() bool { return os.Getenv(variable) != "" }

// Again runs this program, a test binary, again with other arguments in
// namespaces of its own. Its output is ours.
func Again(args ...string) error {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), variable+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		// Root of a user namespace may have the others.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	err := cmd.Start()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("%w (%w)", ErrNotAllowed, err)
	}
	if err != nil {
		return err
	}
	return cmd.Wait()
}

// LoopbackUp makes 127.0.0.0/8 usable: in a new network namespace it is down.
func LoopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_LOOPBACK | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	return nil
}

// Cover makes a file appear in the place of another one, in this namespace only.
func Cover(place, with string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private (in a chroot, its root must be a mount point): %w", err)
	}
	if err := unix.Mount(with, place, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", with, place, err)
	}
	return nil
}
