package main

import (
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/bench/load"
)

func TestEverySpanMustBeAccountedFor(t *testing.T) {
	sent := load.Sent{Spans: 1000, IDSum: 42}
	for name, c := range map[string]struct {
		agent   string
		arrived uint64
		idSum   uint64
		counted map[string]uint64
		said    account
		kernel  uint64
		problem string
	}{
		"all arrived":                      {jaegerAgent, 1000, 42, nil, account{}, 0, ""},
		"one is missing":                   {jaegerAgent, 999, 42, nil, account{}, 0, "1 are not explained"},
		"one too many":                     {otelcol, 1001, 42, nil, account{}, 0, "-1 are not explained"},
		"the kernel dropped them":          {otelcol, 960, 7, map[string]uint64{"kernel": 40}, account{}, 2, ""},
		"more counted than lost":           {otelcol, 1000, 42, map[string]uint64{"kernel": 20}, account{}, 1, "-20 are not explained"},
		"one lost, another one twice":      {otelcol, 1000, 43, nil, account{}, 0, "not the same ones"},
		"the floor program knows no ids":   {floor, 1000, 0, nil, account{}, 0, ""},
		"a ledger that agrees":             {wayside, 980, 7, map[string]uint64{"kernel": 20}, account{Delivered: 980, KernelDrops: 1}, 1, ""},
		"a ledger that delivered less":     {wayside, 1000, 42, nil, account{Delivered: 999}, 0, "999 spans were delivered"},
		"a ledger that saw no drop":        {wayside, 980, 7, map[string]uint64{"kernel": 20}, account{Delivered: 980}, 1, "dropped 0 packets"},
		"a ledger that holds some still":   {wayside, 990, 7, map[string]uint64{"buffered": 10}, account{Delivered: 990}, 0, ""},
		"held before the row, given in it": {wayside, 1010, 7, map[string]uint64{"buffered": ^uint64(9)}, account{Delivered: 1010}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := process{contender: &contender{name: c.agent}}
			r := row{Sent: sent, Arrived: c.arrived, Counted: c.counted, KernelDrops: c.kernel}
			got := p.problem(&r, c.said, c.idSum)
			if (got == "") != (c.problem == "") || !strings.Contains(got, c.problem) {
				t.Errorf("got %q, want %q", got, c.problem)
			}
		})
	}
}

func TestSinceIsWhatWasAdded(t *testing.T) {
	before := account{Lost: map[string]uint64{"a": 5, "buffered": 30}, Delivered: 7}
	got := account{Lost: map[string]uint64{"a": 5, "b": 2, "buffered": 10}, Delivered: 19}.since(before)
	if len(got.Lost) != 2 || got.Lost["b"] != 2 || int64(got.Lost["buffered"]) != -20 || got.Delivered != 12 {
		t.Errorf("%+v", got)
	}
}

// evidenceOf has a row for each contender and run at 10,000 spans/s.
func evidenceOf(micros map[string][]float64) *evidence {
	e := &evidence{Binaries: map[string]binary{}}
	for name, runs := range micros {
		e.Binaries[name] = binary{Bytes: 9_000_000, Static: true, Stripped: true}
		for i, v := range runs {
			for len(e.Runs) <= i {
				e.Runs = append(e.Runs, oneRun{Run: len(e.Runs) + 1})
			}
			e.Runs[i].Rows = append(e.Runs[i].Rows, row{
				In: jaegerUDP, Agent: name, Rate: 10_000, Run: i + 1, MicrosASpan: v,
				Sent: load.Sent{Spans: 100}, Arrived: 100, Requests: 4_000, OutBytes: 38_600,
			})
		}
	}
	return e
}

func optionsFor(t *testing.T, in string) options {
	o := defaults
	var err error
	if o.in, err = find(in); err != nil {
		t.Fatal(err)
	}
	o.rates = []int{10_000}
	return o
}

func TestReport(t *testing.T) {
	o := optionsFor(t, jaegerUDP)
	e := evidenceOf(map[string][]float64{wayside: {3, 2.5, 3.5}, jaegerAgent: {30, 25, 28}})
	got := e.report(o)
	for _, want := range []string{
		"| 10,000 | wayside | 0 | 3.00 (2.50–3.50) | 0.0 / 0.0 | 4,000 | 386 | 0.00 |",
		"| 10,000 | 0.100 (0.100–0.125) | – | – |",
		"| wayside | – | – | – | 9.0 |",
		"| CPU a span, Jaeger by UDP in, 10,000 spans/s | 3.50 µs | 3.00 (2.50–3.50) | met |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if err := e.verdict(); err != nil {
		t.Error(err)
	}
}

func TestNoRatioOfWhatIsNotAccountedFor(t *testing.T) {
	o := optionsFor(t, jaegerUDP)
	for _, name := range []string{wayside, jaegerAgent} {
		e := evidenceOf(map[string][]float64{wayside: {3, 3}, jaegerAgent: {30, 30}})
		for i := range e.Runs[1].Rows {
			if r := &e.Runs[1].Rows[i]; r.Agent == name {
				r.Arrived, r.Problem = 99, "1 is missing"
			}
		}
		got := e.report(o)
		if verdict := "(3.00–3.00) | none: spans are not accounted for |"; strings.Contains(got, verdict) != (name == wayside) {
			t.Errorf("%s lost a span, and of the budget it is said:\n%s", name, got)
		}
		if strings.Contains(got, "0.100") || !strings.Contains(got, "| 10,000 | none: spans") || !strings.Contains(got, "**not all explained**") {
			t.Errorf("%s lost a span:\n%s", name, got)
		}
		// Only what Wayside loses is an error of the whole.
		if err := e.verdict(); (err != nil) != (name == wayside) {
			t.Errorf("%s lost a span, verdict: %v", name, err)
		}
	}
}

func TestOptions(t *testing.T) {
	if o, err := parse(nil); err != nil || !o.complete() {
		t.Errorf("without arguments: %+v, %v", o, err)
	}
	for _, args := range [][]string{{"--quick"}, {"--runs", "1"}, {"--only", "wayside"}, {"--tick", "0s"}, {"--rates", "60000"}, {"--in", "large"}, {"--in", "none"}, {"--in", "protocols"}, {"--only", "protocols"}, {"--trials", "none"}, {"--trials", "recovery"}} {
		if o, err := parse(args); err != nil || o.complete() {
			t.Errorf("%v: complete, or %v", args, err)
		}
	}
	for _, args := range [][]string{{"--rates", "1e4"}, {"--only", "vector"}, {"--in", "zipkin"}, {"--in", ""}, {"--trials", "fire"}, {"--runs", "0"}, {"--for", "1ms"}, {"x"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
