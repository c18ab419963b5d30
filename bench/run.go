package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wayside-tracing/wayside/bench/proc"
)

// evidence is everything that a report is made of, as it is kept.
type evidence struct {
	Machine  machine           `json:"machine"`
	Commit   string            `json:"commit"`
	Began    time.Time         `json:"began"`
	Command  []string          `json:"arguments"`
	Binaries map[string]binary `json:"binaries"`
	Runs     []oneRun          `json:"-"` // a file each
}

// oneRun is one time that every contender was started and driven at every rate.
type oneRun struct {
	Run        int                      `json:"run"`
	Load       string                   `json:"load_before"`
	Started    map[string][]millisecond `json:"started_ms"` // from exec until ready
	Idle       map[string]proc.Memory   `json:"idle"`
	Rows       []row                    `json:"rows"`
	Outages    []outage                 `json:"outages,omitempty"`
	Recoveries []recovery               `json:"recoveries,omitempty"`
	Failed     map[string]string        `json:"failed,omitempty"`  // why a contender could not be measured to the end
	Skipped    map[string]string        `json:"skipped,omitempty"` // what this machine does not let us measure, and why
}

type millisecond float64

const (
	startsARun = 3               // how often a contender is started in a run, the last time to be driven
	idleFor    = 2 * time.Second // after the start, until the idle memory is read
	warmUp     = time.Second     // driven at the first rate and not measured
	littleRate = 100             // spans/s, where there is no rate
)

// runAll measures the contenders one after another, for each way in anew; each
// run begins with another one. A contender that fails does not keep the others
// from being measured.
func runAll(ctx context.Context, all []*contender, run int, temp string, o options) oneRun {
	one := oneRun{
		Run: run, Load: firstLine("/proc/loadavg"),
		Started: map[string][]millisecond{}, Idle: map[string]proc.Memory{}, Failed: map[string]string{}, Skipped: map[string]string{},
	}
	for _, w := range o.in {
		for i := range all {
			c := all[(i+run-1)%len(all)]
			if !slices.Contains(w.agents, c.name) {
				continue
			}
			if err := one.measure(ctx, c, w, temp, o); err != nil {
				if ctx.Err() != nil {
					return one
				}
				one.Failed[c.name+", "+w.name] = err.Error()
				fmt.Fprintf(os.Stderr, "run %d, %s, %s: %v\n", run, c.name, w.name, err)
			}
		}
	}
	one.tryAll(ctx, all, temp, o)
	return one
}

// measure starts a contender and drives it in one way. The first time in a run,
// it is started again and again, and its idle memory is measured.
func (one *oneRun) measure(ctx context.Context, c *contender, w *way, temp string, o options) error {
	to, err := startReceiver(ctx, c.encoding)
	if err != nil {
		return err
	}
	defer to.stop()
	_, known := one.Idle[c.name]
	var p *process
	for last := false; !last; {
		if p, err = start(ctx, c, w.protocol, temp, to, o); err != nil {
			return err
		}
		one.Started[c.name] = append(one.Started[c.name], millisecond(p.started.Seconds()*1000))
		if last = known || len(one.Started[c.name]) == startsARun; !last {
			p.stop()
		}
	}
	defer p.stop()
	if err := pause(ctx, idleFor); err != nil {
		return err
	}
	idle, err := proc.ReadMemory(p.pid())
	if err != nil {
		return err
	}
	if !known {
		one.Idle[c.name] = idle
	}
	rates := o.ratesOf(w)
	if c.rates != nil {
		rates = slices.DeleteFunc(slices.Clone(rates), func(r int) bool { return !slices.Contains(c.rates, r) })
	}
	if len(rates) == 0 {
		return nil
	}
	if err := p.warm(ctx, to, w.warming(), rates[0], o); err != nil {
		return err
	}
	for _, rate := range rates {
		profiled := make(chan error, 1)
		if o.profile && isWayside(c.name) {
			file := filepath.Join(o.out, fmt.Sprintf("%s-%s-%d-run%d.pprof", c.name, w.name, rate, one.Run))
			go func() { profiled <- p.profile(file, o.seconds) }()
		} else {
			profiled <- nil
		}
		r, err := p.measure(ctx, to, w, rate, o)
		if err = errors.Join(err, <-profiled); err != nil {
			return err
		}
		r.Run = one.Run
		one.Rows = append(one.Rows, r)
		fmt.Fprintf(os.Stderr, "run %d  %-19s %-13s %6d/s  %6.2f µs/span  lost %d  refused %d  others %.2f cores  %s\n",
			r.Run, r.Agent, r.In, r.Rate, r.MicrosASpan, r.lost(), r.Sent.AllRefused(), r.OthersCores, r.Problem)
	}
	return nil
}

// warm drives for a moment, so that connections are made and memory is found
// before the first row.
func (p *process) warm(ctx context.Context, to receiver, w *way, rate int, o options) error {
	before, err := to.counts()
	if err != nil {
		return err
	}
	plan := w.plan(p.places, max(rate, littleRate), o)
	plan.For = warmUp
	sent, err := sendAs(ctx, plan)
	if err != nil {
		return err
	}
	if err := p.settle(ctx, to, before, sent.Spans, usual); err != nil {
		return err
	}
	// The receiver counts before it answers: what the first row counts as held, and
	// then not any more, would be a loss of less than nothing.
	for begin := time.Now(); time.Since(begin) < 2*time.Second; {
		if a, err := p.account(); err != nil || a.Lost["buffered"] == 0 {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// profile takes a CPU profile for most of a row.
func (p *process) profile(file string, row time.Duration) error {
	seconds := max(1, int(row.Seconds())-1)
	answer, err := http.Get(p.places.adminURL(fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds)))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s", answer.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, answer.Body)
	return errors.Join(err, f.Close())
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// verdict is an error if anything is wrong that Wayside or this program
// answers for. What other programs lose unexplained is theirs; it shows in the table.
func (e *evidence) verdict() error {
	var wrong []error
	for _, one := range e.Runs {
		for name, why := range one.Failed {
			wrong = append(wrong, fmt.Errorf("run %d: %s: %s", one.Run, name, why))
		}
		for _, r := range one.Rows {
			if r.Problem != "" && r.Agent != jaegerAgent && program(r.Agent) != otelcol {
				wrong = append(wrong, fmt.Errorf("run %d: %s, %s: %s", r.Run, r.Agent, wayAt(r.In, r.Rate), r.Problem))
			}
		}
		for _, r := range one.Outages {
			if r.Problem != "" && isWayside(r.Agent) {
				wrong = append(wrong, fmt.Errorf("run %d: %s, %s: %s", r.Run, r.Agent, r.Trial, r.Problem))
			}
		}
		for _, r := range one.Recoveries {
			if r.Problem != "" && isWayside(r.Agent) {
				wrong = append(wrong, fmt.Errorf("run %d: %s, %s: %s", r.Run, r.Agent, recovered, r.Problem))
			}
		}
	}
	return errors.Join(wrong...)
}
