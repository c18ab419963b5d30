package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/wayside-tracing/wayside/bench/load"
	"github.com/wayside-tracing/wayside/bench/proc"
	"github.com/wayside-tracing/wayside/bench/receive"
)

// A row is one measurement: one contender, one way in, one rate, one run.
type row struct {
	In    string `json:"in"`
	Agent string `json:"agent"`
	Rate  int    `json:"rate"` // spans/s, asked for
	Run   int    `json:"run"`

	Sent     load.Sent `json:"sent"`
	Arrived  uint64    `json:"arrived"` // spans
	Requests uint64    `json:"requests"`
	Refused  uint64    `json:"refused"` // requests that the receiver did not take, or that broke off
	OutBytes uint64    `json:"out_bytes"`

	// CPU of the contender from before the first packet until nothing more arrived.
	CPU          proc.CPU      `json:"cpu"`
	MicrosASpan  float64       `json:"cpu_us_per_span"` // that arrived
	Memory       proc.Memory   `json:"memory"`
	Before       proc.Memory   `json:"memory_before"`
	ReceiverCPU  time.Duration `json:"receiver_cpu_ns"`
	Took         time.Duration `json:"took_ns"` // from the first packet until nothing more arrived
	OthersCores  float64       `json:"others_cores"`
	SoftnetDrops uint64        `json:"softnet_drops"` // of the host, not only of this socket

	KernelDrops uint64            `json:"kernel_drops"` // packets
	Counted     map[string]uint64 `json:"counted"`      // spans lost, by reason, kernel's included
	Problem     string            `json:"problem,omitempty"`

	away bool // the receiver was told to refuse some
}

// lost is in spans; more arrived than was sent is a Problem, and no loss.
func (r *row) lost() uint64 { return r.Sent.Spans - min(r.Arrived, r.Sent.Spans) }

// snapshot is everything that is read before and after a row.
type snapshot struct {
	at       time.Time
	counts   receive.Counts
	cpu      proc.CPU
	receiver proc.CPU
	own      proc.CPU
	busy     time.Duration
	udp      proc.UDP
	softnet  uint64
}

