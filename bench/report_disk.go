package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/bench/load"
	"github.com/wayside-tracing/wayside/bench/proc"
)

// milli is in milliseconds.
func milli(d time.Duration) float64 { return d.Seconds() * 1000 }

// diskWays are those that contenders with a disk buffer are driven in, and the rates.
var (
	diskWays  = []string{jaegerUDP, string(load.OTLPGRPC) + "-20", string(load.OTLPGRPC) + "-100"}
	diskRates = []int{10_000, 60_000}
)

// diskBudgets are those of the disk buffer. What it adds is the difference to
// memory in the same run.
func (e *evidence) diskBudgets() []budget {
	all := []budget{{
		what: "idle memory, with a disk buffer", limit: 10, format: "%.1f", unit: " MB",
		measured: e.idle(waysideDisk, func(m proc.Memory) uint64 { return m.RSS }),
	}}
	for _, in := range diskWays {
		for _, rate := range diskRates {
			for _, name := range []string{waysideDisk, waysideAlways} {
				if name == waysideAlways && in != jaegerUDP {
					continue // what an fsync costs is the disk's; it is in the table
				}
				b := budget{what: fmt.Sprintf("CPU that %s adds, %s", name, wayAt(in, rate)), limit: 1.5, format: "%.2f", unit: " µs"}
				added, sound := e.added(in, name, wayside, rate)
				if b.measured = added; !sound {
					b.unsound = "spans are not accounted for"
				}
				all = append(all, b)
			}
		}
	}
	caught, away := e.outages(catchUp, waysideDisk, 10_000)
	all = append(all, budget{
		what: fmt.Sprintf("catching up after %v at 10,000 spans/s", away), limit: 3, least: true, format: "%.1f", unit: " times as fast",
		measured: over(caught, func(r outage) float64 { return r.rate() / float64(r.Rate) }), unsound: unsound(caught, problemOfOutage),
	})
	again := e.recoveries(waysideDisk)
	all = append(all, budget{
		what: "kill -9 and start until the first span is delivered", limit: 1000, format: "%.0f", unit: " ms",
		measured: over(again, func(r recovery) float64 { return milli(r.First) }), unsound: unsound(again, problemOfRecovery),
	})
	small, away := e.outages(inCgroup, waysideDisk, 10_000)
	return append(all, budget{
		what: fmt.Sprintf("working set in a cgroup of 20 MiB at 10,000 spans/s, %v without collector", away), limit: 20, format: "%.1f", unit: " MB",
		measured: over(small, func(r outage) float64 { return mb(r.Group.Most.WorkingSet) }), unsound: unsound(small, problemOfOutage),
	})
}

func problemOfOutage(r outage) string     { return r.Problem }
func problemOfRecovery(r recovery) string { return r.Problem }

// unsound is why nothing is concluded, where one of them does not add up.
func unsound[T any](all []T, problem func(T) string) string {
	if slices.ContainsFunc(all, func(r T) bool { return problem(r) != "" }) {
		return "spans are not accounted for"
	}
	return ""
}

// added is what a disk buffer adds, in µs a span.
func (e *evidence) added(in, disk, memory string, rate int) (spread, bool) {
	return e.compare(in, disk, memory, rate, func(a, b float64) float64 { return a - b })
}

// outages are those of a trial, and how long the collector was away.
func (e *evidence) outages(trial, agent string, rate int) (found []outage, away time.Duration) {
	for _, one := range e.Runs {
		for _, r := range one.Outages {
			if r.Trial == trial && r.Agent == agent && r.Rate == rate {
				found, away = append(found, r), r.Away
			}
		}
	}
	return found, away
}

func (e *evidence) recoveries(agent string) (found []recovery) {
	for _, one := range e.Runs {
		for _, r := range one.Recoveries {
			if r.Agent == agent {
				found = append(found, r)
			}
		}
	}
	return found
}

func (e *evidence) diskTables(b *strings.Builder) {
	e.addedTable(b)
	for _, t := range trials() {
		var rows []string
		for _, name := range names {
			for _, rate := range t.rates {
				if t.name == recovered {
					rows = append(rows, recoveryRow(e.recoveries(name))...)
					continue
				}
				all, _ := e.outages(t.name, name, rate)
				rows = append(rows, outageRow(all)...)
			}
		}
		if len(rows) > 0 {
			b.WriteString(t.heading() + strings.Join(rows, ""))
		}
	}
}

