package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wayside-tracing/wayside/bench/proc"
)

// save keeps the raw figures of a run, and once what they were taken on.
func (e *evidence) save(dir string, run int) error {
	for name, v := range map[string]any{"machine.json": e, fmt.Sprintf("run%d.json", run): e.Runs[run-1]} {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// A spread is what the runs gave for one figure, sorted.
type spread []float64

func (s spread) median() float64 {
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

// text is "median (min–max)", or the one figure there is.
func (s spread) text(format string) string {
	switch len(s) {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf(format, s[0])
	}
	return fmt.Sprintf(format+" ("+format+"–"+format+")", s.median(), s[0], s[len(s)-1])
}

func over[T any](of []T, figure func(T) float64) spread {
	s := make(spread, 0, len(of))
	for _, v := range of {
		s = append(s, figure(v))
	}
	slices.Sort(s)
	return s
}

// mb is in units of 1,000,000 bytes, for files and for memory.
func mb(bytes uint64) float64 { return float64(bytes) / 1e6 }

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rows are those of a contender in one way at a rate, in the order of the runs.
func (e *evidence) rows(in, agent string, rate int) (found []row) {
	for _, one := range e.Runs {
		for _, r := range one.Rows {
			if r.In == in && r.Agent == agent && r.Rate == rate {
				found = append(found, r)
			}
		}
	}
	return found
}

func (e *evidence) report(o options) string {
	var b strings.Builder
	m := e.Machine
	fmt.Fprintf(&b, "# Side by side, %s, commit %s\n\n", e.Began.Format("2006-01-02 15:04 MST"), e.Commit)
	fmt.Fprintf(&b, "%s, %d cores, %s; Linux %s; %s; net.core.rmem_max %s; load before the first run: %s.\n",
		m.CPU, m.Cores, m.Memory, m.Kernel, m.Go, m.RmemMax, m.Load)
	fmt.Fprintf(&b, "%d runs of %v a row, socket buffer %s; median (min–max). MB are 10^6 bytes. ", o.runs, o.seconds, socketBuffer(o))
	b.WriteString("\"Others\" is the CPU that other programs on this machine used meanwhile, in cores: where it is not near 0, distrust the row.\n")
	if d := m.Disk; o.disk != "" {
		fmt.Fprintf(&b, "Disk buffers are on %s; to write 4 KiB and fdatasync them takes %.2f ms (one of ten %.2f, the longest %.2f).%s\n",
			d.FileSystem, milli(d.Median), milli(d.Slow), milli(d.Most), d.Error)
	}
	if o.profile {
		b.WriteString("**Wayside was being profiled: its CPU figures hold the profiler's own.**\n")
	}
	e.budgetTable(&b)
	e.idleTable(&b)
	for _, w := range o.in {
		if w.udp() {
			e.rateTable(&b, w, o.ratesOf(w))
			e.ratioTable(&b, w, o.ratesOf(w))
		}
	}
	e.outTable(&b, o)
	e.requestTable(&b, o)
	e.requestRatioTable(&b, o)
	e.largeTable(&b, o)
	e.diskTables(&b)
	e.troubles(&b)
	return b.String()
}

func socketBuffer(o options) string {
	if o.socketBuffer == 0 {
		return "the kernel's default"
	}
	return fmt.Sprintf("%s bytes asked for", thousands(o.socketBuffer))
}

func (e *evidence) idleTable(b *strings.Builder) {
	b.WriteString("\n| idle | RSS, MB | of it anonymous | start to ready, ms | binary, MB |\n|---|---|---|---|---|\n")
	for _, name := range names {
		var idle []proc.Memory
		var started []millisecond
		for _, one := range e.Runs {
			if memory, ok := one.Idle[name]; ok {
				idle = append(idle, memory)
			}
			started = append(started, one.Started[name]...)
		}
		file, ok := e.Binaries[name]
		if !ok {
			continue
		}
		kind := ""
		if !file.Static {
			kind += ", not static"
		}
		if !file.Stripped {
			kind += ", not stripped"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %.1f%s |\n", name,
			over(idle, func(m proc.Memory) float64 { return mb(m.RSS) }).text("%.1f"),
			over(idle, func(m proc.Memory) float64 { return mb(m.Anonymous) }).text("%.1f"),
			over(started, func(v millisecond) float64 { return float64(v) }).text("%.0f"), mb(uint64(file.Bytes)), kind)
	}
}

func (e *evidence) rateTable(b *strings.Builder, w *way, rates []int) {
	title := "Jaeger compact by UDP in"
	if w.name == zipkinUDP {
		title = "Zipkin's Thrift by UDP in"
	}
	fmt.Fprintf(b, "\n%s:\n\n| rate, spans/s | agent | lost | CPU µs/span | RSS after / peak, MB | requests out | bytes a span out | others |\n|---|---|---|---|---|---|---|---|\n", title)
	for _, rate := range rates {
		for _, name := range names {
			rows := e.rows(w.name, name, rate)
			if len(rows) == 0 {
				continue
			}
			requests, bytes := "–", "–"
			if rows[0].Requests > 0 { // the floor programs send none
				bytes = fmt.Sprintf("%.0f", over(rows, row.outASpan).median())
				requests = thousands(int(over(rows, func(r row) float64 { return float64(r.Requests) }).median()))
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %.1f / %.1f | %s | %s | %.2f |\n", thousands(rate), name, lostText(rows),
				over(rows, func(r row) float64 { return r.MicrosASpan }).text("%.2f"),
				over(rows, func(r row) float64 { return mb(r.Memory.RSS) }).median(),
				over(rows, func(r row) float64 { return mb(r.Memory.Peak) }).median(),
				requests, bytes,
				over(rows, func(r row) float64 { return r.OthersCores }).median())
		}
	}
}

// outASpan is in bytes of requests, as they were sent.
func (r row) outASpan() float64 { return float64(r.OutBytes) / float64(max(1, r.Arrived)) }

// lostText is the part of all runs' spans that was lost, and where to.
func lostText(rows []row) string {
	var lost, sent uint64
	reasons := map[string]uint64{}
	unexplained := false
	for _, r := range rows {
		lost += r.lost()
		sent += r.Sent.Spans
		unexplained = unexplained || r.Problem != ""
		for reason, n := range r.Counted {
			reasons[reason] += n
		}
	}
	text := "0"
	if lost > 0 {
		text = fmt.Sprintf("%.2f %%", 100*float64(lost)/float64(sent))
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		text += fmt.Sprintf(", %s %d", reason, int64(reasons[reason]))
	}
	if unexplained {
		text += ", **not all explained**"
	}
	return text
}

func (e *evidence) ratioTable(b *strings.Builder, w *way, rates []int) {
	if _, ok := e.Binaries[wayside]; !ok || len(e.Binaries) == 1 {
		return
	}
	others := slices.DeleteFunc([]string{jaegerAgent, otelcol, floor}, func(name string) bool { return !slices.Contains(w.agents, name) })
	b.WriteString("\nCPU of Wayside as a part of that of the others, run by run:\n\n| rate, spans/s |")
	for _, name := range others {
		b.WriteString(" / " + name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(others)) + "\n")
	for _, rate := range rates {
		fmt.Fprintf(b, "| %s |", thousands(rate))
		for _, name := range others {
			b.WriteString(" " + e.ratio(w.name, name, rate) + " |")
		}
		b.WriteString("\n")
	}
}

// ratio is the text of ratios.
func (e *evidence) ratio(in, name string, rate int) string {
	return e.part(in, wayside, name, rate)
}

// part is the text of what the CPU of one contender is of that of another.
func (e *evidence) part(in, our, their string, rate int) string {
	ratios, sound := e.compare(in, our, their, rate, func(our, their float64) float64 { return our / their })
	return orUnsound(ratios.text("%.3f"), sound)
}

func orUnsound(text string, sound bool) string {
	if !sound {
		return "none: spans are not accounted for"
	}
	return text
}

// ratios compare Wayside with another contender, in the rows of the same run.
func (e *evidence) ratios(in, name string, rate int) (ratios spread, sound bool) {
	return e.compare(in, wayside, name, rate, func(our, their float64) float64 { return our / their })
}

// compare compares the CPU of two contenders in the rows of the same run. The
// comparisons are not sound, and there are none, where a row does not add up.
func (e *evidence) compare(in, our, their string, rate int, by func(our, their float64) float64) (all spread, sound bool) {
	for _, a := range e.rows(in, our, rate) {
		for _, b := range e.rows(in, their, rate) {
			switch {
			case a.Run != b.Run:
			case a.Problem != "" || b.Problem != "":
				return nil, false
			default:
				all = append(all, by(a.MicrosASpan, b.MicrosASpan))
			}
		}
	}
	slices.Sort(all)
	return all, true
}
