package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/internal/figures"
	"github.com/wayside-tracing/wayside/internal/loadgen"
)

// summary says what was sent.
func summary(o loadgen.Options, r loadgen.Report) string {
	spans := fmt.Sprintf("%s spans of %s traces", figures.Grouped(r.Spans), figures.Grouped(r.Traces))
	var b strings.Builder
	if o.Protocol == loadgen.Jaeger {
		fmt.Fprintf(&b, "sent %s to %s in %s", spans, o.To, figures.Count(r.Packets, "packet"))
	} else {
		fmt.Fprintf(&b, "%s accepted %s in %s", o.To, spans, figures.Count(r.Packets, "request"))
	}
	fmt.Fprintf(&b, ", %s, in %.1f s: %s spans/s (asked: %s)\n", figures.Bytes(r.Bytes), r.Elapsed.Seconds(),
		figures.Grouped(uint64(r.SpansPerSecond()+0.5)), figures.Grouped(uint64(o.Rate+0.5)))
	if r.Again > 0 {
		fmt.Fprintf(&b, "%s a request was not taken at first, and was sent again later\n", figures.Count(r.Again, "time"))
	}
	switch {
	case r.Refused > 0 && o.Protocol == loadgen.Jaeger:
		fmt.Fprintf(&b, "lost %s: nobody listened on %s; %s\n", figures.Count(r.Refused, "span"), o.To, another())
	case r.Refused > 0:
		fmt.Fprintf(&b, "lost %s that the agent refused: %s\n", figures.Count(r.Refused, "span"), r.Error)
	}
	if r.Dropped > 0 {
		fmt.Fprintf(&b, "lost %s that were dropped while others waited to be sent: the agent was too slow, or had no room\n", figures.Count(r.Dropped, "span"))
	}
	switch {
	case r.Failed > 0 && r.Absent && o.Protocol != loadgen.Jaeger:
		fmt.Fprintf(&b, "could not send %s: nobody listened on %s; %s\n", figures.Count(r.Failed, "span"), o.To, another())
	case r.Failed > 0:
		fmt.Fprintf(&b, "could not send %s: %s\n", figures.Count(r.Failed, "span"), r.Error)
	}
	return b.String()
}

// another is what helps where nobody listens.
func another() string { return fmt.Sprintf("start `%s up`, or name another agent with --to", self()) }

// warning is what somebody who waits must know at once; "" if there is nothing.
func warning(o loadgen.Options, r loadgen.Report) string {
	switch {
	case r.Absent:
		return fmt.Sprintf("nobody listens on %s: %s; going on, in case one comes", o.To, another())
	case r.Waiting != "":
		return fmt.Sprintf("%s takes no more for now: %s; going on", o.To, r.Waiting)
	case r.Refused > 0:
		return fmt.Sprintf("%s refused spans: %s; going on", o.To, r.Error)
	}
	return ""
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
	if w := warning(p.options, r); w != "" && !p.warned {
		p.warned = true
		p.line(w)
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
	if lost := r.Lost(); lost > 0 {
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
