//go:build crash

package crash

import (
	"context"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/test/crash/process"
	"github.com/wayside-tracing/wayside/test/crash/receiver"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// Ten restarts in a row under load, with a collector that is away at some of
// them: each process recovers what the one before it ended with, and the sum of
// the ledgers adds up.
func TestTenRestarts(t *testing.T) {
	both(t, func(t *testing.T, sync string) {
		r := begin(t, onDisk(t.TempDir(), sync, process.Settings{"drain_timeout": "50ms"}))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wait := r.flow(ctx, senders, spans, rate)
		var sum ledger.Account
		twice := 0
		for n := range 10 {
			if n%3 == 1 {
				r.receiver.Set(receiver.Refuse(grpc.Unavailable))
			} else {
				r.receiver.Set(receiver.Well)
			}
			time.Sleep(times(400 * time.Millisecond))
			end := r.stopped(&twice)
			add(&sum, end)
			r.start()
			if got := r.lane().Recovered; got != end.Buffered {
				t.Errorf("restart %d: %d spans recovered, the process before ended with %d", n, got, end.Buffered)
			}
		}
		r.receiver.Set(receiver.Well)
		cancel()
		wait()
		r.awaitEmpty()
		end := r.stopped(&twice)
		add(&sum, end)
		if sum.Recovered == 0 || sum.Dropped.Sum() != 0 {
			t.Errorf("recovered %d, dropped %v: what was not delivered is to stay on disk", sum.Recovered, sum.Dropped)
		}
		// What one ended with the next recovered: over all, both cancel out.
		sum.Buffered -= sum.Recovered
		sum.Recovered = 0
		if err := sum.Check(); err != nil {
			t.Errorf("the sum of the ledgers: %v", err)
		}
		r.hold(sum, twice)
		taken := r.receiver.Taken()
		t.Logf("sum of 11 ledgers: %d accepted, %d delivered, %d dropped; %d received again; senders: %v",
			sum.Accepted, sum.Delivered, sum.Dropped.Sum(), taken.Total()-len(taken), r.sent.Refused)
	})
}

// stopped stops the agent, and returns the account that it ended with. What was
// in flight when it ended may have been taken without an answer.
func (r *rig) stopped(twice *int) ledger.Account {
	r.Helper()
	*twice += r.twice(r.lane())
	before := r.receiver.Taken().Total()
	end, err := r.agent.Stop()
	if err != nil {
		r.Fatal(err)
	}
	*twice += r.receiver.Taken().Total() - before
	if err := end.Check(); err != nil {
		r.Error(err)
	}
	return end
}

// add adds up accounts of processes that came one after another.
func add(sum *ledger.Account, a ledger.Account) {
	sum.Accepted += a.Accepted
	sum.Recovered += a.Recovered
	sum.Delivered += a.Delivered
	sum.Buffered += a.Buffered
	for r, n := range a.Dropped.All {
		sum.Dropped[r] += n
	}
}

// awaitEmpty waits until nothing is buffered.
func (r *rig) awaitEmpty() ledger.Lane {
	r.Helper()
	return r.await("nothing is buffered", func(l ledger.Lane) bool { return l.Buffered == 0 })
}

// Away for a while at a high rate, and back: everything is delivered, the oldest
// first, and live spans flow meanwhile. How fast it catches up is reported.
func TestCollectorIsAway(t *testing.T) {
	t.Parallel()
	perSecond, away := 4000, 5*time.Second
	if *long {
		perSecond, away = 10_000, time.Minute
	}
	r := begin(t, onDisk(t.TempDir(), interval, nil))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := r.flow(ctx, senders, spans, perSecond/senders)
	r.await("the first spans are delivered", func(l ledger.Lane) bool { return l.Delivered > 0 })
	r.receiver.Down()
	time.Sleep(away)
	r.await("the backlog is there", func(l ledger.Lane) bool { return int(l.Buffered) > perSecond*int(away/time.Second)/2 })
	if err := r.receiver.Up(); err != nil {
		t.Fatal(err)
	}
	back := r.await("it is taken from again", func(l ledger.Lane) bool { return l.Endpoints[0].State == ledger.EndpointOK })
	begun := time.Now()
	caught := r.await("it has caught up", func(l ledger.Lane) bool { return l.Buffered < uint64(perSecond) })
	took := time.Since(begun)
	cancel()
	wait()
	if end := r.settle(); end.Dropped.Sum() != 0 {
		t.Errorf("dropped %v", end.Dropped)
	}
	delivered, live := caught.Delivered-back.Delivered, caught.Accepted-back.Accepted
	t.Logf("a backlog of %d spans, caught up in %v: %d delivered while %d live ones came, %.1f times as fast",
		back.Buffered, took.Round(time.Millisecond), delivered, live, float64(delivered)/float64(max(live, 1)))
	r.inOrder()
}

// inOrder fails the test if a sender's spans arrived out of their order by more
// than what may be in flight at a time: a quarter of the buffer's 8 MiB.
func (r *rig) inOrder() {
	r.Helper()
	const spanBytes = 350 // at least (sender.AppendRequest)
	const window = (8 << 20) / 4 / spanBytes
	latest := map[uint64]uint64{}
	late, worst := 0, uint64(0)
	for _, a := range r.receiver.Arrivals() {
		s := account.Sender(a.First)
		if a.First < latest[s] {
			late++
			worst = max(worst, latest[s]-a.First)
		}
		latest[s] = max(latest[s], a.First)
	}
	if worst > window {
		r.Errorf("a span arrived %d spans after a later one of its sender", worst)
	}
	r.Logf("%d of %d requests arrived after a later one, by %d spans at most", late, len(r.receiver.Arrivals()), worst)
}
