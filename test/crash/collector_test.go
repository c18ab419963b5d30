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

// What senders do in these scenarios: so many of them, so many spans in a
// request, so many spans a second each.
const (
	senders = 4
	spans   = 50
	rate    = 500
)

// through runs senders while the collector is in trouble for a while, and then
// well again.
func through(t *testing.T, opt process.Options, trouble func(r *rig)) ledger.Account {
	t.Parallel()
	r := begin(t, opt)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := r.flow(ctx, senders, spans, rate)
	r.await("the first spans are delivered", func(l ledger.Lane) bool { return l.Delivered > 0 })
	trouble(r)
	r.receiver.Set(receiver.Well)
	before := r.lane().Delivered
	r.await("it recovers while spans flow", func(l ledger.Lane) bool { return l.Delivered > before+rate })
	cancel()
	wait()
	end := r.settle()
	if n := end.Dropped.Sum(); n != 0 {
		t.Errorf("%d spans were dropped: %v", n, end.Dropped)
	}
	return end
}

// The buffer is small enough to fill, so that senders are refused meanwhile.
func TestCollectorHangs(t *testing.T) {
	end := through(t, process.Options{Settings: process.Settings{"deliver.timeout": "1s", "buffer.memory": "2MiB"}}, func(r *rig) {
		r.receiver.Set(receiver.Hang)
		was := r.lane().Endpoints[0].Failures
		r.await("requests time out and senders are refused", func(l ledger.Lane) bool {
			return l.Endpoints[0].Failures > was+2 && l.Refused[ledger.QueueFull] > 0
		})
		time.Sleep(times(time.Second))
	})
	if end.Refused[ledger.QueueFull] == 0 {
		t.Errorf("refused %v", end.Refused)
	}
}

func TestCollectorIsSlow(t *testing.T) {
	through(t, process.Options{}, func(r *rig) {
		r.receiver.Set(receiver.Slow(500 * time.Millisecond))
		before := r.lane().Delivered
		r.await("it goes on delivering, slowly", func(l ledger.Lane) bool { return l.Delivered > before+2*rate })
		time.Sleep(times(time.Second))
	})
}

func TestCollectorFlaps(t *testing.T) {
	through(t, process.Options{}, func(r *rig) {
		rng := random(t)
		for end := time.Now().Add(times(4 * time.Second)); time.Now().Before(end); {
			r.receiver.Down()
			time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
			if err := r.receiver.Up(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rng.IntN(400)) * time.Millisecond)
		}
	})
}

// Whatever code it refuses everything with, nothing is dropped: an endpoint
// that takes nothing is ill, and the spans are not.
func TestCollectorRefusesEverything(t *testing.T) {
	for _, code := range []grpc.Code{
		grpc.Unavailable, grpc.ResourceExhausted, grpc.InvalidArgument, grpc.Internal,
		grpc.Unauthenticated, grpc.Unimplemented,
	} {
		t.Run(code.String(), func(t *testing.T) {
			through(t, process.Options{}, func(r *rig) {
				r.receiver.Set(receiver.Refuse(code))
				was := r.lane().Endpoints[0].Failures
				r.await("it refuses", func(l ledger.Lane) bool { return l.Endpoints[0].Failures > was+2 })
				time.Sleep(times(2 * time.Second))
			})
		})
	}
}

// One span that the collector refuses, whatever it stands with, is found and
// dropped; those beside it are delivered, each once.
func TestCollectorRefusesPoison(t *testing.T) {
	t.Parallel()
	r := begin(t, process.Options{})
	rng := random(t)
	poison := map[uint64]bool{}
	for range 5 { // spans of the first seconds
		poison[account.First(1+rng.Uint64N(senders))+rng.Uint64N(2*rate)] = true
	}
	r.receiver.Poison(func(id uint64) bool { return poison[id] })
	ctx, cancel := context.WithTimeout(t.Context(), times(4*time.Second))
	defer cancel()
	r.flow(ctx, senders, spans, rate)()
	end := r.settle()
	if got := end.Dropped[ledger.Rejected]; got != uint64(len(poison)) || end.Dropped.Sum() != got {
		t.Errorf("dropped %v, %d spans are poison", end.Dropped, len(poison))
	}
	taken := r.receiver.Taken()
	for id := range poison {
		if taken[id] != 0 {
			t.Errorf("the poisonous span %x was taken", id)
		}
	}
	if again := taken.Total() - len(taken); again != 0 {
		t.Errorf("%d spans were delivered again, though every request was answered", again)
	}
}

func TestCollectorClosesMidStream(t *testing.T) {
	for name, mood := range map[string]receiver.Mood{
		"before it has read":   receiver.CloseBefore(3),
		"instead of answering": receiver.CloseAfter(3),
	} {
		t.Run(name, func(t *testing.T) {
			through(t, process.Options{}, func(r *rig) {
				r.receiver.Set(mood)
				time.Sleep(times(4 * time.Second))
			})
		})
	}
}
