package deliver

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// pauses are the times between the requests of a fake.
func pauses(f *fakeEndpoints) (p []time.Duration) {
	for i := 1; i < len(f.requests); i++ {
		p = append(p, f.requests[i].at.Sub(f.requests[i-1].at))
	}
	return p
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		fake := newFake(t, func(context.Context, string, []int) Answer {
			if calls++; calls <= 12 {
				return later()
			}
			return ok()
		})
		r := start(t, fake)
		r.endpoints.jitter = func(limit time.Duration) time.Duration { return limit }
		r.send(5)
		r.finish(t)
		want := 100 * time.Millisecond
		for i, got := range pauses(fake) {
			if got != want {
				t.Errorf("pause %d is %v, want %v", i+1, got, want)
			}
			want = min(2*want, 30*time.Second)
		}
		if log := r.log.String(); strings.Count(log, "\n") != 2 || !strings.Contains(log, "UNAVAILABLE: busy") ||
			!strings.Contains(log, "takes spans again") {
			t.Errorf("log %q: want that it went down and that it came back", log)
		}
	})
}

func TestBackoffIsJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(context.Context, string, []int) Answer { return later() })
		r := start(t, fake)
		r.send(5)
		time.Sleep(4 * time.Hour)
		r.stop()
		r.wait(t)
		low, high := 0, 0
		p := pauses(fake)[10:]
		for _, d := range p {
			if d > maxBackoff {
				t.Errorf("pause of %v", d)
			}
			if d < maxBackoff/4 {
				low++
			}
			if d > maxBackoff*3/4 {
				high++
			}
		}
		if n := len(p); low < n/8 || high < n/8 || n < 700 {
			t.Errorf("of %d pauses %d are in the first quarter, %d in the last", n, low, high)
		}
	})
}

// Requests that fail together are one failure.
func TestFailuresTogetherCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		fake := newFake(t, func(context.Context, string, []int) Answer {
			if time.Since(begun) < time.Second {
				time.Sleep(time.Second)
				return later()
			}
			return ok()
		})
		r := start(t, fake)
		r.send(1, 1, 1, 1, 1, 1, 1, 1)
		r.finish(t)
		if d := time.Since(begun); d > time.Second+firstBackoff {
			t.Errorf("delivered after %v", d)
		}
		if r.log.Len() > 0 {
			t.Errorf("log %q", r.log)
		}
	})
}

// While an endpoint is down, it is sent one request at a time.
func TestOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		well := time.Now().Add(5 * time.Minute)
		fake := newFake(t, func(ctx context.Context, _ string, _ []int) Answer {
			time.Sleep(50 * time.Millisecond)
			if time.Now().Before(well) {
				return later()
			}
			return ok()
		})
		r := start(t, fake)
		r.send(1)
		time.Sleep(time.Second)
		synctest.Wait()
		fake.most["a"] = 0
		for range 20 {
			r.send(1)
		}
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		if fake.most["a"] != 1 {
			t.Errorf("%d requests at a time", fake.most["a"])
		}
		if n := fake.count(every); n > 60 {
			t.Errorf("%d requests to an endpoint that is down for four minutes", n)
		}
		if e := r.Endpoints()[0]; e.State != ledger.EndpointBackoff || e.LastError == "" || e.RetryIn > 30 {
			t.Errorf("%+v", e)
		}
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		delays := []time.Duration{time.Second, 2 * time.Minute, 24 * time.Hour}
		fake := newFake(t, func(context.Context, string, []int) Answer {
			if calls++; calls <= len(delays) {
				return Answer{Verdict: Later, RetryAfter: delays[calls-1], Err: errors.New("RESOURCE_EXHAUSTED: slow down")}
			}
			return ok()
		})
		r := start(t, fake)
		r.send(5)
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		for i, got := range pauses(fake) {
			if want := min(delays[i], maxRetryAfter); got < want || got > want*5/4 {
				t.Errorf("asked to wait %v, waited %v", delays[i], got)
			}
		}
	})
}

// The longest of several RetryInfos is obeyed, also when the others came first.
func TestRetryAfterOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		fake := newFake(t, func(_ context.Context, _ string, spans []int) Answer {
			if time.Since(begun) > time.Minute {
				return ok()
			}
			d := time.Duration(spans[0]+1) * time.Minute
			time.Sleep(d / 1000)
			return Answer{Verdict: Later, RetryAfter: d, Err: errors.New("slow down")}
		})
		r := start(t, fake)
		r.send(1, 1, 1)
		r.finish(t)
		if d := fake.requests[3].at.Sub(begun); d < 3*time.Minute {
			t.Errorf("asked again after %v", d)
		}
	})
}

