// Package slack has the kernel be less exact about when it wakes the process.
//
// Go's runtime has a thread that looks 50,000 times a second after everybody,
// for as long as anybody runs (sysmon, runtime/proc.go). In a program that wakes
// up often for a short time, that thread was a fifth of all CPU; woken later, as
// timer slack lets the kernel do, it is next to nothing. All timers are as late:
// those of this program are for milliseconds and more.
package slack

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Allow lets each wake-up come so much later (PR_SET_TIMERSLACK(2const)). A
// thread hands its slack on to those that it makes and over execve, but can't
// change that of others; and the runtime has made its own before main begins. So
// the program is executed again, as the same process: what it had done is gone,
// and Allow is to be called first. Where slack is that large already, or can't
// be had, it returns and nothing has changed.
func Allow(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || time.Duration(now) >= d {
		return
	}
	// By its name and not as /proc/self/exe, which would be what ps shows.
	program, err := os.Executable()
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(d), 0, 0, 0) != nil {
		return
	}
	if now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || time.Duration(now) < d {
		return // else it would never end
	}
	_ = syscall.Exec(program, os.Args, os.Environ()) // a program that was replaced meanwhile: go on without
}
