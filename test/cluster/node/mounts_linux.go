package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// wanted are settings of the kernel that kubelet insists on. It sees files that
// say so; the machine keeps its own.
var wanted = map[string]string{"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}

// mounts puts the node's own folders where programs look for them.
func mounts(p Plan, n int) error {
	own := p.Own(n)
	groups := filepath.Join(own, "cgroup")
	for _, d := range []string{groups, filepath.Join(own, "var/lib"), filepath.Join(own, "var/log"), filepath.Join(own, "sysctl")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("node: %w", err)
		}
	}
	var errs []error
	mount := func(what, at, kind string, flags uintptr, data string) {
		if err := unix.Mount(what, at, kind, flags, data); err != nil {
			errs = append(errs, fmt.Errorf("node: mounting %s on %s: %w", what, at, err))
		}
	}
	unmount := func(at string) {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("node: unmounting %s: %w", at, err))
		}
	}
	// A sysfs that shows this network namespace, with the machine's control groups
	// put back into it.
	mount("/sys/fs/cgroup", groups, "", unix.MS_BIND|unix.MS_REC, "")
	unmount("/sys")
	mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	mount(groups, "/sys/fs/cgroup", "", unix.MS_BIND|unix.MS_REC, "")
	unmount(groups)

	mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755")
	mount(filepath.Join(own, "var/lib"), "/var/lib", "", unix.MS_BIND, "")
	mount(filepath.Join(own, "var/log"), "/var/log", "", unix.MS_BIND, "")
	for name, value := range wanted {
		f := filepath.Join(own, "sysctl", filepath.Base(name))
		if err := os.WriteFile(f, []byte(value+"\n"), 0o644); err != nil {
			errs = append(errs, err)
		}
		mount(f, "/proc/sys/"+name, "", unix.MS_BIND, "")
	}
	// Containers see what is mounted later only where that is shared.
	mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
	for _, d := range []string{"/run/lock", "/var/lib/kubelet", "/var/log/pods", "/var/log/containers"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
