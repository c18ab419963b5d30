package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/bench/proc"
	"github.com/wayside-tracing/wayside/internal/cgroup"
)

// A trial is what contenders with a disk buffer go through beside the rows, by
// Jaeger's UDP.
type trial struct {
	name   string
	agents []string
	rates  []int // spans/s
	// away is how long the collector is away, or how long a buffer is filled.
	away, quick time.Duration
	limit       uint64 // bytes of memory; 0: no cgroup
}

// The names of the trials.
const (
	catchUp   = "catch-up"
	inCgroup  = "memory"
	recovered = "recovery"
)

// smallLimit is what a sidecar may have.
const smallLimit = 20 << 20

func trials() []trial {
	return []trial{
		{catchUp, []string{otelcolDisk, waysideDisk}, []int{10_000}, 20 * time.Second, 3 * time.Second, 0},
		{inCgroup, []string{waysideDisk}, []int{10_000, 30_000}, time.Minute, 3 * time.Second, smallLimit},
		// 1,320,000 spans of 386 bytes are 95 % of 512 MiB: full, and nothing is given up for more.
		{recovered, []string{otelcolDisk, waysideDisk}, []int{30_000}, 44 * time.Second, 6 * time.Second, 0},
	}
}

func trialNames() (all []string) {
	for _, t := range trials() {
		all = append(all, t.name)
	}
	return all
}

// findTrials checks names; "none" is none.
func findTrials(list string) (found []string, err error) {
	if list == none {
		return nil, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(trialNames(), name) {
			return nil, fmt.Errorf("--trials: %q is none of %s", name, strings.Join(trialNames(), ", "))
		}
		found = append(found, name)
	}
	return found, nil
}

// tryAll makes the trials that are wanted. One that fails does not keep the
// others from being made.
func (one *oneRun) tryAll(ctx context.Context, all []*contender, temp string, o options) {
	for _, t := range trials() {
		if !slices.Contains(o.trials, t.name) {
			continue
		}
		if o.quick {
			t.away = t.quick
		}
		for _, c := range all {
			for _, rate := range t.rates {
				if ctx.Err() != nil || !slices.Contains(t.agents, c.name) {
					continue
				}
				err := one.try(ctx, t, c, rate, temp, o)
				if err == nil || ctx.Err() != nil {
					continue
				}
				what := fmt.Sprintf("%s, %s at %s spans/s", c.name, t.name, thousands(rate))
				if errors.Is(err, cgroup.ErrNotAllowed) {
					one.Skipped[what] = err.Error()
				} else {
					one.Failed[what] = err.Error()
				}
				fmt.Fprintf(os.Stderr, "run %d, NOT MEASURED: %s: %v\n", one.Run, what, err)
			}
		}
	}
}

func (one *oneRun) try(ctx context.Context, t trial, c *contender, rate int, temp string, o options) error {
	to, err := startReceiver(ctx, c.encoding)
	if err != nil {
		return err
	}
	defer to.stop()
	if t.name == recovered {
		r, err := recoverFrom(ctx, t, c, rate, to, temp, o)
		if err != nil {
			return err
		}
		r.Run = one.Run
		one.Recoveries = append(one.Recoveries, r)
		fmt.Fprintf(os.Stderr, "run %d  %-19s %-13s %6d/s  %d spans, ready after %v, first after %v, all after %v  %s\n",
			r.Run, r.Agent, t.name, rate, r.Spans, r.Ready, r.First, r.All, r.Problem)
		return nil
	}
	r, err := overcome(ctx, t, c, rate, to, temp, o)
	if err != nil {
		return err
	}
	r.Run = one.Run
	one.Outages = append(one.Outages, r)
	fmt.Fprintf(os.Stderr, "run %d  %-19s %-13s %6d/s  backlog %d, then %.0f spans/s for %v, peak %.1f MB  %s\n",
		r.Run, r.Agent, t.name, rate, r.Backlog, r.rate(), r.Lasted, mb(r.Memory.Peak), r.Problem)
	return nil
}

// wait sleeps, or until the process has ended, which is an error.
func (p *process) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended (%v); it wrote:\n%s", p.name, p.cmd.ProcessState, p.tail())
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// writes is how long a process is given to write what it has read. The Collector
// has thousands of spans between its receiver and its queue.
const writes = 3 * time.Second

// read waits until the process has read what the kernel has for it, and has
// had time to write that.
func (p *process) read(ctx context.Context) (drops uint64, err error) {
	for {
		u, err := proc.ReadUDP(p.places.udp)
		if err != nil {
			return 0, err
		}
		if err := p.wait(ctx, writes); err != nil || u.Queued == 0 {
			return u.Drops, err
		}
	}
}
