package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wayside-tracing/wayside/bench/load"
	"github.com/wayside-tracing/wayside/bench/receive"
)

// A recovery is a contender that was filled while there was no collector, killed
// (SIGKILL), and started again when there was one.
type recovery struct {
	Agent string    `json:"agent"`
	Rate  int       `json:"rate"` // spans/s, while it was filled
	Run   int       `json:"run"`
	Sent  load.Sent `json:"sent"`
	Spans uint64    `json:"spans"` // that it had when it was killed
	Bytes uint64    `json:"bytes"` // of its files
	// From exec until it was ready, until the first span arrived, and until the last one did.
	Ready   time.Duration `json:"ready_ns"`
	First   time.Duration `json:"first_ns"`
	All     time.Duration `json:"all_ns"`
	Arrived uint64        `json:"arrived"` // spans
	Problem string        `json:"problem,omitempty"`
}

func recoverFrom(ctx context.Context, t trial, c *contender, rate int, to receiver, temp string, o options) (r recovery, err error) {
	r = recovery{Agent: c.name, Rate: rate}
	if err := to.away(true); err != nil {
		return r, err
	}
	before, err := to.counts()
	if err != nil {
		return r, err
	}
	p, err := start(ctx, c, load.JaegerUDP, temp, to, o)
	if err != nil {
		return r, err
	}
	defer p.kill()
	o.seconds = t.away
	if r.Sent, err = sendAs(ctx, ways()[0].plan(p.places, rate, o)); err != nil {
		return r, err
	}
	drops, err := p.read(ctx)
	if err != nil {
		return r, err
	}
	held, err := p.account()
	if err != nil {
		return r, err
	}
	p.kill()
	lost := drops * load.SpansPerPacket
	for reason, n := range held.Lost {
		if reason != "buffered" {
			lost += n
		}
	}
	r.Spans = r.Sent.Spans - lost
	if r.Bytes, err = size(diskOf(c, o)); err != nil {
		return r, err
	}
	if err := to.away(false); err != nil {
		return r, err
	}
	again, err := startAgain(ctx, c, load.JaegerUDP, temp, to, nil, o)
	if err != nil {
		return r, err
	}
	defer again.stop()
	r.Ready = again.started
	return r, r.follow(ctx, again, to, before, held, lost == 0)
}

// follow waits for what the process has to deliver.
func (r *recovery) follow(ctx context.Context, p *process, to receiver, before receive.Counts, held account, whole bool) error {
	var now receive.Counts
	for begin, changed := time.Now(), time.Now(); ; {
		last := now
		var err error
		if now, err = to.counts(); err != nil {
			return err
		}
		if now.Spans > last.Spans {
			changed = time.Now()
			r.All = time.Since(p.began)
		}
		r.Arrived = now.Spans - before.Spans
		if r.First == 0 && r.Arrived > 0 {
			r.First = r.All
		}
		if r.Arrived >= r.Spans || time.Since(changed) > persistent.quiet || time.Since(begin) > persistent.limit {
			break
		}
		step := 2 * time.Millisecond // the receiver answers, which costs little and not nothing
		if r.First > 0 {
			step = 20 * time.Millisecond
		}
		if err := p.wait(ctx, step); err != nil {
			return err
		}
	}
	said, err := p.account()
	if err != nil {
		return err
	}
	r.Problem = r.problem(whole, now.IDSum-before.IDSum, held, said)
	return nil
}

// problem is what does not add up, to the span. whole says that nothing was
// lost while it was filled; held is the account before the kill, said that after it.
func (r *recovery) problem(whole bool, idSum uint64, held, said account) string {
	switch {
	case r.Arrived != r.Spans:
		return fmt.Sprintf("it had %d spans, and %d arrived", r.Spans, r.Arrived)
	case whole && idSum != r.Sent.IDSum:
		return "as many spans arrived as were sent, but not the same ones: their ids do not add up"
	case isWayside(r.Agent) && (held.Lost["buffered"] != r.Spans || said.Recovered != r.Spans):
		return fmt.Sprintf("of %d spans, the ledger had %d buffered before it was killed, and recovered %d", r.Spans, held.Lost["buffered"], said.Recovered)
	}
	return ""
}

// size is the sum of the sizes of all files in a folder.
func size(folder string) (sum uint64, err error) {
	err = filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil {
			sum += uint64(info.Size())
		}
		return err
	})
	return sum, err
}
