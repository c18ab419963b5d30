package admin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/agent/ledger/losses"
)

func TestEveryWayOfLossHasWords(t *testing.T) {
	known := map[string]bool{}
	for _, w := range append(append([]losses.Way{}, losses.Dropped...), losses.Outside...) {
		if known[w.Name] {
			t.Errorf("%s is there twice", w.Name)
		}
		known[w.Name] = true
		if !strings.HasSuffix(w.What, ".") || !strings.HasSuffix(w.Fix, ".") {
			t.Errorf("%s: not sentences", w.Name)
		}
	}
	n := 0
	for way := range losses.Of(ledger.Account{}) {
		n++
		if !known[way] {
			t.Errorf("no words for %s", way)
		}
	}
	if n != len(known) {
		t.Errorf("words for %d ways of loss, of which there are %d", len(known), n)
	}
}

func TestLossesBecomeHistory(t *testing.T) {
	h := newHistory()
	st := healthy()
	st.Started = noon.Add(-10 * time.Minute)
	h.add(noon, st)
	drop(&st, ledger.Expired, 7)
	for _, c := range []struct {
		after time.Duration
		want  string
		level level
	}{
		{5 * time.Second, "Spans are being lost: 7 in the last minute", bad},
		{50 * time.Second, "Spans are being lost: 7 in the last minute", bad},
		{2 * time.Minute, "Spans were lost: 7, the last 115 s ago", warn},
		{3 * time.Hour, "All is well: spans are delivered as they come", good},
	} {
		now := noon.Add(c.after)
		h.add(now, st)
		got := judge(h.view(now, st))
		if got[0].says != c.want || got[0].level != c.level {
			t.Errorf("after %s: %v %q, want %v %q", c.after, got[0].level, got[0].says, c.level, c.want)
		}
		if c.level == good && (len(got) != 2 || got[1].says != "7 spans lost earlier, the last 2 h ago") {
			t.Errorf("after %s: %+v", c.after, got)
		}
	}
}

func TestOtherFindings(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*ledger.Status)
		level  level
		want   string
	}{
		{"one of two collectors", func(s *ledger.Status) {
			unreachable(s, 100, noon.Add(-time.Minute))
			s.Lanes[0].Endpoints = append(s.Lanes[0].Endpoints, ledger.Endpoint{Address: "b:1", State: ledger.EndpointOK})
		}, warn, "1 of 2 collectors failing for 60 s"},
		{"both", func(s *ledger.Status) {
			unreachable(s, 1, noon.Add(-time.Minute))
			s.Lanes[0].Endpoints = append(s.Lanes[0].Endpoints, s.Lanes[0].Endpoints[0])
		}, warn, "Both collectors failing for 60 s: 1 span waits"},
		{"three", func(s *ledger.Status) {
			unreachable(s, 2, noon.Add(-time.Minute))
			e := s.Lanes[0].Endpoints[0]
			s.Lanes[0].Endpoints = []ledger.Endpoint{e, e, e}
		}, warn, "All 3 collectors failing for 60 s: 2 spans wait"},
		{"OTLP is refused", func(s *ledger.Status) {
			unreachable(s, 2, noon.Add(-time.Minute))
			s.Lanes[0].Buffer = ledger.Buffer{Limit: 8 << 20, Answered: 4 << 20}
		}, bad, "Collector collector:4317 failing for 60 s: 2 spans wait"},
		{"lag", func(s *ledger.Status) { s.Lanes[0].Buffer.OldestAge = 45 }, warn, "Delivery lags: the oldest span has waited 45 s"},
		{"bug", func(s *ledger.Status) { s.Lanes[0].Delivered++ }, bad, "The ledger does not add up: this is a bug of the agent"},
		{"stopping", func(s *ledger.Status) { s.Ready = false }, warn, "The agent is starting or stopping"},
		{"degraded, without an endpoint", func(s *ledger.Status) {
			s.Degraded, s.Lanes[0].Endpoints, s.Lanes[0].Buffer.OldestAge = []string{"a.yaml: wrong"}, nil, 60
		}, bad, "The agent is degraded: spans are kept, and none is delivered"},
		{"degraded, without a port", func(s *ledger.Status) { s.Degraded = []string{"accept.otlp.grpc: in use"} }, warn, "The agent is degraded: it goes on without what it can't have"},
		{"socket", func(s *ledger.Status) { s.Sockets[0].BufferGot = 100 }, good, "All is well: spans are delivered as they come"},
		{"done", func(s *ledger.Status) {
			s.Lanes[0].Delivered += s.Lanes[0].Buffered
			s.Lanes[0].Buffered = 0
		}, good, "All spans delivered"},
		{"malformed", func(s *ledger.Status) { s.Lanes[0].Refused[ledger.Malformed] = 3 }, warn, "Not everything got in during the last minute"},
		{"kernel", func(s *ledger.Status) { s.Lanes[0].KernelDrops = 3 }, bad, "Not everything got in during the last minute"},
		{"two lanes", func(s *ledger.Status) {
			other := s.Lanes[0]
			other.Name, other.Buffer.OldestAge = "team-b", 60
			s.Lanes = append(s.Lanes, other)
		}, warn, "Lane team-b: Delivery lags: the oldest span has waited 60 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := viewOf(func(before, now *ledger.Status) { c.change(now) })
			got := judge(v)
			if got[0].says != c.want || got[0].level != c.level {
				t.Errorf("%v %q, want %v %q", got[0].level, got[0].says, c.level, c.want)
			}
			if page := string(renderPage(v, false)); strings.Contains(page, "%!") {
				t.Error("page is broken")
			}
		})
	}
}

