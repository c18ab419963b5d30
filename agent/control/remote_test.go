package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/sampling"
)

// fake is a source whose answers a test decides.
type fake struct {
	asked  atomic.Int32
	mu     sync.Mutex
	answer func(ctx context.Context, service string) (*sampling.Strategy, error)
}

func (f *fake) ask(ctx context.Context, service string) (*sampling.Strategy, error) {
	f.asked.Add(1)
	f.mu.Lock()
	answer := f.answer
	f.mu.Unlock()
	return answer(ctx, service)
}

func (f *fake) close() {}

func (f *fake) set(answer func(ctx context.Context, service string) (*sampling.Strategy, error)) {
	f.mu.Lock()
	f.answer = answer
	f.mu.Unlock()
}

func rate(r float64) *sampling.Strategy {
	return &sampling.Strategy{Probabilistic: &sampling.Probabilistic{Rate: r}}
}

func always(s *sampling.Strategy, err error) func(context.Context, string) (*sampling.Strategy, error) {
	return func(context.Context, string) (*sampling.Strategy, error) { return s, err }
}

var errAway = errors.New("away")

// bubble runs a test of a remote with its source in a bubble of its own time.
func bubble(t *testing.T, test func(t *testing.T, r *remote, f *fake)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: always(rate(0.5), nil)}
		r := newRemote("source", f, slog.New(slog.DiscardHandler))
		defer r.close()
		test(t, r, f)
	})
}

// expect asks, and compares; a rate of 0 is an error.
func expect(t *testing.T, r *remote, service string, rate float64, stale bool) {
	t.Helper()
	s, isStale, err := r.strategy(t.Context(), service)
	got := 0.0
	if err == nil {
		got = s.Probabilistic.Rate
	}
	if got != rate || isStale != stale {
		t.Errorf("%s has rate %v, stale %v (%v), want %v, %v", service, got, isStale, err, rate, stale)
	}
}

func asked(t *testing.T, f *fake, want int) {
	t.Helper()
	if got := f.asked.Load(); got != int32(want) {
		t.Errorf("the source was asked %d times, want %d", got, want)
	}
}

func TestAnswersAreFreshForAWhile(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		expect(t, r, "shop", 0.5, false)
		f.set(always(rate(0.7), nil))
		time.Sleep(freshFor - time.Nanosecond)
		expect(t, r, "shop", 0.5, false)
		asked(t, f, 1)
		expect(t, r, "stock", 0.7, false)
		asked(t, f, 2)
		time.Sleep(time.Nanosecond)
		expect(t, r, "shop", 0.7, false)
		asked(t, f, 3)
	})
}

func TestPollsOfOneServiceShareAQuestion(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		let := make(chan struct{})
		f.set(func(context.Context, string) (*sampling.Strategy, error) { <-let; return rate(0.3), nil })
		var polls sync.WaitGroup
		for range 50 {
			polls.Go(func() { expect(t, r, "shop", 0.3, false) })
		}
		synctest.Wait()
		asked(t, f, 1)
		close(let)
		polls.Wait()
	})
}

// The one who began a question does not end it for the others by leaving.
func TestWhoLeavesEndsNobodysQuestion(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		f.set(func(ctx context.Context, _ string) (*sampling.Strategy, error) {
			select {
			case <-time.After(time.Second):
				return rate(0.3), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, _, err := r.strategy(ctx, "shop"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		expect(t, r, "shop", 0.3, false)
		asked(t, f, 1)
	})
}

func TestStaleAnswersWhileTheSourceIsAway(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		expect(t, r, "shop", 0.5, false)
		f.set(always(nil, errAway))
		for range 10 {
			time.Sleep(time.Hour)
			expect(t, r, "shop", 0.5, true)
		}
		expect(t, r, "new", 0, false) // it has never been answered
		if st := r.status(); st.State != ledger.SamplingFailing || st.Failures < 10 || !strings.Contains(st.LastError, "source: away") || st.LastOKAt == nil {
			t.Errorf("%+v", st)
		}
		f.set(always(rate(0.9), nil))
		time.Sleep(maxPause)
		expect(t, r, "shop", 0.9, false)
		if st := r.status(); st.State != ledger.SamplingOK || st.RetryIn != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// A sick source is asked less and less, by one question at a time, however many
// services are polled for.
func TestBackoff(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		f.set(func(context.Context, string) (*sampling.Strategy, error) {
			time.Sleep(time.Second)
			return nil, errAway
		})
		expect(t, r, "first", 0, false)
		var last int32
		for _, c := range []struct {
			after    time.Duration
			min, max int32
		}{{time.Minute, 4, 10}, {10 * time.Minute, 9, 22}, {10 * time.Minute, 9, 22}} {
			for end := time.Now().Add(c.after); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
				for i := range 20 {
					go r.strategy(t.Context(), fmt.Sprint(i))
				}
			}
			n := f.asked.Load() - last
			last += n
			if n < c.min || n > c.max {
				t.Errorf("asked %d times in %s, want %d to %d", n, c.after, c.min, c.max)
			}
		}
	})
}

