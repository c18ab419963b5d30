package admin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// healthy is an agent with traffic; state changes it into what a test needs.
func healthy() ledger.Status {
	ok := noon.Add(-time.Second)
	st := ledger.Status{
		Version: "v0.1.0", Started: noon.Add(-3 * time.Hour), Ready: true,
		Sockets: []ledger.Socket{
			{Address: "127.0.0.1:6831", Encoding: "compact", BufferAsked: 4 << 20, BufferGot: 4 << 20, Packets: 648_120, Bytes: 1_912_345_678},
			{Address: "127.0.0.1:6832", Encoding: "binary", BufferAsked: 4 << 20, BufferGot: 4 << 20},
		},
		Listeners: []ledger.Listener{
			{Address: "127.0.0.1:4317", Source: "otlp.grpc", Connections: 3, Requests: ledger.Requests{GRPC: 1_204}, Bytes: 91_234_567, Spans: 204_100},
			{Address: "unix:/run/wayside/otlp.sock", Source: "otlp.http", TLS: true, Requests: ledger.Requests{HTTP: 7, HTTPJSON: 3}},
		},
		Config: fakeConfig{{"accept.jaeger.compact", "127.0.0.1:6831"}, {"deliver.endpoint", "collector:4317"}, {"buffer.memory", "8MiB"}},
	}
	l := ledger.Lane{Name: "default", Endpoints: []ledger.Endpoint{{Address: "collector:4317", State: ledger.EndpointOK, Requests: 10_800, LastOKAt: &ok}}}
	l.Accepted, l.Delivered, l.Buffered = 12_962_400, 12_961_277, 1_123
	l.Buffer = ledger.Buffer{Limit: 8 << 20, Datagram: 512 << 10, InFlight: 320 << 10, OldestAge: 0.8}
	st.Lanes = []ledger.Lane{l}
	return st
}

type fakeConfig [][2]string

func (c fakeConfig) All(yield func(key, value string) bool) {
	for _, kv := range c {
		if !yield(kv[0], kv[1]) {
			return
		}
	}
}

