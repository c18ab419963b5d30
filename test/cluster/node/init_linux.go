package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Init and Work are this program's arguments, before the plan's folder and the
// number of the node, to be a node's first process and what that starts.
const (
	Init = "node-init"
	Work = "node-work"
)

// command is this program as the first process of a node, in namespaces of its own.
func command(p Plan, n int) *exec.Cmd {
	c := exec.Command("/proc/self/exe", Init, p.Folder, strconv.Itoa(n))
	c.Env = []string{"PATH=" + p.Path(), "HOME=/root"}
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Setsid:     true,
	}
	return c
}

// Command is the first node's first process.
func Command(p Plan) *exec.Cmd { return command(p, 1) }

// RunInit is the first process of a node: it starts the one that works, and
// buries processes whose parents have gone. It returns when that one has ended.
func RunInit(p Plan, n int) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("node: private mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("node: /proc: %w", err)
	}
	worker, err := os.StartProcess("/proc/self/exe", []string{"node", Work, p.Folder, strconv.Itoa(n)}, &os.ProcAttr{
		Env: os.Environ(), Files: []*os.File{nil, os.Stdout, os.Stderr},
	})
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("node: %w", err)
		}
		if pid == worker.Pid {
			return fmt.Errorf("node: %s has ended: exit status %d, signal %v", Name(n), status.ExitStatus(), status.Signal())
		}
	}
}
