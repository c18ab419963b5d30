package main

import (
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/bench/load"
	"github.com/wayside-tracing/wayside/bench/proc"
	"github.com/wayside-tracing/wayside/internal/cgroup"
)

func TestARecoveryAddsUp(t *testing.T) {
	for name, c := range map[string]struct {
		agent          string
		arrived, idSum uint64
		whole          bool
		held, said     uint64 // buffered, recovered
		problem        string
	}{
		"all of it":                   {waysideDisk, 100, 42, true, 100, 100, ""},
		"one is missing":              {waysideDisk, 99, 42, true, 100, 100, "had 100 spans, and 99 arrived"},
		"one too many":                {otelcolDisk, 101, 42, true, 0, 0, "and 101 arrived"},
		"others than were sent":       {otelcolDisk, 100, 41, true, 0, 0, "not the same ones"},
		"some were dropped before":    {waysideDisk, 100, 41, false, 100, 100, ""},
		"the ledger held fewer":       {waysideDisk, 100, 42, true, 90, 100, "90 buffered"},
		"the ledger recovered fewer":  {waysideAlways, 100, 42, true, 100, 90, "recovered 90"},
		"the Collector has no ledger": {otelcolDisk, 100, 42, true, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := recovery{Agent: c.agent, Spans: 100, Arrived: c.arrived, Sent: load.Sent{IDSum: 42}}
			got := r.problem(c.whole, c.idSum, account{Lost: map[string]uint64{"buffered": c.held}}, account{Recovered: c.said})
			if (got == "") != (c.problem == "") || !strings.Contains(got, c.problem) {
				t.Errorf("got %q, want %q", got, c.problem)
			}
		})
	}
}

// evidenceOfDisk has one run with everything of the disk buffer.
func evidenceOfDisk() *evidence {
	e := &evidence{Binaries: map[string]binary{wayside: {}, waysideDisk: {}}, Machine: machine{Disk: device{FileSystem: "ext4", Median: 250 * time.Microsecond}}}
	one := oneRun{Run: 1, Idle: map[string]proc.Memory{waysideDisk: {RSS: 11_000_000}}}
	add := func(in, agent string, micros float64) {
		one.Rows = append(one.Rows, row{In: in, Agent: agent, Rate: 10_000, Run: 1, MicrosASpan: micros})
	}
	add(jaegerUDP, wayside, 2)
	add(jaegerUDP, waysideDisk, 3.25)
	add(jaegerUDP, waysideAlways, 3.75)
	add("otlp-grpc-20", otelcol, 20)
	add("otlp-grpc-20", otelcolDisk, 32)
	sent := load.Sent{Spans: 100}
	one.Outages = []outage{
		{row: row{Agent: waysideDisk, Rate: 10_000, Sent: sent, Arrived: 100, Memory: proc.Memory{Peak: 17_000_000}, Refused: 5, away: true}, Trial: catchUp, Away: 20 * time.Second, Backlog: 200_000, First: 2 * time.Second, Lasted: 4 * time.Second, Caught: 160_000},
		{row: row{Agent: otelcolDisk, Rate: 10_000, Sent: sent, Arrived: 100}, Trial: catchUp, Away: 20 * time.Second, Lasted: 10 * time.Second, Caught: 250_000},
		{
			row: row{Agent: waysideDisk, Rate: 10_000, Sent: sent, Arrived: 100}, Trial: inCgroup, Away: time.Minute,
			Group: &grouped{Peak: 19_000_000, Hits: 3, Most: cgroup.Usage{WorkingSet: 18_000_000, Anonymous: 11_000_000, File: 6_000_000, Kernel: 1_000_000}},
		},
	}
	one.Recoveries = []recovery{{Agent: waysideDisk, Run: 1, Spans: 1_000_000, Arrived: 1_000_000, Bytes: 510_000_000, Ready: 70 * time.Millisecond, First: 80 * time.Millisecond, All: 4 * time.Second}}
	one.Skipped = map[string]string{"wayside-disk, memory at 30,000 spans/s": "that takes root"}
	e.Runs = []oneRun{one}
	return e
}

