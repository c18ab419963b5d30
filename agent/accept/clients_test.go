package accept

import (
	"fmt"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

func TestClientsReportWhatIsNew(t *testing.T) {
	stats := func(full, large, failed int64) jaegerthrift.ClientStats {
		return jaegerthrift.ClientStats{FullQueueDroppedSpans: full, TooLargeDroppedSpans: large, FailedToEmitSpans: failed}
	}
	type report = ledger.ClientReported
	for name, steps := range map[string][]struct {
		seqNo int64
		stats jaegerthrift.ClientStats
		want  report
	}{
		"a client from its first batch": {
			{1, stats(5, 0, 1), report{FullQueue: 5, SendFailure: 1}},
			{2, stats(5, 0, 1), report{}},
			{3, stats(9, 2, 1), report{FullQueue: 4, TooLarge: 2}},
		},
		"a client that was here before us": {
			{100, stats(50, 50, 50), report{}},
			{101, stats(51, 50, 50), report{FullQueue: 1}},
		},
		"gaps": {
			{1, stats(0, 0, 0), report{}},
			{2, stats(0, 0, 0), report{}},
			{6, stats(0, 0, 0), report{Gaps: 3}},
			{7, stats(0, 0, 0), report{}},
		},
		"late and twice": {
			{10, stats(7, 0, 0), report{}},
			{12, stats(9, 0, 0), report{FullQueue: 2, Gaps: 1}},
			{11, stats(8, 0, 0), report{}},
			{12, stats(9, 0, 0), report{}},
			{13, stats(9, 0, 0), report{}},
		},
		"totals that go down": {
			{10, stats(7, 7, 7), report{}},
			{11, stats(1, 8, 7), report{TooLarge: 1}},
			{12, stats(2, 8, 7), report{FullQueue: 1}},
		},
		"impossible numbers": {
			{-1, stats(1, 1, 1), report{}},
			{0, stats(1, 1, 1), report{}},
			{1, stats(-5, 0, 0), report{}},
			{1 << 62, stats(-5, 0, 0), report{}},
			{1<<62 + 1, stats(3, 0, 0), report{}},
			{1<<62 + 2, stats(4, 0, 0), report{FullQueue: 1}},
		},
	} {
		cs := newClients()
		for i, s := range steps {
			if got := cs.report([]byte("client"), s.seqNo, &s.stats, time.Now()); got != s.want {
				t.Errorf("%s, step %d: %+v, want %+v", name, i+1, got, s.want)
			}
		}
	}
}

// A batch without stats says nothing of them: the next one is not new as a whole.
func TestBatchWithoutStats(t *testing.T) {
	cs := newClients()
	uuid := []byte("client")
	cs.report(uuid, 1, &jaegerthrift.ClientStats{FullQueueDroppedSpans: 5}, time.Now())
	cs.report(uuid, 2, nil, time.Now())
	got := cs.report(uuid, 3, &jaegerthrift.ClientStats{FullQueueDroppedSpans: 6}, time.Now())
	if want := (ledger.ClientReported{FullQueue: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestClientsAreBounded(t *testing.T) {
	cs := newClients()
	now := time.Now()
	for i := range 5 * maxClients {
		cs.report(fmt.Appendf(nil, "client-%d", i), 1, nil, now)
	}
	if len(cs.byUUID) != maxClients || cs.recent.Len() != maxClients {
		t.Errorf("%d clients are remembered, %d in order", len(cs.byUUID), cs.recent.Len())
	}
	cs.report(make([]byte, maxUUID+1), 1, nil, now)
	if len(cs.byUUID) != maxClients {
		t.Error("a uuid of any length is kept")
	}
	cs.report([]byte("later"), 1, nil, now.Add(clientIdle))
	if len(cs.byUUID) != 1 {
		t.Errorf("%d clients after an hour of silence", len(cs.byUUID))
	}
}

func TestSoftnetDrops(t *testing.T) {
	stat := "0000272d 00000002 00000000 0 0 0 0 0 0 0 0\n00003f00 0000000a 00000001 0\n\nx\n"
	if got := softnetDrops([]byte(stat)); got != 12 {
		t.Errorf("%d", got)
	}
}
