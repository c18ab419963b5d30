package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/collector/tail"
	"github.com/wayside-tracing/wayside/internal/loadgen"
)

func TestEquation(t *testing.T) {
	a := ledger.Account{Accepted: 1234567, Delivered: 1234500, Buffered: 60}
	a.Dropped[ledger.Expired] = 7
	if got, want := equation(a), "accepted 1,234,567 = delivered 1,234,500 + buffered 60 + dropped 7"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if losses(a) != "" {
		t.Errorf("%q", losses(a))
	}
	a.Recovered, a.KernelDrops = 1, 1
	a.Refused[ledger.Malformed], a.Refused[ledger.QueueFull] = 2, 1
	a.ClientReported.FullQueue = 3
	a.ClientReported.SendFailure = 4
	if got, want := equation(a), "accepted 1,234,567 + recovered 1 = delivered 1,234,500 + buffered 60 + dropped 7"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := losses(a), "kernel dropped 1 packet · refused 2 packets or requests (malformed) · refused 1 request (buffer_full) · clients say they lost 7 spans"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// At 60 cells, "dropped" was cut off.
func TestLedgerLineBeginsWithTheEquation(t *testing.T) {
	a := ledger.Account{Accepted: 103, Delivered: 99, Buffered: 4, KernelDrops: 2}
	const want = "accepted 103 = delivered 99 + buffered 4 + dropped 0 · kernel dropped 2 packets · 12 spans/s · 14 traces shown, 3 not"
	if got := ledgerLine(a, 12, tail.Counts{TracesShown: 14, TracesHidden: 3}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMeter(t *testing.T) {
	now := time.Now()
	m := meter{at: now}
	for _, c := range []struct {
		after time.Duration
		n     uint64
		want  uint64
	}{{0, 0, 0}, {500 * time.Millisecond, 100, 0}, {time.Second, 100, 100}, {1500 * time.Millisecond, 900, 100}, {3 * time.Second, 900, 400}, {9 * time.Second, 900, 0}} {
		if got := m.rate(c.n, now.Add(c.after)); got != c.want {
			t.Errorf("after %v: %d, want %d", c.after, got, c.want)
		}
	}
}

func TestNotes(t *testing.T) {
	var lines []string
	log := slog.New(newNotes(func(s string) { lines = append(lines, s) }))
	log.Info("ready")
	log.With("lane", "default").Warn("collector is gone", "error", errors.New("no route\x1b[2J"), "retry_in", 2*time.Second)
	log.Warn("collector is gone")
	log.Error("other")
	want := []string{`note: collector is gone (lane default, error no route\x1b[2J, retry_in 2s)`, "note: other"}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", lines, want)
	}
}

func TestASCIIOnly(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"LANG": "en_US.UTF-8"}, false},
		{map[string]string{"LANG": "C.utf8"}, false},
		{map[string]string{"LANG": "C"}, true},
		{map[string]string{"LANG": "de_DE.ISO-8859-1"}, true},
		{map[string]string{"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LC_CTYPE": "C.UTF-8", "LANG": "C"}, false},
		{map[string]string{"TERM": "dumb"}, true},
	} {
		if got := asciiOnly(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
}

func TestSummary(t *testing.T) {
	o := loadgen.Options{To: "127.0.0.1:6831", Rate: 1000}
	r := loadgen.Report{Traces: 12, Spans: 10_010, Packets: 31, Bytes: 1_234_567, Elapsed: 10 * time.Second}
	if got, want := summary(o, r), "sent 10,010 spans of 12 traces to 127.0.0.1:6831 in 31 packets, 1.2 MB, in 10.0 s: 1,001 spans/s (asked: 1,000)\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.Refused, r.Failed, r.Absent, r.Error = 5, 6, true, "message too long"
	got := summary(o, r)
	for _, want := range []string{"lost 5 spans: nobody listened on 127.0.0.1:6831", "up`", "could not send 6 spans: message too long"} {
		if !strings.Contains(got, want) {
			t.Errorf("does not say %q: %s", want, got)
		}
	}
}

func TestSummaryOfOTLP(t *testing.T) {
	o := loadgen.Options{To: "127.0.0.1:4317", Protocol: loadgen.OTLPGRPC, Rate: 1000}
	r := loadgen.Report{Traces: 12, Spans: 10_010, Packets: 1, Bytes: 1_234_567, Elapsed: 10 * time.Second}
	if got, want := summary(o, r), "127.0.0.1:4317 accepted 10,010 spans of 12 traces in 1 request, 1.2 MB, in 10.0 s: 1,001 spans/s (asked: 1,000)\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.Refused, r.Failed, r.Dropped, r.Again, r.Error = 5, 6, 7, 8, "INTERNAL: disk"
	got := summary(o, r)
	for _, want := range []string{
		"8 times a request was not taken at first", "lost 5 spans that the agent refused: INTERNAL: disk",
		"lost 7 spans that were dropped", "could not send 6 spans: INTERNAL: disk",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("does not say %q: %s", want, got)
		}
	}
	r.Absent = true
	if got := summary(o, r); !strings.Contains(got, "could not send 6 spans: nobody listened on 127.0.0.1:4317") {
		t.Error(got)
	}
}

// Somebody who waits is told why nothing arrives.
func TestWarning(t *testing.T) {
	o := loadgen.Options{To: "127.0.0.1:4317", Protocol: loadgen.OTLPGRPC}
	for want, r := range map[string]loadgen.Report{
		"":                                     {Spans: 5, Again: 3},
		"nobody listens on 127.0.0.1:4317":     {Absent: true},
		"takes no more for now: RESOURCE":      {Waiting: "RESOURCE_EXHAUSTED: full"},
		"refused spans: INVALID_ARGUMENT: bad": {Refused: 1, Error: "INVALID_ARGUMENT: bad"},
	} {
		if got := warning(o, r); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}

func TestReachable(t *testing.T) {
	for address, want := range map[string]string{
		"":                "",
		"127.0.0.1:6831":  "127.0.0.1:6831",
		"[::1]:6831":      "[::1]:6831",
		"0.0.0.0:6831":    "127.0.0.1:6831",
		"[::]:6831":       "127.0.0.1:6831",
		"192.0.2.1:14271": "192.0.2.1:14271",
	} {
		if got := reachable(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
