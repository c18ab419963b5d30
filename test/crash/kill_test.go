//go:build crash

package crash

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/test/crash/receiver"
	"github.com/wayside-tracing/wayside/test/crash/sender"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// An agent is killed a hundred times at random instants under load, while its
// collector comes and goes. Every acknowledged span arrives. With `interval` that
// holds for a process that is killed, whose writes the kernel has.
func TestKilledAtRandomInstants(t *testing.T) {
	both(t, func(t *testing.T, sync string) {
		rng := random(t)
		r := begin(t, onDisk(t.TempDir(), sync, nil))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		told := &atomic.Int64{}
		wait := r.flowCounted(ctx, told)

		kills := 100
		if *long {
			kills = 1000
		}
		explained := 0 // spans that were received and still on disk when a process began
		for range kills {
			switch rng.IntN(4) {
			case 0:
				r.receiver.Set(receiver.Refuse(grpc.Unavailable))
			case 1:
				r.receiver.Set(receiver.Well)
			case 2:
				r.receiver.Set(receiver.CloseAfter(2))
			}
			explained += r.twice(r.lane())
			time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
			r.agent.Kill()
			received, acknowledged := r.receiver.Unique(), told.Load()
			r.start()
			explained += max(0, int(r.lane().Recovered)+received-int(acknowledged))
		}
		r.receiver.Set(receiver.Well)
		cancel()
		wait()
		r.settleKilled(explained)
	})
}

// Datagrams have no answer: of those that a killed process had read, the spans
// of the last 50 ms may be gone, and what was in its socket. How many were is
// reported; what arrived was sent.
func TestKilledWithDatagrams(t *testing.T) {
	t.Parallel()
	rng := random(t)
	r := begin(t, onDisk(t.TempDir(), interval, nil))
	sent := make([]account.Range, 0, 20)
	for n := range cap(sent) {
		d, err := sender.NewDatagrams(1+uint64(n), r.agent.UDP, 20)
		if err != nil {
			t.Fatal(err)
		}
		for life := time.Now().Add(time.Duration(rng.IntN(500)) * time.Millisecond); time.Now().Before(life); time.Sleep(5 * time.Millisecond) {
			if err := d.Send(); err != nil {
				t.Fatal(err)
			}
		}
		r.agent.Kill()
		d.Close()
		sent = append(sent, d.Sent)
		r.start()
	}
	r.awaitEmpty()
	end, err := r.agent.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if err := end.Check(); err != nil {
		t.Error(err)
	}
	taken := r.receiver.Taken()
	all, lost, most := 0, 0, 0
	for _, g := range sent {
		missing := g.Len() - taken.Of(g)
		all, lost, most = all+g.Len(), lost+missing, max(most, missing)
	}
	for _, finding := range account.Compare(account.Sent{Unsure: sent}, taken, 0, taken.Total()) {
		t.Error(finding)
	}
	t.Logf("%d kills: of %d spans by UDP (4,000 a second) %d did not arrive, %d of one life at most", len(sent), all, lost, most)
}

// flowCounted is flow with the usual senders, which count what they are told.
func (r *rig) flowCounted(ctx context.Context, told *atomic.Int64) (wait func()) {
	done := make(chan struct{})
	for range senders {
		s := r.sender()
		go func() {
			for ctx.Err() == nil && s.Send(ctx, spans) == nil {
				told.Add(spans)
				time.Sleep(time.Second * spans / rate)
			}
			r.add(s)
			done <- struct{}{}
		}()
	}
	return func() {
		for range senders {
			<-done
		}
	}
}

// settleKilled ends a scenario in which processes were killed: nothing that
// was acknowledged is lost, and what arrived again is explained by what was
// sent to the agent again, and by what it found on disk though it had been
// received: killed between the collector's answer and the note of it.
func (r *rig) settleKilled(explained int) {
	r.Helper()
	last := r.awaitEmpty()
	explained += r.twice(last)
	end, err := r.agent.Stop()
	if err != nil {
		r.Fatal(err)
	}
	if err := end.Check(); err != nil {
		r.Error(err)
	}
	if end.Dropped.Sum() != 0 {
		r.Errorf("the last process dropped %v", end.Dropped)
	}
	taken := r.receiver.Taken()
	for _, finding := range account.Compare(r.sent, taken, r.lost, explained) {
		r.Error(finding)
	}
	r.Logf("%d spans told yes; %d received, %d of them again (%d sent again to the agent, %d on disk though received)",
		r.sent.Spans(), taken.Total(), taken.Total()-len(taken), r.sent.Again, explained)
}
