package load

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// clock sleeps to the microsecond. Go's own timers wait in epoll_wait, whose
// unit is the millisecond; at 60,000 spans/s a packet is due every 333 µs.
type clock struct {
	start time.Time
	mono  int64 // CLOCK_MONOTONIC at start, in nanoseconds
}

func startClock() *clock {
	runtime.LockOSThread()
	// The kernel may wake a thread 50 µs late to save wake-ups; not this one.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail for this clock
	return &clock{start: time.Now(), mono: ts.Nano()}
}

func (c *clock) now() time.Duration { return time.Since(c.start) }

func (c *clock) sleepUntil(at time.Duration) {
	ts := unix.NsecToTimespec(c.mono + int64(at))
	for c.now() < at {
		// A raw system call: the scheduler is not told, so it wakes no
		// other thread to take this one's place. The one way to fail is to
		// be interrupted; then it goes on.
		_, _, _ = unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME,
			uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	}
}

func (c *clock) stop() { runtime.UnlockOSThread() }

func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
