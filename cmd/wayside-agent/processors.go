package main

import (
	"context"
	"runtime"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/agent/config"
)

// To have a second processor costs a process that wakes up often and for short:
// each time, the runtime wakes another thread that finds nothing to do. One
// brings some hundred thousand spans a second. So the agent has one, and more
// when they are needed.
const (
	// maxProcessors is how many it has at most: the runtime keeps memory for
	// each, and two readers and a few exports need no more.
	maxProcessors = 4
	// adaptEvery is how often what was used is looked at.
	adaptEvery = time.Second
	// A processor is added when more than highUse of those that there are was
	// used, and taken away after less than lowUse for lowFor.
	highUse, lowUse = 0.6, 0.2
	lowFor          = 30 * time.Second
)

// processors is how many the runtime has, and may have.
type processors struct {
	least, most, now int
	low              time.Duration // for how long few have been used
}

// newProcessors begins with few. With a disk there are two: a system call that
// waits for it keeps its processor until the runtime notices.
func newProcessors(cfg *config.Config) *processors {
	most := min(runtime.GOMAXPROCS(0), maxProcessors)
	least := 1
	if cfg.Buffer.Disk.Path != "" {
		least = 2
	}
	least = min(least, most)
	runtime.GOMAXPROCS(least)
	return &processors{least: least, most: most, now: least}
}

// follow adapts their number to what is used, until ctx is done.
func (p *processors) follow(ctx context.Context) {
	if p.least == p.most {
		return
	}
	tick := time.NewTicker(adaptEvery)
	defer tick.Stop()
	used, at := cpuTime(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		usedNow, now := cpuTime(), time.Now()
		if p.adapt(usedNow-used, now.Sub(at)) {
			runtime.GOMAXPROCS(p.now) // stops everything for some 50 µs
		}
		used, at = usedNow, now
	}
}

// adapt says whether the number has changed, after so much CPU time was used in
// a time.
func (p *processors) adapt(used, in time.Duration) bool {
	was, use := p.now, float64(used)/float64(in)/float64(p.now)
	switch {
	case use > highUse:
		p.low, p.now = 0, min(p.now+1, p.most)
	case use < lowUse:
		if p.low += in; p.low >= lowFor {
			p.low, p.now = 0, max(p.now-1, p.least)
		}
	default:
		p.low = 0
	}
	return p.now != was
}

// cpuTime is what the process has used.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
