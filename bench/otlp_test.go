package main

import (
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/bench/load"
	"github.com/wayside-tracing/wayside/bench/proc"
)

func TestClientsAndLedgerAgree(t *testing.T) {
	for name, c := range map[string]struct {
		agent   string
		sent    load.Sent
		said    uint64
		problem string
	}{
		"all accepted":                     {wayside, load.Sent{}, 0, ""},
		"refused, and said so":             {wayside, load.Sent{Refused: map[string]uint64{"A": 2, "B": 1}}, 3, ""},
		"refused in secret":                {wayside, load.Sent{Refused: map[string]uint64{"A": 2}}, 1, "1 requests were refused, and the clients were told so 2 times"},
		"refused, and nobody was told":     {wayside, load.Sent{}, 1, "told so 0 times"},
		"the Collector counts nothing":     {otelcol, load.Sent{Refused: map[string]uint64{"A": 2}}, 0, ""},
		"no answer, whatever the agent is": {otelcol, load.Sent{Broken: 1, Error: "reset"}, 0, "1 requests were not answered"},
	} {
		t.Run(name, func(t *testing.T) {
			p := process{contender: &contender{name: c.agent}}
			got := p.answers(&row{Sent: c.sent}, account{Refused: c.said})
			if (got == "") != (c.problem == "") || !strings.Contains(got, c.problem) {
				t.Errorf("got %q, want %q", got, c.problem)
			}
		})
	}
}

// evidenceOfOTLP has three runs at 10,000 spans/s, with 20 spans a request, and
// with large requests.
func evidenceOfOTLP(ours, theirs float64, peak uint64) *evidence {
	e := &evidence{Binaries: map[string]binary{wayside: {Bytes: 11_000_000}, otelcol: {}}}
	for run := 1; run <= 3; run++ {
		add := func(one *oneRun, in, agent string, rate int, micros float64) {
			one.Rows = append(one.Rows, row{
				In: in, Agent: agent, Rate: rate, Run: run, MicrosASpan: micros, Arrived: 60,
				Sent:   load.Sent{Spans: 60, Packets: 3, Skipped: 1, Refused: map[string]uint64{"UNAVAILABLE": 4}},
				Before: proc.Memory{RSS: 10_000_000}, Memory: proc.Memory{Peak: peak},
			})
		}
		one := oneRun{Run: run, Started: map[string][]millisecond{wayside: {30, 60, 90}}, Idle: map[string]proc.Memory{wayside: {RSS: 9_900_000, Anonymous: 3_100_000}}}
		add(&one, "otlp-grpc-20", wayside, 10_000, ours)
		add(&one, "otlp-grpc-20", otelcol, 10_000, theirs)
		add(&one, large, wayside, 0, 1)
		e.Runs = append(e.Runs, one)
	}
	return e
}

func TestReportOfOTLP(t *testing.T) {
	o := optionsFor(t, "otlp-grpc-20,large")
	for _, c := range []struct {
		ours, theirs float64
		peak         uint64
		says         []string
	}{
		{4, 20, 23_000_000, []string{
			"| otlp-grpc-20 | 10,000 | wayside | 88 % | 0 | 4.00 (4.00–4.00) |",
			"| otlp-grpc-20 | 10,000 | 0.200 (0.200–0.200) |",
			"| CPU, OTLP gRPC in, 20 spans a request, 10,000 spans/s | 0.400 of the Collector's | 0.200 (0.200–0.200) | met |",
			"| memory added by 16 clients with large requests | 13.6 MB | 13.0 (13.0–13.0) | met |",
			"| wayside | 10.0 / 23.0 (23.0–23.0) | 3 (3–3) | UNAVAILABLE 12 | 0 | 1.00 (1.00–1.00) |",
			"| idle memory | 10.0 MB | 9.9 (9.9–9.9) | met |",
			"| of it anonymous | 3.0 MB | 3.1 (3.1–3.1) | **missed** |",
			"| start to ready | 50 ms | 60 (30–90) | **missed** |",
			"| binary | 10.0 MB | 11.0 | **missed** |",
			"run 2, otelcol, otlp-grpc-20 at 10,000 spans/s: answers were too slow to keep pace: 1 requests were due and not sent, 3 were",
			"4 of 7 requests were refused (UNAVAILABLE 4)",
		}},
		{9, 20, 24_000_000, []string{"0.450 (0.450–0.450) | **missed** |", "14.0 (14.0–14.0) | **missed** |"}},
	} {
		got := evidenceOfOTLP(c.ours, c.theirs, c.peak).report(o)
		for _, want := range c.says {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	}
}

func TestNoRatioOfOTLPThatIsNotAccountedFor(t *testing.T) {
	o := optionsFor(t, "otlp-grpc-20,large")
	for _, agent := range []string{wayside, otelcol} {
		e := evidenceOfOTLP(4, 20, 23_000_000)
		for i := range e.Runs[0].Rows {
			if r := &e.Runs[0].Rows[i]; r.Agent == agent {
				r.Problem = "1 is missing"
			}
		}
		got := e.report(o)
		if strings.Contains(got, "0.200") || strings.Count(got, "none: spans are not accounted for") < 2 {
			t.Errorf("%s lost a span:\n%s", agent, got)
		}
		if err := e.verdict(); (err != nil) != (agent == wayside) {
			t.Errorf("%s lost a span, verdict: %v", agent, err)
		}
	}
}