// states are agents in trouble and out of it: before is a minute ago.
var states = []struct {
	name  string
	make  func(before, now *ledger.Status)
	title string // the headline
}{
	{"healthy", func(before, now *ledger.Status) {}, "All is well: spans are delivered as they come"},
	{"sampling away", func(before, now *ledger.Status) {
		ok, failed := noon.Add(-time.Hour), noon.Add(-20*time.Second)
		now.Sampling = ledger.Sampling{
			Source: "jaeger:14250", State: ledger.SamplingFailing, Services: 12, Requests: 300, Failures: 4,
			LastError: "jaeger:14250: connection refused", LastErrorAt: &failed, LastOKAt: &ok, RetryIn: 41,
		}
		now.Sampling.Answers.HTTP = ledger.SamplingCounts{Fresh: 1000, Stale: 10, Failed: 1}
	}, "Sampling strategies can't be had from jaeger:14250"},
	{"idle", func(before, now *ledger.Status) {
		for _, s := range []*ledger.Status{before, now} {
			l := &s.Lanes[0]
			l.Account, l.Buffer = ledger.Account{}, ledger.Buffer{Limit: 8 << 20}
			l.Endpoints[0] = ledger.Endpoint{Address: "collector:4317", State: ledger.EndpointIdle}
			s.Sockets[0].Packets, s.Sockets[0].Bytes = 0, 0
			s.Listeners[0].Requests, s.Listeners[1].Requests = ledger.Requests{}, ledger.Requests{}
		}
	}, "Waiting for the first span"},
	{"down", func(before, now *ledger.Status) {
		unreachable(before, 30_000, noon.Add(-3*time.Minute))
		unreachable(now, 102_000, noon.Add(-2*time.Second))
		now.Lanes[0].Buffer = ledger.Buffer{Limit: 8 << 20, Datagram: 4 << 20, InFlight: 512 << 10, OldestAge: 178}
	}, "Collector collector:4317 failing for 3 min: 102,000 spans wait"},
	{"down, on disk", func(before, now *ledger.Status) {
		unreachable(before, 300_000, noon.Add(-30*time.Minute))
		unreachable(now, 1_020_000, noon.Add(-2*time.Second))
		now.Lanes[0].Buffer = ledger.Buffer{Limit: 8 << 20, Datagram: 4 << 20, InFlight: 2 << 20, OldestAge: 1780, Disk: &ledger.Disk{
			Path: "/var/lib/wayside/default", Sync: "interval", Limit: 2 << 30, Answered: 180 << 20, Datagram: 320 << 20, Segments: 127, State: ledger.DiskOK,
		}}
		now.Lanes[0].Recovered, now.Lanes[0].Accepted = 1000, now.Lanes[0].Accepted-1000
	}, "Collector collector:4317 failing for 30 min: 1,020,000 spans wait"},
	{"disk fails", func(before, now *ledger.Status) {
		since := noon.Add(-90 * time.Second)
		now.Lanes[0].Buffer.Disk = &ledger.Disk{
			Path: "/var/lib/wayside/default", Sync: "always", Limit: 2 << 30, State: ledger.DiskFailed, Since: &since,
			Error: "append to 0000000000000000-70af7bf3.seg: no space left on device",
		}
	}, "The disk buffer has not worked for 90 s: spans stay in memory"},
	{"losing", func(before, now *ledger.Status) {
		unreachable(before, 190_000, noon.Add(-9*time.Minute))
		unreachable(now, 204_800, noon.Add(-2*time.Second))
		now.Lanes[0].Buffer = ledger.Buffer{Limit: 8 << 20, Datagram: 8 << 20, InFlight: 512 << 10, OldestAge: 512}
		drop(now, ledger.BufferFull, 57_200)
		now.Lanes[0].KernelDrops = 31
		now.Sockets[0].BufferGot, now.Sockets[1].BufferGot = 212_992, 212_992
		now.Lanes[0].ClientReported = ledger.ClientReported{FullQueue: 411, Gaps: 1}
		now.SoftnetDrops = 12
	}, "Spans are being lost: 57,200 in the last minute"},
	{"lost", func(before, now *ledger.Status) {
		for _, s := range []*ledger.Status{before, now} {
			drop(s, ledger.Invalid, 1)
			drop(s, ledger.Rejected, 1_212)
			s.Lanes[0].Refused[ledger.Malformed] = 3
		}
	}, "Spans were lost: 1,213, the last 60 s ago"},
	{"held", func(before, now *ledger.Status) {
		e := &now.Lanes[0].Endpoints[0]
		at := noon.Add(-40 * time.Second)
		e.State, e.LastError, e.LastErrorAt, e.LastOKAt, e.RetryIn = ledger.EndpointHeld, `UNIMPLEMENTED: unknown service <b>opentelemetry.proto.collector.trace.v1.TraceService</b>`, &at, nil, 12
	}, "Collector collector:4317 refusing this agent for 40 s: 1,123 spans wait"},
}

func unreachable(s *ledger.Status, buffered uint64, at time.Time) {
	l := &s.Lanes[0]
	ok := noon.Add(-3*time.Minute - time.Second)
	l.Buffered = buffered
	l.Accepted = l.Delivered + buffered + l.Dropped.Sum()
	l.Endpoints[0] = ledger.Endpoint{
		Address: "collector:4317", State: ledger.EndpointBackoff, Requests: 10_842, Failures: 42,
		LastError: "UNAVAILABLE: dial tcp 10.96.12.7:4317: connect: connection refused", LastErrorAt: &at, LastOKAt: &ok, RetryIn: 4.2,
	}
}

func drop(s *ledger.Status, r ledger.DropReason, n uint64) {
	s.Lanes[0].Dropped[r] += n
	s.Lanes[0].Accepted += n
}

func viewOf(change func(before, now *ledger.Status)) view {
	before, now := healthy(), healthy()
	change(&before, &now)
	if now.Lanes[0].Accepted == before.Lanes[0].Accepted && now.Lanes[0].Accepted > 0 {
		before.Lanes[0].Accepted -= 72_000
		before.Lanes[0].Delivered -= 72_000
	}
	h := newHistory()
	h.add(noon.Add(-time.Minute), before)
	h.add(noon, now)
	return h.view(noon, now)
}

func TestPageInEveryState(t *testing.T) {
	for _, s := range states {
		t.Run(s.name, func(t *testing.T) {
			v := viewOf(s.make)
			if got := judge(v)[0].says; got != s.title {
				t.Errorf("headline %q, want %q", got, s.title)
			}
			if err := v.lanes[0].Check(); err != nil {
				t.Error(err)
			}
			page := string(renderPage(v, true))
			if strings.Contains(page, "%!") || strings.Contains(page, "<b>open") {
				t.Error("page is broken or not escaped")
			}
			if dir := os.Getenv("WAYSIDE_PAGES"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, s.name+".html"), []byte(page), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