// OTLP may fill half of the buffer, and the page promised room in the other.
func TestRoomForAnsweredSpansIsHalfOfTheBuffer(t *testing.T) {
	for _, c := range []struct {
		name               string
		answered, datagram int // MiB of 8
		want               string
	}{
		{"OTLP only", 2, 0, "Room for about 100 s at the present rate (10/s)."},
		{"UDP only", 0, 2, "Room for about 5 min at the present rate (10/s)."},
		{"both alike", 2, 2, "Room for about 100 s at the present rate (10/s)."},
		{"little by OTLP", 1, 5, "Room for about 33 s at the present rate (10/s)."},
		{"OTLP's half is full", 4, 1, "The half of the buffer for spans that come by OTLP is full: their senders are told to come again."},
		{"full", 1, 7, "The buffer is full: the oldest spans that came by UDP make room for new ones."},
	} {
		l := laneView{Lane: ledger.Lane{Account: ledger.Account{Accepted: 1600, Buffered: 1000}}}
		l.before.Accepted, l.span = 1000, time.Minute
		l.Buffer = ledger.Buffer{Limit: 8 << 20, Answered: c.answered << 20, Datagram: c.datagram << 20}
		if got := room(l); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Spans that are on disk and in memory both count as buffered: what memory alone
// will do for can't be told from them, and the page promised too much.
func TestNoTimeIsPromisedWhileTheDiskFails(t *testing.T) {
	for state, want := range map[string]string{
		ledger.DiskOK:     "Room for about 16 min at the present rate (10/s).",
		ledger.DiskSlow:   "6 MiB of memory is free, for as long as the disk does not work.",
		ledger.DiskFailed: "6 MiB of memory is free, for as long as the disk does not work.",
	} {
		l := laneView{Lane: ledger.Lane{Account: ledger.Account{Accepted: 1600, Buffered: 1000}}}
		l.before.Accepted, l.span = 1000, time.Minute
		l.Buffer = ledger.Buffer{Limit: 8 << 20, Datagram: 2 << 20, Disk: &ledger.Disk{State: state, Limit: 22 << 20, Datagram: 2 << 20}}
		if got := room(l); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}

func TestEndpointThatNeverAnswered(t *testing.T) {
	for _, never := range []bool{true, false} {
		v := viewOf(func(before, now *ledger.Status) {
			unreachable(now, 7, noon.Add(-time.Minute))
			if never {
				now.Lanes[0].Endpoints[0].LastOKAt = nil
			}
		})
		if got := strings.Contains(string(renderPage(v, false)), "is deliver.endpoint right?"); got != never {
			t.Errorf("never answered is %v, the advice is there: %v", never, got)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := newHistory()
	st := healthy()
	for i := range 10_000 { // somebody looks ten times a second
		h.add(noon.Add(time.Duration(i)*100*time.Millisecond), st)
	}
	if n := len(h.samples); n > 20 {
		t.Errorf("%d samples", n)
	}
	now := noon.Add(1000 * time.Second)
	if v := h.view(now, st); v.lanes[0].span < window-2*sampleEvery || v.lanes[0].span > window+2*sampleEvery {
		t.Errorf("rates look back %s", v.lanes[0].span)
	}
}

// The addresses of a name come and go, and most go while they fail: each was
// remembered for ever, and one that came back had failed all the time.
func TestFailingEndpointsThatAreGoneAreForgotten(t *testing.T) {
	h := newHistory()
	st := healthy()
	for i := range 1000 {
		unreachable(&st, 1, noon)
		st.Lanes[0].Endpoints[0].IP = fmt.Sprint("10.0.0.", i)
		h.add(noon.Add(time.Duration(i)*time.Second), st)
	}
	if n := len(h.failing); n != 1 {
		t.Errorf("%d endpoints are remembered, of which there is one", n)
	}
}

func TestRatesSinceTheBeginning(t *testing.T) {
	h := newHistory()
	st := healthy()
	st.Started = noon.Add(-10 * time.Second)
	h.add(noon, st)
	if got, want := h.view(noon, st).lanes[0].rate(accepted), float64(st.Lanes[0].Accepted)/10; got != want {
		t.Errorf("%v spans a second, want %v", got, want)
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"},
		{count(999), "999"},
		{count(1000), "1,000"},
		{count(1_234_567), "1,234,567"},
		{counted(1, "spans"), "1 span"},
		{counted(1, "batches"), "1 batch"},
		{counted(2, "batches"), "2 batches"},
		{counted(1, losses.PacketsOrRequests), "1 packet or request"},
		{counted(3, losses.PacketsOrRequests), "3 packets or requests"},
		{size(0), "0 B"},
		{size(512 << 10), "512 KiB"},
		{size(8 << 20), "8 MiB"},
		{size(8<<20 - 1), "7.9 MiB"},
		{size(3 << 30), "3 GiB"},
		{perSecond(0), "0/s"},
		{perSecond(0.01), "under 0.1/s"},
		{perSecond(1.25), "1.2/s"},
		{perSecond(12_345.6), "12,346/s"},
		{age(0), "less than 1 s"},
		{age(90 * time.Second), "90 s"},
		{age(3 * time.Minute), "3 min"},
		{age(30 * time.Hour), "30 h"},
		{age(72 * time.Hour), "3 days"},
		{percent(1, 1e9), "under 0.01 %"},
		{percent(1, 4), "25.00 %"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
