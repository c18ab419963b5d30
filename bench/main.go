// Command bench measures the Jaeger Agent, the OpenTelemetry Collector and
// Wayside side by side: the same spans, by UDP and by OTLP, at the same rates into
// each in turn, one receiver that counts what arrives, CPU and memory from the
// kernel.
// README.md says how to run it and how to read what it prints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the command line, validated.
type options struct {
	in           []*way
	rates        []int // spans/s, in place of each way's own
	seconds      time.Duration
	runs         int
	only         []string
	socketBuffer int // bytes; 0: the kernel's default
	tick         time.Duration
	quick        bool
	profile      bool
	wayside      string // a binary instead of the one built from here
	out          string
	trials       []string
	disk         string // folder of the disk buffers
	diskSize     int    // bytes of each
}

// none is what --in and --trials may be, too.
const none = "none"

// protocols is what --in and --only may be, too: too much to be measured each time.
const protocols = "protocols"

// defaults are what the published figures are made with. A run with others is
// not kept in bench/results unless asked for.
var defaults = options{seconds: 8 * time.Second, runs: 3, only: names[:7], socketBuffer: 4 << 20, tick: 5 * time.Millisecond, diskSize: 512 << 20}

func parse(args []string) (options, error) {
	o := defaults
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	in := f.String("in", strings.Join(wayNames(defaultWays()), ","), "how spans come in; protocols: every protocol once, other ones than these among them; none: only trials")
	rates := f.String("rates", "", "spans a second, one row each; default: 2000,10000,30000,60000 by UDP, 10000,60000 otherwise")
	trials := f.String("trials", strings.Join(trialNames(), ","), "what to try with disk buffers beside the rows; none: nothing")
	f.StringVar(&o.disk, "disk", "", "`folder` for the disk buffers; default: the system's for temporary files")
	only := f.String("only", strings.Join(o.only, ","), "what to measure; protocols: every way out; floor-rested is there, too")
	f.DurationVar(&o.seconds, "for", o.seconds, "how long each row drives")
	f.IntVar(&o.runs, "runs", o.runs, "how often everything is measured")
	f.IntVar(&o.socketBuffer, "socket-buffer", o.socketBuffer, "`bytes` that every program asks the kernel for; 0: the kernel's default")
	f.DurationVar(&o.tick, "tick", o.tick, "send what is due within this time together; 0: each packet when it is due")
	f.BoolVar(&o.quick, "quick", false, "one short run of some rows, to see that the accounts add up")
	f.BoolVar(&o.profile, "profile", false, "take a CPU profile of Wayside in every row; its figures are then not comparable")
	f.StringVar(&o.wayside, "wayside", "", "measure this `binary` instead of building ./cmd/wayside-agent")
	f.StringVar(&o.out, "out", "", "`folder` for the raw figures; default: bench/results/<date>-<commit> for a complete run, else none")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	var err error
	if o.in, err = find(*in); err != nil {
		return o, err
	}
	if o.trials, err = findTrials(*trials); err != nil {
		return o, err
	}
	if o.quick {
		o.seconds, o.runs = 3*time.Second, 1
		o.in = slices.DeleteFunc(o.in, func(w *way) bool { return w.quick == nil })
	}
	for s := range strings.FieldsFuncSeq(*rates, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n <= 0 {
			return o, fmt.Errorf("--rates: %q is not a number of spans a second", s)
		}
		o.rates = append(o.rates, n)
	}
	if o.only = strings.Split(*only, ","); *only == protocols {
		o.only = everyOut()
	}
	for _, name := range o.only {
		if !slices.Contains(names, name) {
			return o, fmt.Errorf("--only: %q is none of %s", name, strings.Join(names, ", "))
		}
	}
	if o.runs < 1 || o.seconds < time.Second {
		return o, errors.New("--runs must be 1 or more, --for 1s or more")
	}
	return o, nil
}

// ratesOf are the rates at which a way is driven.
func (o options) ratesOf(w *way) []int {
	switch {
	case !w.paced():
		return w.rates
	case o.rates != nil:
		return o.rates
	case o.quick:
		return w.quick
	}
	return w.rates
}

// complete is whether the figures are those that results are kept of.
func (o options) complete() bool {
	return slices.Equal(wayNames(o.in), wayNames(defaultWays())) && o.rates == nil && o.seconds >= defaults.seconds && o.runs >= defaults.runs &&
		slices.Equal(o.only, defaults.only) && len(o.trials) == len(trialNames()) && o.socketBuffer == defaults.socketBuffer && o.tick == defaults.tick && !o.profile && o.wayside == ""
}

func main() {
	err := command(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "send":
			return send(args[1:])
		case "receive":
			return receiving(args[1:])
		}
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return bench(ctx, o)
}

func bench(ctx context.Context, o options) error {
	root, commit, err := checkout()
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "wayside-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if o.disk, err = os.MkdirTemp(o.disk, "wayside-bench-disk-"); err != nil {
		return err
	}
	defer os.RemoveAll(o.disk)
	began := time.Now()
	switch {
	case o.out != "":
	case o.complete():
		o.out = unused(filepath.Join(root, "bench/results", began.UTC().Format("2006-01-02")+"-"+commit))
	case o.profile:
		return errors.New("--profile needs --out, a folder for the profiles")
	}
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return err
		}
	}
	paths, err := build(root, temp, o.only, o.wayside)
	if err != nil {
		return err
	}
	e := evidence{Machine: thisMachine(o.disk), Commit: commit, Began: began.UTC().Truncate(time.Second), Command: os.Args[1:], Binaries: map[string]binary{}}
	for _, name := range o.only {
		if e.Binaries[name], err = inspect(paths[program(name)]); err != nil {
			return err
		}
	}
	var all []*contender
	for _, c := range contenders(paths) {
		if slices.Contains(o.only, c.name) {
			all = append(all, c)
		}
	}
	for run := 1; run <= o.runs && ctx.Err() == nil; run++ {
		one := runAll(ctx, all, run, temp, o)
		e.Runs = append(e.Runs, one)
		if o.out != "" {
			if err := e.save(o.out, run); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	report := e.report(o)
	fmt.Print(report)
	if o.out != "" {
		if err := os.WriteFile(filepath.Join(o.out, "README.md"), []byte(report), 0o644); err != nil {
			return err
		}
	}
	return e.verdict()
}

// unused is the path, or with a number behind it if figures are kept there already.
func unused(path string) string {
	candidate := path
	for n := 2; ; n++ {
		if _, err := os.Stat(candidate); err != nil {
			return candidate
		}
		candidate = fmt.Sprintf("%s-%d", path, n)
	}
}
