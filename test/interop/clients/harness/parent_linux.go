package harness

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the program when the test's process dies without having ended it (prctl(2),
// PR_SET_PDEATHSIG), as it does when go test's time is over.
func dieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