// A service that the source has nothing for does not keep others from being asked
// for, and is not asked for again at each poll.
func TestNoStrategyIsNoSickness(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		f.set(func(_ context.Context, service string) (*sampling.Strategy, error) {
			if service == "odd" {
				return nil, noStrategy{errors.New("odd")}
			}
			return rate(0.5), nil
		})
		for range 5 {
			expect(t, r, "odd", 0, false)
		}
		asked(t, f, 1)
		expect(t, r, "shop", 0.5, false)
		if st := r.status(); st.State != ledger.SamplingOK || st.Failures != 1 || st.LastError == "" {
			t.Errorf("%+v", st)
		}
	})
}

func TestASourceThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		f.set(func(ctx context.Context, _ string) (*sampling.Strategy, error) { <-ctx.Done(); return nil, ctx.Err() })
		start := time.Now()
		expect(t, r, "shop", 0, false)
		if d := time.Since(start); d != askTimeout {
			t.Errorf("answered after %s", d)
		}
		expect(t, r, "shop", 0, false)
		if d := time.Since(start); d != askTimeout {
			t.Errorf("while it is left alone, answered after %s", d)
		}
	})
}

func TestQuestionsUnderWayAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		let := make(chan struct{})
		f.set(func(context.Context, string) (*sampling.Strategy, error) { <-let; return rate(0.5), nil })
		var polls sync.WaitGroup
		var busy atomic.Int32
		for i := range 3 * maxCalls {
			polls.Go(func() {
				if _, _, err := r.strategy(t.Context(), fmt.Sprint(i)); errors.Is(err, errBusy) {
					busy.Add(1)
				}
			})
		}
		synctest.Wait()
		asked(t, f, maxCalls)
		close(let)
		polls.Wait()
		if busy.Load() != 2*maxCalls {
			t.Errorf("%d were told that it is busy", busy.Load())
		}
	})
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		for i := range maxServices + 100 {
			expect(t, r, fmt.Sprint(i), 0.5, false)
			expect(t, r, "often", 0.5, false)
			time.Sleep(time.Millisecond)
		}
		if n := len(r.entries); n != maxServices {
			t.Errorf("%d services are kept", n)
		}
		if r.entries["often"] == nil || r.entries["0"] != nil {
			t.Error("not those that were asked for last are kept")
		}
		large := &sampling.Strategy{Probabilistic: &sampling.Probabilistic{Rate: 0.1}, ByOperation: &sampling.ByOperation{
			Operations: []sampling.Operation{{Name: strings.Repeat("x", maxKept/3)}},
		}}
		f.set(always(large, nil))
		for i := range 10 {
			expect(t, r, fmt.Sprint("large", i), 0.1, false)
		}
		kept := 0
		for name, e := range r.entries {
			kept += len(name) + e.size
		}
		if kept != r.kept || kept > maxKept {
			t.Errorf("%d bytes are kept, %d are counted", kept, r.kept)
		}
		expect(t, r, strings.Repeat("huge", maxKept), 0.1, false) // alone over the limit: still answered
	})
}

func TestRefreshAsksAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *remote, f *fake) {
		expect(t, r, "shop", 0.5, false)
		f.set(always(nil, errAway))
		r.refresh()
		expect(t, r, "shop", 0.5, true)
		f.set(always(rate(0.2), nil))
		r.refresh() // also a source that is left alone
		expect(t, r, "shop", 0.2, false)
	})
}

// A tracer that asked just when the source was replaced could begin a question
// that outlived it: whether it was over and that one more had begun was not one
// step.
func TestNoQuestionOutlivesItsSource(t *testing.T) {
	r := newRemote("source", &fake{}, slog.New(slog.DiscardHandler))
	r.mu.Lock() // as who begins a question has it
	closed := make(chan struct{})
	go func() { r.close(); close(closed) }()
	for range 1000 {
		runtime.Gosched()
		select {
		case <-closed:
			t.Fatal("it was closed while a question began")
		default:
		}
	}
	r.mu.Unlock()
	<-closed
	if _, call := r.begin("service"); call != nil {
		t.Error("a question began after the end")
	}
}
