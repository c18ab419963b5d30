package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/internal/figures"
	"github.com/wayside-tracing/wayside/internal/loadgen"
	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

const aboutLoadgen = `wayside loadgen sends the traces of an invented web shop to an agent by UDP, as
Jaeger clients do: each service is a process of its own that numbers its packets
(up to 65,000 bytes, at least one a second) and reports what it could not send.
Visitors look at products, fill carts and pay; caches miss, cards are declined,
calls are tried again, mails are sent later.

It goes on until ctrl-C, or for --duration, then says what was sent and at what
speed. Exit status: 0; 1 when packets were refused or could not be sent; 2 when
it was called wrongly.

  wayside loadgen                                a few traces a second, to look at
  wayside loadgen --rate 10000 --duration 1m     load
  wayside loadgen --encoding binary              as Node.js clients do, to port 6832
`

func sendLoad(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	to := fs.String("to", "", "`HOST:PORT` of the agent (default 127.0.0.1:6831, for binary :6832)")
	encoding := fs.String("encoding", "compact", "Thrift `ENCODING`: compact or binary")
	rate := fs.Float64("rate", 20, "`SPANS` a second, all services together")
	duration := fs.Duration("duration", 0, "stop after this `TIME`, such as 30s or 5m")
	services := fs.Int("services", int(shop.Services), fmt.Sprintf("how many of the shop's `N` services report spans, 1 to %d", shop.Services))
	seed := fs.Uint64("seed", 0, "`NUMBER` that decides which traces are invented, with which ids (default: another each time)")
	asJSON := fs.Bool("json", false, "at the end, print a JSON object in place of a sentence")
	if code, goOn := parse(fs, args, aboutLoadgen, stdout, stderr); !goOn {
		return code
	}
	o := loadgen.Options{To: *to, Rate: *rate, Duration: *duration, Services: *services, Seed: *seed}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	port := "6831"
	switch *encoding {
	case "compact":
		o.Encoding = thrift.Compact
	case "binary":
		o.Encoding = thrift.Binary
		port = "6832"
	default:
		return wrong(stderr, fs, fmt.Errorf("--encoding %q: must be compact or binary", *encoding))
	}
	if o.To == "" {
		o.To = "127.0.0.1:" + port
	}
	switch {
	case !(o.Rate > 0 && o.Rate <= math.MaxInt32):
		return wrong(stderr, fs, fmt.Errorf("--rate %v: must be more than 0 spans a second", o.Rate))
	case o.Duration < 0:
		return wrong(stderr, fs, fmt.Errorf("--duration %v: must not be negative", o.Duration))
	case o.Services < 1 || o.Services > int(shop.Services):
		return wrong(stderr, fs, fmt.Errorf("--services %d: must be 1 to %d", o.Services, shop.Services))
	}

	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	g, err := loadgen.New(o)
	if err != nil {
		return wrong(stderr, fs, fmt.Errorf("--to %s: %w", o.To, errors.Unwrap(err)))
	}
	report := g.Run(ctx, newProgress(stderr, o).show)
	if isTerminal(stderr) {
		fmt.Fprint(stderr, "\r\x1b[K")
	}
	if *asJSON {
		if err := json.NewEncoder(stdout).Encode(report); err != nil {
			return failure
		}
	} else {
		fmt.Fprint(stdout, summary(o, report))
	}
	if report.Refused+report.Failed > 0 {
		return failure
	}
	return ok
}

// summary says what was sent.
func summary(o loadgen.Options, r loadgen.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sent %s spans of %s traces to %s in %s packets, %s, in %.1f s: %s spans/s (asked: %s)\n",
		figures.Grouped(r.Spans), figures.Grouped(r.Traces), o.To, figures.Grouped(r.Packets), figures.Bytes(r.Bytes), r.Elapsed.Seconds(),
		figures.Grouped(uint64(r.SpansPerSecond()+0.5)), figures.Grouped(uint64(o.Rate+0.5)))
	if r.Refused > 0 {
		fmt.Fprintf(&b, "lost %s spans: nobody listened on %s; start `%s up`, or name another agent with --to\n", figures.Grouped(r.Refused), o.To, self())
	}
	if r.Failed > 0 {
		fmt.Fprintf(&b, "could not send %s spans: %s\n", figures.Grouped(r.Failed), r.Error)
	}
	return b.String()
}

// progress says now and then how it goes: on a terminal in one line that is
// written over.
type progress struct {
	w        io.Writer
	options  loadgen.Options
	terminal bool
	last     loadgen.Report // that was shown
	warned   bool
}

func newProgress(w io.Writer, o loadgen.Options) *progress {
	return &progress{w: w, options: o, terminal: isTerminal(w)}
}

func (p *progress) show(r loadgen.Report) {
	if r.Refused > 0 && !p.warned {
		p.warned = true
		p.line(fmt.Sprintf("nobody listens on %s: start `%s up`, or name another agent with --to; going on, in case one comes", p.options.To, self()))
	}
	every := 10 * time.Second
	if p.terminal {
		every = time.Second / 2
	}
	since := r.Elapsed - p.last.Elapsed
	if since < every {
		return
	}
	speed := float64(r.Spans-min(r.Spans, p.last.Spans)) / since.Seconds()
	p.last = r
	s := fmt.Sprintf("%s spans sent, %s spans/s now", figures.Grouped(r.Spans), figures.Grouped(uint64(speed+0.5)))
	if lost := r.Refused + r.Failed; lost > 0 {
		s += fmt.Sprintf(", %s lost", figures.Grouped(lost))
	}
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K"+s)
	} else {
		fmt.Fprintln(p.w, s)
	}
}

func (p *progress) line(s string) {
	if p.terminal {
		s = "\r\x1b[K" + s
	}
	fmt.Fprintln(p.w, s)
}
