package deliver

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

func TestDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(context.Context, string, []int) Answer { return ok() })
		r := start(t, fake)
		r.send(1250, 1, 0, 40)
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		if n := len(fake.requests); n != 3 {
			t.Errorf("%d requests, want 3: nothing is sent for an empty batch", n)
		}
		e := r.Endpoints()[0]
		if e.State != ledger.EndpointOK || e.Requests != 3 || e.Failures != 0 || e.LastOKAt == nil || r.log.Len() > 0 {
			t.Errorf("%+v, log %q", e, r.log)
		}
	})
}

// One span that the collector refuses costs the batch nothing but itself.
func TestPoisonSpan(t *testing.T) {
	for _, poison := range []int{0, 1, 299, 300, 624, 1000, 1249} {
		for _, reason := range []ledger.DropReason{ledger.Rejected, ledger.TooBig} {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(t, func(_ context.Context, _ string, spans []int) Answer {
					if slices.Contains(spans, poison) {
						a := refused()
						a.Reason = reason
						return a
					}
					return ok()
				})
				begun := time.Now()
				r := start(t, fake)
				r.send(1250)
				if dropped := r.finish(t); dropped[reason] != 1 || dropped.Sum() != 1 {
					t.Errorf("span %d: dropped %v, want one for %v", poison, dropped, reason)
				}
				if fake.taken[poison] != 0 {
					t.Errorf("span %d was taken", poison)
				}
				// The whole, 11 halvings with their other halves, the lone span
				// again until it was refused three times; and if there were no
				// other halves since, an empty request and a last try.
				if n := len(fake.requests); n > 1+2*11+2+2 {
					t.Errorf("span %d: %d requests", poison, n)
				}
				if d := time.Since(begun); d > time.Second {
					t.Errorf("span %d: took %v", poison, d)
				}
			})
		}
	}
}

func TestManyPoisonSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := func(n int) bool { return n%50 == 7 || n >= 2000 && n < 2040 }
		fake := newFake(t, func(_ context.Context, _ string, spans []int) Answer {
			time.Sleep(time.Millisecond)
			if slices.ContainsFunc(spans, bad) {
				return refused()
			}
			return ok()
		})
		r := start(t, fake, "a", "b")
		want := 0
		for n := range 4000 {
			if bad(n) {
				want++
			}
		}
		r.send(1000, 1000, 1000, 1000)
		if dropped := r.finish(t); dropped[ledger.Rejected] != uint64(want) || dropped.Sum() != uint64(want) {
			t.Errorf("dropped %v, want %d rejected", dropped, want)
		}
		if len(fake.taken) != 4000-want {
			t.Errorf("%d taken", len(fake.taken))
		}
	})
}

// A batch of one span is its own suspect: there is nothing beside it that could
// show that the endpoint is well, so that is asked.
func TestPoisonSpanIsAllThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(_ context.Context, _ string, spans []int) Answer {
			if len(spans) > 0 {
				return refused()
			}
			return ok()
		})
		begun := time.Now()
		r := start(t, fake)
		r.send(1)
		if dropped := r.finish(t); dropped[ledger.Rejected] != 1 {
			t.Errorf("dropped %v", dropped)
		}
		var sent []int
		for _, q := range fake.requests {
			sent = append(sent, q.spans)
		}
		if !slices.Equal(sent, []int{1, 1, 1, 0, 1}) {
			t.Errorf("sent requests of %v spans", sent)
		}
		if d := time.Since(begun); d < 300*time.Millisecond || d > 3*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// An endpoint that refuses everything is ill, not the spans.
func TestIllEndpointLosesNothing(t *testing.T) {
	for name, takesEmpty := range map[string]bool{"refuses all": false, "takes empty requests": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				well := time.Now().Add(10 * time.Minute)
				if takesEmpty {
					well = time.Now().Add(10 * time.Second)
				}
				fake := newFake(t, func(_ context.Context, _ string, spans []int) Answer {
					if time.Now().Before(well) && (len(spans) > 0 || !takesEmpty) {
						return refused()
					}
					return ok()
				})
				r := start(t, fake)
				r.send(1250, 1250, 800)
				time.Sleep(time.Until(well) - 1)
				synctest.Wait()
				if n := fake.count(every); n > 2000 || takesEmpty && n > 100 {
					t.Errorf("%d requests while it refused everything", n)
				}
				if dropped := r.finish(t); dropped.Sum() != 0 {
					t.Errorf("dropped %v", dropped)
				}
				if d := time.Since(well); d > time.Minute {
					t.Errorf("took %v to deliver", d)
				}
			})
		})
	}
}

// A span is not dropped by an endpoint that refuses everything, just because
// another endpoint takes things.
func TestIllEndpointBesideOneThatIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(_ context.Context, endpoint string, spans []int) Answer {
			time.Sleep(5 * time.Millisecond)
			if endpoint == "ill" {
				return refused()
			}
			return ok()
		})
		r := start(t, fake, "ill", "well")
		for range 500 {
			r.send(3)
			time.Sleep(20 * time.Millisecond)
		}
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		if n := fake.count(func(q request) bool { return q.endpoint == "ill" }); n > 100 {
			t.Errorf("%d of 500 batches were tried on the endpoint that refuses all", n)
		}
	})
}