func (t trial) heading() string {
	switch t.name {
	case catchUp:
		return "\nThe collector was away, and came back while spans went on coming:\n\n| rate, spans/s | agent | away | backlog, spans | first span after, s | then spans/s (times the rate) | for, s | peak RSS, MB | lost |\n|---|---|---|---|---|---|---|---|---|\n"
	case inCgroup:
		return "\nThe same in a memory cgroup of 20 MiB, with a socket buffer of 1 MiB asked for; most of each kind:\n\n| rate, spans/s | agent | away | backlog, spans | cgroup peak, MB | working set | anonymous | file | TCP | kernel | limit met | peak RSS, MB | then spans/s (times the rate) | lost |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
	}
	return "\nFilled without a collector, killed, and started again with one:\n\n| agent | spans | files, MB | ready after, ms | first span, ms | all, s | spans/s |\n|---|---|---|---|---|---|---|\n"
}

func outageRow(all []outage) []string {
	if len(all) == 0 {
		return nil
	}
	rows := make([]row, len(all))
	for i, r := range all {
		rows[i] = r.row
	}
	figure := func(format string, of func(outage) float64) string { return over(all, of).text(format) }
	text := fmt.Sprintf("| %s | %s | %v | %s |", thousands(all[0].Rate), all[0].Agent, all[0].Away,
		thousands(int(over(all, func(r outage) float64 { return float64(r.Backlog) }).median())))
	then := fmt.Sprintf("%s (%.1f)", thousands(int(over(all, func(r outage) float64 { return r.rate() }).median())),
		over(all, func(r outage) float64 { return r.rate() / float64(r.Rate) }).median())
	peak := figure("%.1f", func(r outage) float64 { return mb(r.Memory.Peak) })
	if all[0].Group == nil {
		text += fmt.Sprintf(" %s | %s | %s | %s |", figure("%.1f", func(r outage) float64 { return r.First.Seconds() }), then,
			figure("%.1f", func(r outage) float64 { return r.Lasted.Seconds() }), peak)
	} else {
		for _, of := range []func(outage) uint64{
			func(r outage) uint64 { return r.Group.Peak }, func(r outage) uint64 { return r.Group.Most.WorkingSet },
			func(r outage) uint64 { return r.Group.Most.Anonymous },
			func(r outage) uint64 { return r.Group.Most.File }, func(r outage) uint64 { return r.Group.Most.Socket },
			func(r outage) uint64 { return r.Group.Most.Kernel },
		} {
			text += fmt.Sprintf(" %s |", figure("%.1f", func(r outage) float64 { return mb(of(r)) }))
		}
		text += fmt.Sprintf(" %s | %s | %s |", figure("%.0f", func(r outage) float64 { return float64(r.Group.Hits) }), peak, then)
	}
	return []string{text + " " + lostText(rows) + " |\n"}
}

func recoveryRow(all []recovery) []string {
	if len(all) == 0 {
		return nil
	}
	figure := func(format string, of func(recovery) float64) string { return over(all, of).text(format) }
	return []string{fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |\n", all[0].Agent,
		thousands(int(over(all, func(r recovery) float64 { return float64(r.Spans) }).median())),
		figure("%.0f", func(r recovery) float64 { return mb(r.Bytes) }),
		figure("%.0f", func(r recovery) float64 { return milli(r.Ready) }), figure("%.0f", func(r recovery) float64 { return milli(r.First) }),
		figure("%.1f", func(r recovery) float64 { return r.All.Seconds() }),
		thousands(int(over(all, func(r recovery) float64 { return float64(r.Arrived) / r.All.Seconds() }).median())))}
}

// addedTable is what a buffer on disk adds to the CPU of each program.
func (e *evidence) addedTable(b *strings.Builder) {
	pairs := [][2]string{{waysideDisk, wayside}, {waysideAlways, wayside}, {otelcolDisk, otelcol}}
	var rows strings.Builder
	for _, in := range diskWays {
		for _, rate := range diskRates {
			cells, some := "", false
			for _, pair := range pairs {
				added, sound := e.added(in, pair[0], pair[1], rate)
				text := added.text("%.2f")
				if !sound {
					text = "none: spans are not accounted for"
				}
				cells += " " + text + " |"
				some = some || len(added) > 0 || !sound
			}
			if some {
				fmt.Fprintf(&rows, "| %s | %s |%s\n", in, thousands(rate), cells)
			}
		}
	}
	if rows.Len() > 0 {
		b.WriteString("\nWhat a buffer on disk adds, CPU µs a span, run by run:\n\n| in | rate, spans/s |")
		for _, pair := range pairs {
			b.WriteString(" " + pair[0] + " |")
		}
		b.WriteString("\n|---|---|---|---|---|\n" + rows.String())
	}
}
