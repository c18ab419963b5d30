package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/wayside-tracing/wayside/bench/load"
	"github.com/wayside-tracing/wayside/bench/proc"
	"github.com/wayside-tracing/wayside/internal/cgroup"
)

// An outage is a collector that was away while spans came, and came back while
// they went on coming. The row is of all of it.
type outage struct {
	row
	Trial   string        `json:"trial"`
	Away    time.Duration `json:"away_ns"`
	Backlog uint64        `json:"backlog"` // spans that had been sent and had not arrived when it came back
	// First is from when the collector was back until just before the first span
	// (10 ms, at most): as long as the contender paused between two attempts.
	First time.Duration `json:"first_ns"`
	// Lasted is from then until no more than lag was missing; Caught is in
	// spans that arrived in this time, those that came meanwhile among them.
	Lasted time.Duration `json:"lasted_ns"`
	Caught uint64        `json:"caught"`
	Group  *grouped      `json:"cgroup,omitempty"`
}

// grouped is what a contender took of its memory cgroup.
type grouped struct {
	Version int          `json:"version"`
	Limit   uint64       `json:"limit"`
	Peak    uint64       `json:"peak"`   // as the kernel saw it
	Most    cgroup.Usage `json:"most"`   // of each kind, seen every 50 ms
	Killed  uint64       `json:"killed"` // processes
	Hits    uint64       `json:"hits"`   // of the limit
}

const (
	lead     = 2 * time.Second // before the collector goes away
	lag      = 2 * time.Second // of spans may be missing of what has caught up: batches are held back for 1 s
	giveUp   = 2 * time.Minute // to have caught up
	largeish = 2 << 30         // bytes of disk, so that nothing is dropped in a minute at 30,000 spans/s
)

// persistent waits longer than any of them pauses between two attempts (30 s,
// and the Collector half as much at random).
var persistent = patience{50 * time.Second, 2 * time.Minute}

// rate is in spans a second, while catching up.
func (r *outage) rate() float64 { return float64(r.Caught) / max(r.Lasted.Seconds(), 1e-3) }

func overcome(ctx context.Context, t trial, c *contender, rate int, to receiver, temp string, o options) (r outage, err error) {
	var group *cgroup.Group
	if t.limit > 0 {
		if group, err = cgroup.New(fmt.Sprintf("wayside-bench-%d-%d", os.Getpid(), time.Now().UnixNano()), t.limit); err != nil {
			return r, err
		}
		defer group.Close()
		if err := uncache(c.binary); err != nil { // so that the program's own pages are in the group, as in a pod
			return r, err
		}
		o.socketBuffer = 1 << 20 // what a sidecar of this size may ask for
	}
	o.diskSize = largeish
	if err := os.RemoveAll(diskOf(c, o)); err != nil {
		return r, err
	}
	p, err := startAgain(ctx, c, load.JaegerUDP, temp, to, group, o)
	if err != nil {
		return r, err
	}
	defer p.stop()
	w := ways()[0]
	if err := p.warm(ctx, to, w, rate, o); err != nil {
		return r, err
	}
	r.Trial, r.Away = t.name, t.away
	plan := w.plan(p.places, rate, o)
	r.row, err = p.drive(ctx, to, w, rate, persistent, func() (load.Sent, error) { return r.happen(ctx, p, to, plan, group) })
	r.row.away = true
	if err != nil || group == nil {
		return r, err
	}
	g := r.Group
	g.Version, g.Limit = group.Version, t.limit
	if g.Peak, err = group.Peak(); err != nil {
		return r, err
	}
	if g.Killed, g.Hits, err = group.Killed(); err == nil && g.Killed > 0 {
		err = fmt.Errorf("%d processes were killed for want of memory", g.Killed)
	}
	return r, err
}

// happen sends, and has the collector go away and come back.
func (r *outage) happen(ctx context.Context, p *process, to receiver, plan load.Plan, group *cgroup.Group) (sent load.Sent, err error) {
	stop, ended := make(chan struct{}), make(chan struct{})
	plan.For, plan.Stop = lead+r.Away+giveUp, stop
	before, err := to.counts()
	if err != nil {
		return sent, err
	}
	drops, err := proc.ReadUDP(p.places.udp)
	if err != nil {
		return sent, err
	}
	begin := time.Now()
	var sending error
	go func() {
		defer close(ended)
		sent, sending = sendAs(ctx, plan)
	}()
	sampled := make(chan error, 1)
	go func() { sampled <- r.sample(group, ended) }()

	// missing is how many spans should have arrived and have not.
	missing := func() (n, arrived uint64, err error) {
		now, err := to.counts()
		if err != nil {
			return 0, 0, err
		}
		u, err := proc.ReadUDP(p.places.udp)
		if err != nil {
			return 0, 0, err
		}
		arrived = now.Spans - before.Spans
		due := uint64(float64(plan.Rate) * time.Since(begin).Seconds())
		return due - min(due, arrived+(u.Drops-drops.Drops)*load.SpansPerPacket), arrived, nil
	}
	trouble := func() error {
		if err := p.wait(ctx, lead); err != nil {
			return err
		}
		if err := to.away(true); err != nil {
			return err
		}
		if err := p.wait(ctx, r.Away); err != nil {
			return err
		}
		if err := to.away(false); err != nil {
			return err
		}
		back := time.Now()
		n, stood, err := missing()
		if err != nil {
			return err
		}
		r.Backlog = n
		few := uint64(plan.Rate) * uint64(lag/time.Second)
		for n > few {
			if time.Since(back) > giveUp {
				return fmt.Errorf("%s had not caught up %v after the collector was back: %d spans are missing", p.name, giveUp, n)
			}
			if err := p.wait(ctx, 10*time.Millisecond); err != nil {
				return err
			}
			var arrived uint64
			if n, arrived, err = missing(); err != nil {
				return err
			}
			if r.Caught = arrived - stood; r.Caught == 0 {
				r.First = time.Since(back)
			}
			r.Lasted = time.Since(back) - r.First
		}
		return p.wait(ctx, time.Second)
	}()
	close(stop)
	<-ended
	return sent, errors.Join(trouble, sending, <-sampled)
}

// sample reads what the group has until the sender has ended.
func (r *outage) sample(group *cgroup.Group, ended <-chan struct{}) error {
	if group == nil {
		return nil
	}
	r.Group = &grouped{}
	for {
		u, err := group.Usage()
		if err != nil {
			return err
		}
		r.Group.Most = r.Group.Most.Each(u)
		select {
		case <-ended:
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}
