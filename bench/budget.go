package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wayside-tracing/wayside/bench/load"
	"github.com/wayside-tracing/wayside/bench/proc"
)

// What Wayside's configuration bounds while it receives, in bytes: the buffer
// (agent/config, buffer.memory), the requests that are being received, and the
// small ones among them (agent/accept/budget.go).
const (
	bufferMemory    = 8 << 20
	receivingMemory = 4<<20 + 1<<20
)

// A budget is a limit that Wayside has set itself.
type budget struct {
	what   string
	limit  float64
	least  bool   // the limit is the least that there must be, not the most
	format string // of the limit and of what was measured
	unit   string
	// measured is sorted, its median decides. An empty one was not measured.
	measured spread
	// unsound is why there is no figure although it was measured.
	unsound string
}

// budgets are all that this program can tell of. Those of the CPU are within
// one run, against the Collector; the others are of this machine as it was.
func (e *evidence) budgets() []budget {
	idle := func(figure func(proc.Memory) uint64) spread { return e.idle(wayside, figure) }
	all := []budget{
		{what: "idle memory", limit: 10, format: "%.1f", unit: " MB", measured: idle(func(m proc.Memory) uint64 { return m.RSS })},
		{what: "of it anonymous", limit: 3, format: "%.1f", unit: " MB", measured: idle(func(m proc.Memory) uint64 { return m.Anonymous })},
		{what: "start to ready", limit: 50, format: "%.0f", unit: " ms", measured: e.started(wayside)},
	}
	if file, ok := e.Binaries[wayside]; ok {
		all = append(all, budget{what: "binary", limit: 10, format: "%.1f", unit: " MB", measured: spread{mb(uint64(file.Bytes))}})
	}
	for _, c := range []struct {
		rate int
		most float64
	}{{10_000, 3.5}, {60_000, 3}} {
		all = append(all, e.budgetOf(budget{what: fmt.Sprintf("CPU a span, Jaeger by UDP in, %s spans/s", thousands(c.rate)), limit: c.most, format: "%.2f", unit: " µs"},
			e.rows(jaegerUDP, wayside, c.rate), func(r row) float64 { return r.MicrosASpan }))
	}
	all = append(all, e.budgetOf(budget{what: "lost, Jaeger by UDP in, 60,000 spans/s", limit: 0, format: "%.2f", unit: " %"},
		e.rows(jaegerUDP, wayside, 60_000), func(r row) float64 { return 100 * float64(r.lost()) / float64(r.Sent.Spans) }))
	for _, c := range []struct {
		spans int
		most  float64
	}{{20, 0.4}, {100, 0.25}, {400, 0.2}} {
		for _, rate := range []int{10_000, 60_000} {
			in := fmt.Sprintf("%s-%d", load.OTLPGRPC, c.spans)
			one := budget{what: fmt.Sprintf("CPU, OTLP gRPC in, %d spans a request, %s spans/s", c.spans, thousands(rate)), limit: c.most, format: "%.3f", unit: " of the Collector's"}
			ratios, sound := e.ratios(in, otelcol, rate)
			if one.measured = ratios; !sound {
				one.unsound = "spans are not accounted for"
			}
			all = append(all, one)
		}
	}
	return append(append(all, e.largeBudget()), e.diskBudgets()...)
}

// idle is in MB.
func (e *evidence) idle(name string, figure func(proc.Memory) uint64) (s spread) {
	for _, one := range e.Runs {
		if m, ok := one.Idle[name]; ok {
			s = append(s, mb(figure(m)))
		}
	}
	slices.Sort(s)
	return s
}

func (e *evidence) started(name string) (s spread) {
	for _, one := range e.Runs {
		for _, v := range one.Started[name] {
			s = append(s, float64(v))
		}
	}
	slices.Sort(s)
	return s
}

// budgetOf fills in what rows tell; nothing, where one of them does not add up.
func (e *evidence) budgetOf(b budget, rows []row, figure func(row) float64) budget {
	b.measured = over(rows, figure)
	if slices.ContainsFunc(rows, func(r row) bool { return r.Problem != "" }) {
		b.unsound = "spans are not accounted for"
	}
	return b
}

// largeBudget is what 16 clients with large requests add, at most, to the memory
// that the program has after a few small ones.
func (e *evidence) largeBudget() budget {
	return e.budgetOf(
		budget{what: "memory added by 16 clients with large requests", limit: mb(bufferMemory + receivingMemory), format: "%.1f", unit: " MB"},
		e.rows(large, wayside, 0), func(r row) float64 { return mb(r.Memory.Peak) - mb(r.Before.RSS) })
}

func (e *evidence) hasWayside() bool {
	for name := range e.Binaries {
		if isWayside(name) {
			return true
		}
	}
	return false
}

func (b budget) verdict() string {
	switch {
	case b.unsound != "":
		return "none: " + b.unsound
	case len(b.measured) == 0:
		return "not measured"
	case b.measured.median() == b.limit, b.measured.median() > b.limit == b.least:
		return "met"
	}
	return "**missed**"
}

func (e *evidence) budgetTable(b *strings.Builder) {
	if !e.hasWayside() {
		return
	}
	b.WriteString("\nWayside's budgets; the median decides:\n\n| budget | limit | measured | |\n|---|---|---|---|\n")
	for _, one := range e.budgets() {
		if one.verdict() == "not measured" {
			continue
		}
		least := ""
		if one.least {
			least = "at least "
		}
		fmt.Fprintf(b, "| %s | "+least+one.format+"%s | %s | %s |\n", one.what, one.limit, one.unit, one.measured.text(one.format), one.verdict())
	}
}
