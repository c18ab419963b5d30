package main

import (
	"os"
	"syscall"
)

// syncData is what the disk buffer does with its files.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
