//go:build !linux

package load

import "time"

// clock sleeps as well as Go's timers do.
type clock struct{ start time.Time }

func startClock() *clock                     { return &clock{start: time.Now()} }
func (c *clock) now() time.Duration          { return time.Since(c.start) }
func (c *clock) sleepUntil(at time.Duration) { time.Sleep(at - c.now()) }
func (c *clock) stop()                       {}
func ownCPU() time.Duration                  { return 0 }
