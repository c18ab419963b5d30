// Package pages gives memory back that a program needed to start.
package pages

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Release takes the pages of the program's own file, its code and constants,
// out of the process's resident memory. Those that are needed are mapped again
// at the next touch, from the kernel's page cache and without reading a disk;
// those that only starting needed stay out, and the kernel may give them to
// others. It returns the number of bytes that it has let go of, mapped or not.
//
// From then on a page that has to be read from a disk is read alone. Otherwise
// the kernel reads what is around it as well, as much as the disk's read_ahead_kb
// says (128 kB by default, 8 MB on some machines): in a small memory cgroup that
// is full, each such page then drives out what is in use, and the next is read
// for that.
func Release() (released uint64, err error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, err
	}
	for _, r := range ranges(maps) {
		// The mapping is private and has never been written to: it is dropped,
		// not lost (madvise(2), MADV_DONTNEED).
		for _, advice := range []uintptr{unix.MADV_DONTNEED, unix.MADV_RANDOM} {
			if _, _, errno := unix.Syscall(unix.SYS_MADVISE, r.start, r.length, advice); errno != 0 {
				return released, os.NewSyscallError("madvise", errno)
			}
		}
		released += uint64(r.length)
	}
	return released, nil
}

type memory struct{ start, length uintptr }

// ranges finds what is mapped of the program's file and can't be written to.
// The program is what is mapped first (proc_pid_maps(5)).
func ranges(maps []byte) (list []memory) {
	program := ""
	for line := range bytes.Lines(maps) {
		f := strings.Fields(string(line))
		if len(f) < 6 || !strings.HasPrefix(f[5], "/") {
			continue
		}
		if program == "" {
			program = f[5]
		}
		var start, end uintptr
		if f[5] != program || f[1][1] == 'w' {
			continue
		}
		if n, _ := fmt.Sscanf(f[0], "%x-%x", &start, &end); n == 2 && start < end {
			list = append(list, memory{start, end - start})
		}
	}
	return list
}