func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		well := time.Now().Add(2 * time.Hour)
		fake := newFake(t, func(context.Context, string, []int) Answer {
			if time.Now().Before(well) {
				return Answer{Verdict: Held, Err: errors.New("UNAUTHENTICATED: no token")}
			}
			return ok()
		})
		r := start(t, fake)
		r.send(10, 20)
		time.Sleep(time.Hour)
		if e := r.Endpoints()[0]; e.State != ledger.EndpointHeld || e.LastError != "UNAUTHENTICATED: no token" {
			t.Errorf("%+v", e)
		}
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		log := r.log.String()
		if strings.Count(log, "refuses this agent") != 1 || strings.Count(log, "takes spans again") != 1 || strings.Count(log, "\n") != 2 {
			t.Errorf("log %q: want it said once, and once that it is over", log)
		}
		if e := r.Endpoints()[0]; e.State != ledger.EndpointOK {
			t.Errorf("%+v", e)
		}
	})
}

// With one endpoint dead, everything goes to the other, without delay but for
// the few batches that try the dead one out. When it is back, it has its share.
func TestTwoEndpoints(t *testing.T) {
	for name, dead := range map[string]func(context.Context) Answer{
		"refuses connections": func(context.Context) Answer { return later() },
		"hangs":               hang,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				back := time.Now().Add(10 * time.Minute)
				fake := newFake(t, func(ctx context.Context, endpoint string, _ []int) Answer {
					if endpoint == "dead" && time.Now().Before(back) {
						return dead(ctx)
					}
					time.Sleep(time.Millisecond)
					return ok()
				})
				r := start(t, fake, "dead", "well")
				slow := 0
				for time.Now().Before(back) {
					r.send(2)
					time.Sleep(100 * time.Millisecond)
					synctest.Wait()
					if b := r.batches[len(r.batches)-1]; !b.done {
						slow++
					}
				}
				if slow > len(r.batches)/100 {
					t.Errorf("%d of %d batches waited", slow, len(r.batches))
				}
				tried := fake.count(func(q request) bool { return q.endpoint == "dead" })
				if tried == 0 || tried > len(r.batches)/50 {
					t.Errorf("the dead one was tried %d times", tried)
				}

				for time.Since(back) < 2*time.Minute {
					r.send(2)
					time.Sleep(100 * time.Millisecond)
				}
				dropped := r.finish(t)
				if dropped.Sum() != 0 {
					t.Errorf("dropped %v", dropped)
				}
				tail := time.Now().Add(-time.Minute)
				again := fake.count(func(q request) bool { return q.endpoint == "dead" && q.at.After(tail) })
				if again < 200 || again > 400 {
					t.Errorf("it got %d of 600 batches after it came back", again)
				}
			})
		})
	}
}

// An endpoint that is busy gets less.
func TestLeastInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(_ context.Context, endpoint string, _ []int) Answer {
			time.Sleep(map[string]time.Duration{"slow": 900 * time.Millisecond, "fast": 100 * time.Millisecond}[endpoint])
			return ok()
		})
		r := start(t, fake, "slow", "fast")
		for range 1000 {
			r.send(1)
			time.Sleep(50 * time.Millisecond)
		}
		r.finish(t)
		slow := fake.count(func(q request) bool { return q.endpoint == "slow" })
		if slow == 0 || slow > 300 {
			t.Errorf("the slow one got %d of 1000", slow)
		}
	})
}

// A new configuration is tried at once, by batches that are under way too.
func TestConfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(_ context.Context, endpoint string, _ []int) Answer {
			if endpoint == "new" {
				return ok()
			}
			return Answer{Verdict: Held, Err: errors.New("UNIMPLEMENTED: wrong door")}
		})
		r := start(t, fake, "old", "older")
		r.send(10)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		begun, before := time.Now(), fake.count(every)
		r.Configure(Options{Endpoints: []string{"older", "new"}, Timeout: time.Second, MaxAge: time.Hour, Transport: fake})
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		if d := time.Since(begun); d > 0 {
			t.Errorf("delivered after %v", d)
		}
		if n := fake.count(every) - before; n > 2 {
			t.Errorf("%d requests", n)
		}
		if e := r.Endpoints(); len(e) != 2 || e[0].Address != "older" || e[0].State == ledger.EndpointOK || e[1].State != ledger.EndpointOK {
			t.Errorf("%+v", e)
		}
	})
}

// Spans that are refused for good are told in the log, once a minute at most.
func TestLossesAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(context.Context, string, []int) Answer {
			return Answer{Verdict: Taken, Rejected: 2, Err: errors.New("partial success: too old")}
		})
		r := start(t, fake)
		for range 150 {
			r.send(5)
			time.Sleep(time.Second)
		}
		if dropped := r.finish(t); dropped[ledger.Rejected] != 300 {
			t.Errorf("dropped %v", dropped)
		}
		log := r.log.String()
		if strings.Count(log, "\n") != 3 || strings.Count(log, "spans=2 ") != 1 || strings.Count(log, "spans=120 ") != 2 ||
			!strings.Contains(log, "too old") {
			t.Errorf("log %q", log)
		}
	})
}
