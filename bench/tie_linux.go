package main

import (
	"os/exec"
	"syscall"
)

// tieToParent makes the kernel end the child when this process dies.
func tieToParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
