package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wayside-tracing/wayside/bench/load"
)

// troubles lists what a reader of the tables must know of single rows.
func (e *evidence) troubles(b *strings.Builder) {
	b.WriteString("\n")
	for _, one := range e.Runs {
		for _, name := range slices.Sorted(maps.Keys(one.Failed)) {
			fmt.Fprintf(b, "- run %d, %s could not be measured: %s\n", one.Run, name, one.Failed[name])
		}
		for _, name := range slices.Sorted(maps.Keys(one.Skipped)) {
			fmt.Fprintf(b, "- run %d, %s was **not measured**: %s\n", one.Run, name, one.Skipped[name])
		}
		for _, r := range one.Rows {
			for _, trouble := range r.troubles() {
				fmt.Fprintf(b, "- run %d, %s, %s: %s\n", one.Run, r.Agent, wayAt(r.In, r.Rate), trouble)
			}
		}
		for _, r := range one.Outages {
			for _, trouble := range r.row.troubles() {
				fmt.Fprintf(b, "- run %d, %s, %s at %s spans/s: %s\n", one.Run, r.Agent, r.Trial, thousands(r.Rate), trouble)
			}
		}
		for _, r := range one.Recoveries {
			if r.Problem != "" {
				fmt.Fprintf(b, "- run %d, %s, %s: %s\n", one.Run, r.Agent, recovered, r.Problem)
			}
		}
	}
}

func (r *row) troubles() (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if r.Problem != "" {
		add("%s", r.Problem)
	}
	if r.Refused > 0 && !r.away {
		add("the receiver refused %d requests, or they broke off", r.Refused)
	}
	if refused := r.Sent.AllRefused(); refused > 0 && r.Rate > 0 {
		add("%d of %d requests were refused (%s)", refused, refused+r.Sent.Packets, reasons(r.Sent.Refused))
	}
	if r.Sent.Skipped > 0 {
		add("answers were too slow to keep pace: %d requests were due and not sent, %d were", r.Sent.Skipped, r.Sent.Packets)
	}
	if r.SoftnetDrops > 0 {
		add("the host dropped %d packets of any kind before they reached a socket", r.SoftnetDrops)
	}
	if late := r.Sent.Late.Milliseconds(); late > 50 && r.Sent.Skipped == 0 {
		by := "by slow answers, or from a core"
		if load.Protocol(r.In).UDP() {
			by = "from a core"
		}
		add("the load generator was kept %s for %d ms", by, late)
	}
	return all
}

// reasons is "RESOURCE_EXHAUSTED 12, UNAVAILABLE 3".
func reasons(all map[string]uint64) string {
	var text []string
	for _, why := range slices.Sorted(maps.Keys(all)) {
		text = append(text, fmt.Sprintf("%s %d", why, all[why]))
	}
	return strings.Join(text, ", ")
}