func TestReportOfDisk(t *testing.T) {
	o := optionsFor(t, jaegerUDP)
	o.disk = t.TempDir()
	for _, c := range []struct {
		change func(*oneRun)
		says   []string
		wrong  bool
	}{
		{func(*oneRun) {}, []string{
			"| idle memory, with a disk buffer | 10.0 MB | 11.0 | **missed** |",
			"| CPU that wayside-disk adds, jaeger-udp at 10,000 spans/s | 1.50 µs | 1.25 | met |",
			"| CPU that wayside-disk-always adds, jaeger-udp at 10,000 spans/s | 1.50 µs | 1.75 | **missed** |",
			"| jaeger-udp | 10,000 | 1.25 | 1.75 | – |",
			"| otlp-grpc-20 | 10,000 | – | – | 12.00 |",
			"| catching up after 20s at 10,000 spans/s | at least 3.0 times as fast | 4.0 | met |",
			"| 10,000 | wayside-disk | 20s | 200,000 | 2.0 | 40,000 (4.0) | 4.0 | 17.0 | 0 |",
			"| kill -9 and start until the first span is delivered | 1000 ms | 80 | met |",
			"| wayside-disk | 1,000,000 | 510 | 70 | 80 | 4.0 | 250,000 |",
			"| working set in a cgroup of 20 MiB at 10,000 spans/s, 1m0s without collector | 20.0 MB | 18.0 | met |",
			"| 10,000 | wayside-disk | 1m0s | 0 | 19.0 | 18.0 | 11.0 | 6.0 | 0.0 | 1.0 | 3 |",
			"run 1, wayside-disk, memory at 30,000 spans/s was **not measured**: that takes root",
			"on ext4; to write 4 KiB and fdatasync them takes 0.25 ms",
		}, false},
		{func(one *oneRun) { one.Outages[0].Caught = 80_000 }, []string{"at least 3.0 times as fast | 2.0 | **missed** |"}, false},
		{func(one *oneRun) { one.Outages[1].Problem = "1 is missing" }, []string{"run 1, otelcol-disk, catch-up at 10,000 spans/s: 1 is missing", "| 4.0 | met |"}, false},
		{func(one *oneRun) { one.Outages[0].Problem = "1 is missing" }, []string{"| 4.0 | none: spans are not accounted for |"}, true},
		{func(one *oneRun) { one.Outages[2].Problem = "1 is missing" }, []string{"| 18.0 | none: spans are not accounted for |"}, true},
		{func(one *oneRun) { one.Recoveries[0].Problem = "1 is missing" }, []string{"| 80 | none: spans are not accounted for |", "run 1, wayside-disk, recovery: 1 is missing"}, true},
		{func(one *oneRun) { one.Rows[1].Problem = "1 is missing" }, []string{"| jaeger-udp | 10,000 | none: spans are not accounted for | 1.75 | – |"}, true},
	} {
		e := evidenceOfDisk()
		c.change(&e.Runs[0])
		got := e.report(o)
		for _, want := range c.says {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		if strings.Contains(got, "the receiver refused") {
			t.Error("a receiver that was told to refuse is no trouble")
		}
		if err := e.verdict(); (err != nil) != c.wrong {
			t.Errorf("verdict: %v", err)
		}
	}
}

// Only the contenders with a disk buffer are told of the folder.
func TestDiskIsConfigured(t *testing.T) {
	o := defaults
	for _, c := range contenders(nil) {
		s := c.setup(&places{disk: "/var/lib/bench"}, o)
		if got, want := strings.Contains(s.config, "/var/lib/bench"), strings.Contains(c.name, "-disk"); got != want {
			t.Errorf("%s: %s", c.name, s.config)
		}
		if always := strings.Contains(s.config, "sync: always"); always != (c.name == waysideAlways) {
			t.Errorf("%s: %s", c.name, s.config)
		}
	}
}

func TestDevice(t *testing.T) {
	const mounts = "/dev/a / ext4 rw 0 0\nproc /proc proc rw 0 0\ntmpfs /mnt tmpfs rw 0 0\n/dev/b /mnt/data xfs rw 0 0\n"
	for folder, want := range map[string]string{
		"/nowhere/x": "ext4", "/": "ext4", "/mnt": "tmpfs", "/mnt/x": "tmpfs", "/mnt/data/x": "xfs", "/mnt/database": "tmpfs",
	} {
		if got := fileSystem(folder, mounts); got != want {
			t.Errorf("%s: %s, want %s", folder, got, want)
		}
	}
	if got := fileSystem("/x", ""); got != "unknown" {
		t.Errorf("without mounts: %s", got)
	}
	if d := measureDevice(t.TempDir()); d.Error != "" || d.Median <= 0 || d.Slow < d.Median || d.Most < d.Slow {
		t.Errorf("%+v", d)
	}
	if d := measureDevice("/nowhere/at/all"); d.Error == "" {
		t.Errorf("no folder, and %+v", d)
	}
}