func TestPartialSuccess(t *testing.T) {
	for rejected, want := range map[int64]uint64{0: 0, 3: 3, 100: 100, 101: 100, 1 << 62: 100, -5: 0} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFake(t, func(context.Context, string, []int) Answer {
				return Answer{Verdict: Taken, Rejected: rejected, Err: errors.New("partial success: too old")}
			})
			r := start(t, fake)
			r.send(100)
			if dropped := r.finish(t); dropped[ledger.Rejected] != want || dropped.Sum() != want {
				t.Errorf("%d rejected: dropped %v", rejected, dropped)
			}
			if e := r.Endpoints()[0]; e.State != ledger.EndpointOK || e.LastError == "" || e.Failures != 0 {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(_ context.Context, _ string, spans []int) Answer {
			if slices.Contains(spans, 0) {
				return ok() // a part of the first batch gets through
			}
			if len(spans) > 50 {
				return refused()
			}
			return later()
		})
		r := start(t, fake)
		r.opt.MaxAge = time.Hour
		begun := time.Now()
		r.send(50, 100)
		dropped := r.finish(t)
		if dropped[ledger.Expired] != 100 || dropped.Sum() != 100 {
			t.Errorf("dropped %v", dropped)
		}
		if d := time.Since(begun); d != time.Hour {
			t.Errorf("given up after %v", d)
		}
	})
}

// Age does not end an attempt that has begun.
func TestExpiryWaitsForAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(context.Context, string, []int) Answer {
			time.Sleep(2 * time.Second)
			return ok()
		})
		r := start(t, fake)
		r.opt.MaxAge = time.Second
		r.send(5)
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		fake := newFake(t, func(ctx context.Context, _ string, _ []int) Answer {
			if calls++; calls == 1 {
				return hang(ctx)
			}
			return ok()
		})
		r := start(t, fake)
		begun := time.Now()
		r.send(5)
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		if d := time.Since(begun); d < 10*time.Second || d > 10*time.Second+firstBackoff {
			t.Errorf("delivered after %v", d)
		}
	})
}

// When ctx ends, what is in flight is settled at once, wherever it is.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(ctx context.Context, endpoint string, spans []int) Answer {
			switch {
			case spans[0] < 10:
				return hang(ctx)
			case len(spans) > 100:
				return refused()
			case spans[0] == 10:
				return ok()
			}
			return later()
		})
		r := start(t, fake)
		for _, n := range []int{10, 200, 5} {
			r.send(n)
			time.Sleep(time.Second)
		}
		begun := time.Now()
		r.stop()
		dropped := r.wait(t)
		if dropped[ledger.Shutdown] != 10+100+5 || dropped.Sum() != 115 {
			t.Errorf("dropped %v", dropped)
		}
		if d := time.Since(begun); d > 0 {
			t.Errorf("took %v", d)
		}
		if e := r.Endpoints()[0]; e.InFlight != 0 || strings.Contains(e.LastError, "canceled") {
			t.Errorf("%+v", e)
		}
	})
}

// Draining: no more batches, but those in flight are tried until ctx ends.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		well := time.Now().Add(4 * time.Second)
		fake := newFake(t, func(context.Context, string, []int) Answer {
			if time.Now().Before(well) {
				return later()
			}
			return ok()
		})
		r := start(t, fake)
		r.send(10, 20)
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
	})
}

func TestTakeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(ctx context.Context, _ string, _ []int) Answer { return hang(ctx) })
		r := start(t, fake)
		r.stop()
		<-r.result
		b, bad := newBatch(0, 5), errors.New("disk on fire")
		given := false
		r.take = func(context.Context) (Batch, error) {
			if given {
				return nil, bad
			}
			given = true
			return b, nil
		}
		if err := r.Run(t.Context()); !errors.Is(err, bad) {
			t.Errorf("Run: %v", err)
		}
		if b.dropped[ledger.Shutdown] != 5 {
			t.Errorf("dropped %v", b.dropped)
		}
	})
}

// Whatever endpoints answer, every span is settled once.
func TestAnyAnswers(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			fake := newFake(t, nil)
			fake.answer = func(_ context.Context, _ string, spans []int) Answer {
				fake.mu.Lock()
				dice, sleep := random.IntN(20), time.Duration(random.Int64N(int64(2*time.Second)))
				fake.mu.Unlock()
				time.Sleep(sleep)
				switch {
				case dice < 6:
					return refused()
				case dice < 9:
					return later()
				case dice == 9:
					return Answer{Verdict: Later, RetryAfter: sleep, Err: errors.New("slow")}
				case dice == 10:
					return Answer{Verdict: Held, Err: errors.New("who?")}
				case dice == 11:
					return Answer{Verdict: Taken, Rejected: 2, Err: errors.New("two")}
				}
				return ok()
			}
			r := start(t, fake, "a", "b", "c")
			r.opt.MaxAge = 5 * time.Minute
			sizes := rand.New(rand.NewPCG(seed, 1))
			for range 40 {
				r.send(sizes.IntN(700))
				time.Sleep(time.Duration(sizes.IntN(1000)) * time.Millisecond)
			}
			r.finish(t)
			for _, e := range r.Endpoints() {
				if e.InFlight != 0 {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}
