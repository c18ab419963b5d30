package deliver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// Whole batches that a collector refuses for good must not hold up the lane
// for hours, however many they are.
func TestBatchesOfPoisonDoNotHoldUpTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(_ context.Context, _ string, spans []int) Answer {
			time.Sleep(time.Millisecond)
			if len(spans) > 0 {
				return refused()
			}
			return ok()
		})
		begun := time.Now()
		r := start(t, fake)
		r.send(1250, 1250, 1250, 1250)
		if dropped := r.finish(t); dropped[ledger.Rejected] != 5000 {
			t.Errorf("dropped %v", dropped)
		}
		took := time.Since(begun)
		if took < stubbornAfter || took > 10*time.Minute {
			t.Errorf("took %v", took)
		}
		if n := len(fake.requests); n > 6*5000 {
			t.Errorf("%d requests", n)
		}
	})
}

// One that is picky for a while and then takes all loses nothing that it takes.
func TestPickyEndpointThatChangesItsMind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		fake := newFake(t, func(_ context.Context, _ string, spans []int) Answer {
			time.Sleep(time.Millisecond)
			if len(spans) > 0 && time.Since(begun) < stubbornAfter+time.Second {
				return refused()
			}
			return ok()
		})
		r := start(t, fake)
		r.send(1250, 1250)
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		if d := time.Since(begun); d > stubbornAfter+time.Minute {
			t.Errorf("took %v", d)
		}
	})
}

// What is in flight when max_age is raised lives longer.
func TestMaxAgeIsRaisedForWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		fake := newFake(t, func(context.Context, string, []int) Answer {
			if time.Since(begun) < time.Hour {
				return later()
			}
			return ok()
		})
		r := start(t, fake)
		opt := r.options()
		opt.MaxAge = time.Minute
		r.Configure(opt)
		r.send(5)
		time.Sleep(30 * time.Second)
		opt.MaxAge = 24 * time.Hour
		r.Configure(opt)
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
	})
}
