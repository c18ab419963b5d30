package main

import (
	"fmt"
	"slices"
	"strings"
)

// requestWays are those in which requests are sent at a rate.
func requestWays(o options) []*way {
	return slices.DeleteFunc(slices.Clone(o.in), func(w *way) bool { return w.udp() || !w.paced() })
}

// hasNone says whether nothing was measured in these ways.
func (e *evidence) hasNone(all []*way) bool {
	for _, one := range e.Runs {
		for _, r := range one.Rows {
			if slices.ContainsFunc(all, func(w *way) bool { return w.name == r.In }) {
				return false
			}
		}
	}
	return true
}

func (e *evidence) requestTable(b *strings.Builder, o options) {
	all := requestWays(o)
	if e.hasNone(all) {
		return
	}
	b.WriteString("\nRequests in, of so many spans:\n\n" +
		"| in | rate, spans/s | agent | sent of it | lost | CPU µs/span | RSS after / peak, MB | requests in / out | bytes a span in | others |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, w := range all {
		for _, rate := range o.ratesOf(w) {
			for _, name := range w.agents {
				rows := e.rows(w.name, name, rate)
				if len(rows) == 0 {
					continue
				}
				median := func(figure func(row) float64) float64 { return over(rows, figure).median() }
				fmt.Fprintf(b, "| %s | %s | %s | %.0f %% | %s | %s | %.1f / %.1f | %s / %s | %.0f | %.2f |\n", w.name, thousands(rate), name,
					median(func(r row) float64 { return 100 * r.pace() }), lostText(rows),
					over(rows, func(r row) float64 { return r.MicrosASpan }).text("%.2f"),
					median(func(r row) float64 { return mb(r.Memory.RSS) }), median(func(r row) float64 { return mb(r.Memory.Peak) }),
					thousands(int(median(func(r row) float64 { return float64(r.Sent.Packets) }))),
					thousands(int(median(func(r row) float64 { return float64(r.Requests) }))),
					median(func(r row) float64 { return float64(r.Sent.Bytes) / float64(max(1, r.Sent.Spans)) }),
					median(func(r row) float64 { return r.OthersCores }))
			}
		}
	}
}

// pace is the part of the requests that were due that was sent.
func (r *row) pace() float64 {
	sent := r.Sent.Packets + r.Sent.AllRefused() + r.Sent.Broken
	return float64(sent) / float64(max(1, sent+r.Sent.Skipped))
}

func (e *evidence) requestRatioTable(b *strings.Builder, o options) {
	all := requestWays(o)
	if e.hasNone(all) || len(e.Binaries) == 1 {
		return
	}
	b.WriteString("\nCPU of Wayside as a part of that of the Collector, run by run:\n\n| in | rate, spans/s | / otelcol |\n|---|---|---|\n")
	for _, w := range all {
		for _, rate := range o.ratesOf(w) {
			fmt.Fprintf(b, "| %s | %s | %s |\n", w.name, thousands(rate), e.ratio(w.name, otelcol, rate))
		}
	}
}

// largeTable is of the ways in which clients send again as soon as they are answered.
func (e *evidence) largeTable(b *strings.Builder, o options) {
	for _, w := range o.in {
		if w.paced() || e.hasNone([]*way{w}) {
			continue
		}
		fmt.Fprintf(b, "\n%d clients at once, each sending requests of %s spans, 4.1 MB, over and over:\n\n"+
			"| agent | RSS before / peak, MB | requests accepted | refused | lost | CPU µs/span |\n|---|---|---|---|---|---|\n", w.clients, thousands(w.spans))
		for _, name := range w.agents {
			rows := e.rows(w.name, name, w.rates[0])
			if len(rows) == 0 {
				continue
			}
			refused := map[string]uint64{}
			for _, r := range rows {
				for why, n := range r.Sent.Refused {
					refused[why] += n
				}
			}
			fmt.Fprintf(b, "| %s | %.1f / %s | %s | %s | %s | %s |\n", name,
				over(rows, func(r row) float64 { return mb(r.Before.RSS) }).median(),
				over(rows, func(r row) float64 { return mb(r.Memory.Peak) }).text("%.1f"),
				over(rows, func(r row) float64 { return float64(r.Sent.Packets) }).text("%.0f"),
				orNone(reasons(refused)), lostText(rows),
				over(rows, func(r row) float64 { return r.MicrosASpan }).text("%.2f"))
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