func (p *process) snapshot(to receiver) (s snapshot, err error) {
	for _, read := range []func() error{
		// The contender's CPU first: what is asked of it next costs it some.
		func() (err error) { s.cpu, err = proc.ReadCPU(p.pid()); return err },
		func() (err error) { s.busy, err = proc.ReadBusy(); return err },
		func() (err error) { s.receiver, err = proc.ReadCPU(to.pid()); return err },
		func() (err error) { s.own, err = proc.ReadCPU(os.Getpid()); return err },
		func() (err error) { s.udp, err = proc.ReadUDP(p.places.socket()); return err },
		func() (err error) { s.softnet, err = proc.ReadSoftnetDrops(); return err },
		func() (err error) { s.counts, err = to.counts(); return err },
	} {
		if err := read(); err != nil {
			return s, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	s.at = time.Now()
	return s, nil
}

// account is what the contender says now; one that says nothing has an empty one.
func (p *process) account() (account, error) {
	if p.counted == nil {
		return account{}, nil
	}
	a, err := p.counted(p.places)
	if err != nil {
		return a, fmt.Errorf("%s: %w", p.name, err)
	}
	return a, nil
}

// measure drives the contender and makes a row of it.
func (p *process) measure(ctx context.Context, to receiver, w *way, rate int, o options) (row, error) {
	return p.drive(ctx, to, w, rate, usual, func() (load.Sent, error) { return sendAs(ctx, w.plan(p.places, rate, o)) })
}

// drive makes a row of what send does.
func (p *process) drive(ctx context.Context, to receiver, w *way, rate int, till patience, send func() (load.Sent, error)) (r row, err error) {
	r = row{In: w.name, Agent: p.name, Rate: rate}
	if err := proc.ResetPeak(p.pid()); err != nil {
		return r, err
	}
	if r.Before, err = proc.ReadMemory(p.pid()); err != nil {
		return r, err
	}
	said, err := p.account()
	if err != nil {
		return r, err
	}
	before, err := p.snapshot(to)
	if err != nil {
		return r, err
	}
	r.Sent, err = send()
	if err != nil {
		return r, err
	}
	if err := p.settle(ctx, to, before.counts, r.Sent.Spans, till); err != nil {
		return r, err
	}
	after, err := p.snapshot(to)
	if err != nil {
		return r, err
	}
	if r.Memory, err = proc.ReadMemory(p.pid()); err != nil {
		return r, err
	}
	arrived, err := arrivedSince(before.counts, after.counts)
	if err != nil {
		r.Problem = err.Error()
	}
	r.Arrived = arrived
	r.Requests = after.counts.Requests - before.counts.Requests
	r.Refused = after.counts.Refused - before.counts.Refused
	r.OutBytes = after.counts.Bytes - before.counts.Bytes
	r.CPU = proc.CPU{Exact: after.cpu.Exact - before.cpu.Exact, Stat: after.cpu.Stat - before.cpu.Stat}
	r.MicrosASpan = float64(r.CPU.Exact) / float64(time.Microsecond) / float64(max(1, r.Arrived))
	r.ReceiverCPU = after.receiver.Exact - before.receiver.Exact
	r.Took = after.at.Sub(before.at)
	ours := r.CPU.Exact + r.ReceiverCPU + r.Sent.CPU + after.own.Exact - before.own.Exact
	r.OthersCores = max(0, float64(after.busy-before.busy-ours)/float64(r.Took))
	r.SoftnetDrops = after.softnet - before.softnet
	r.KernelDrops = after.udp.Drops - before.udp.Drops
	idSum := after.counts.IDSum - before.counts.IDSum
	return r, p.explain(&r, w, said, idSum)
}

// patience is how long nothing may arrive until that is the end, and the limit
// of waiting for it.
type patience struct{ quiet, limit time.Duration }

// usual is longer than any of them holds a batch back.
var usual = patience{3 * time.Second, 30 * time.Second}

// settle waits until everything sent has arrived, or nothing more arrives.
func (p *process) settle(ctx context.Context, to receiver, before receive.Counts, sent uint64, till patience) error {
	const step = 50 * time.Millisecond
	begin := time.Now()
	var last receive.Counts
	changed := begin
	for time.Since(begin) < till.limit {
		now, err := to.counts()
		if err != nil {
			return err
		}
		if arrived, _ := arrivedSince(before, now); arrived == sent {
			return nil
		}
		if now != last {
			last, changed = now, time.Now()
		}
		socket, err := proc.ReadUDP(p.places.socket())
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if socket.Queued == 0 && time.Since(changed) > till.quiet {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended (%v); it wrote:\n%s", p.name, p.cmd.ProcessState, p.tail())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(step):
		}
	}
	return fmt.Errorf("%s: still delivering %v after the last packet", p.name, till.limit)
}

// arrivedSince is in spans. What the floor program copied is whole packets.
func arrivedSince(before, after receive.Counts) (uint64, error) {
	copied := after.SinkBytes - before.SinkBytes
	if copied%load.PacketBytes != 0 {
		return 0, fmt.Errorf("%d bytes were copied, which is no number of whole packets", copied)
	}
	return after.Spans - before.Spans + copied/load.PacketBytes*load.SpansPerPacket, nil
}

// explain compares what was sent with what arrived and what was counted as
// lost. Anything that does not add up, to the span, is a Problem.
func (p *process) explain(r *row, w *way, before account, idSum uint64) error {
	now, err := p.account()
	for begin := time.Now(); err == nil && isWayside(p.name) && time.Since(begin) < 2*time.Second; {
		// The receiver counts before it answers: the last answer may be on its way.
		if now.since(before).Delivered == r.Arrived {
			break
		}
		time.Sleep(20 * time.Millisecond)
		now, err = p.account()
	}
	if err != nil {
		return err
	}
	said := now.since(before)
	r.Counted = maps.Clone(said.Lost)
	if r.Counted == nil {
		r.Counted = map[string]uint64{}
	}
	if r.KernelDrops > 0 {
		r.Counted["kernel"] = r.KernelDrops * load.SpansPerPacket
	}
	if said.Refused > 0 && w.udp() {
		r.Counted["refused"] = said.Refused * load.SpansPerPacket // a refused packet is one of ours
	}
	if r.Problem == "" {
		r.Problem = p.problem(r, said, idSum)
	}
	if r.Problem == "" && !w.udp() {
		r.Problem = p.answers(r, said)
	}
	return nil
}

func (p *process) problem(r *row, said account, idSum uint64) string {
	counted := uint64(0)
	for _, n := range r.Counted {
		counted += n
	}
	switch {
	case r.Arrived+counted != r.Sent.Spans:
		return fmt.Sprintf("sent %d spans, %d arrived, %d were counted as lost: %d are not explained",
			r.Sent.Spans, r.Arrived, counted, int64(r.Sent.Spans-r.Arrived-counted))
	case counted == 0 && !p.copies() && idSum != r.Sent.IDSum:
		return "as many spans arrived as were sent, but not the same ones: their ids do not add up"
	case isWayside(p.name) && said.Delivered != r.Arrived:
		return fmt.Sprintf("the ledger says that %d spans were delivered, and %d arrived", said.Delivered, r.Arrived)
	case isWayside(p.name) && said.KernelDrops != r.KernelDrops:
		return fmt.Sprintf("the ledger says that the kernel dropped %d packets, and the kernel says %d", said.KernelDrops, r.KernelDrops)
	}
	return ""
}

// answers compares what the clients were answered with what the contender says.
func (p *process) answers(r *row, said account) string {
	switch refused := r.Sent.AllRefused(); {
	case r.Sent.Broken > 0:
		return fmt.Sprintf("%d requests were not answered, so nobody knows whether their spans were taken; the first: %s", r.Sent.Broken, r.Sent.Error)
	case isWayside(p.name) && said.Refused != refused:
		return fmt.Sprintf("the ledger says that %d requests were refused, and the clients were told so %d times", said.Refused, refused)
	}
	return ""
}
