package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData is what the disk buffer does with its files.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// uncache makes the kernel forget what it has of a file in memory, as far as
// nobody has it mapped: whoever touches it next is charged for it.
func uncache(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil { // what is not written yet stays
		return err
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
