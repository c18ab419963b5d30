package tail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// notebook is a view that notes what it is shown, and when.
type notebook struct {
	limits Limits
	began  time.Time
	lines  []string
	full   bool
	err    error
	last   Counts
}

func (n *notebook) Limits() Limits { return n.limits }

func (n *notebook) Show(tr *Trace) bool {
	if n.full {
		return false
	}
	var names []string
	for i := range tr.Spans {
		names = append(names, tr.Spans[i].Name)
	}
	if tr.Late {
		names = append(names, "late")
	}
	if tr.Going {
		names = append(names, "going")
	}
	if tr.LeftOut > 0 {
		names = append(names, fmt.Sprintf("+%d", tr.LeftOut))
	}
	n.lines = append(n.lines, fmt.Sprintf("%.1fs %d: %s", time.Since(n.began).Seconds(), tr.ID[15], strings.Join(names, " ")))
	return true
}

func (n *notebook) Tick(c Counts) error {
	n.last = c
	return n.err
}

var roomy = Limits{Open: 1000, Kept: 1000, Spans: 100, Bytes: 1 << 20}

// root and child are spans named for their ids.
func root(trace uint64) at { return at{trace, sp(1, 0, "a", "root", 0, 10)} }

func child(trace uint64, id, parent byte) at {
	return at{trace, sp(id, parent, "b", fmt.Sprintf("s%d", id), 1, 5)}
}

// play runs a Tail in a bubble, calls steps one after the other, and stops it.
func play(t *testing.T, n *notebook, steps func(put func(...at), wait func(time.Duration))) Counts {
	t.Helper()
	var counts Counts
	synctest.Test(t, func(t *testing.T) {
		n.began = time.Now()
		tail := New(n)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- tail.Run(ctx) }()
		steps(func(spans ...at) {
			frame := frameOf(spans...)
			if err := tail.Put(ctx, frame, len(spans)); err != nil {
				t.Error(err)
			}
			clear(frame) // it is the caller's again
			balanced(t, tail)
		}, func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
			balanced(t, tail)
		})
		stop()
		if err := <-done; !errors.Is(err, n.err) {
			t.Errorf("Run: %v", err)
		}
		balanced(t, tail)
		counts = tail.Counts()
		if n.err == nil && (counts.Open != 0 || counts != n.last || tail.bytes != 0 || tail.kept != 0 || len(tail.open) != 0) {
			t.Errorf("at the end: %+v, told %+v, %d bytes, %d kept, %d open", counts, n.last, tail.bytes, tail.kept, len(tail.open))
		}
	})
	return counts
}

func balanced(t *testing.T, tail *Tail) {
	t.Helper()
	if c := tail.Counts(); c.Spans != c.Open+c.Shown+c.Hidden {
		t.Errorf("spans are lost: %+v", c)
	}
}

func TestQuiet(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Limits
		steps  func(put func(...at), wait func(time.Duration))
		want   []string
		counts Counts
	}{
		{
			name: "whole", limits: roomy,
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1), child(1, 2, 1))
				wait(10 * time.Second)
			},
			want:   []string{"1.5s 1: root s2"},
			counts: Counts{Spans: 2, Shown: 2, TracesShown: 1},
		},
		{
			name: "each span makes it wait again", limits: roomy,
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1))
				wait(time.Second)
				put(child(1, 2, 1))
				wait(time.Second)
				put(child(1, 3, 1))
				wait(10 * time.Second)
			},
			want:   []string{"3.5s 1: root s2 s3"},
			counts: Counts{Spans: 3, Shown: 3, TracesShown: 1},
		},
		{
			name: "without root", limits: roomy,
			steps: func(put func(...at), wait func(time.Duration)) {
				put(child(1, 2, 1))
				wait(10 * time.Second)
			},
			want:   []string{"3.0s 1: s2"},
			counts: Counts{Spans: 1, Shown: 1, TracesShown: 1},
		},
		{
			name: "parent comes in time", limits: roomy,
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1), child(1, 3, 2))
				wait(2 * time.Second)
				put(child(1, 2, 1))
				wait(10 * time.Second)
			},
			want:   []string{"3.5s 1: root s3 s2"},
			counts: Counts{Spans: 3, Shown: 3, TracesShown: 1},
		},
		{
			name: "late", limits: roomy,
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1))
				wait(4 * time.Second)
				put(child(1, 2, 1))
				wait(10 * time.Second)
			},
			want:   []string{"1.5s 1: root", "7.0s 1: s2 late"},
			counts: Counts{Spans: 2, Shown: 2, TracesShown: 2},
		},
		{
			name: "never quiet", limits: roomy,
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1))
				for i := range byte(12) {
					wait(time.Second)
					put(child(1, i+2, 1))
				}
			},
			want:   []string{"11.1s 1: root s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 going", "12.0s 1: s12 s13 late"},
			counts: Counts{Spans: 13, Shown: 13, TracesShown: 2},
		},
		{
			name: "at the end", limits: roomy,
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1), root(2), child(3, 2, 1))
			},
			want:   []string{"0.0s 1: root", "0.0s 2: root", "0.0s 3: s2"},
			counts: Counts{Spans: 3, Shown: 3, TracesShown: 3},
		},
		{
			name: "errors first", limits: roomy,
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1), at{2, failed(sp(1, 0, "a", "bad", 0, 1), "")}, root(3))
			},
			want:   []string{"0.0s 2: bad", "0.0s 1: root", "0.0s 3: root"},
			counts: Counts{Spans: 3, Shown: 3, TracesShown: 3},
		},
		{
			name: "more traces than are kept", limits: Limits{Open: 10, Kept: 1, Spans: 10, Bytes: 1 << 20},
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1), root(2), child(2, 2, 1))
				wait(2 * time.Second)
				put(child(2, 3, 1), root(3)) // of 2 nothing was shown, so nothing is late
				wait(2 * time.Second)
			},
			want:   []string{"1.5s 1: root", "3.5s 3: root"},
			counts: Counts{Spans: 5, Shown: 2, Hidden: 3, TracesShown: 2, TracesHidden: 2},
		},
		{
			name: "more traces than may be open", limits: Limits{Open: 2, Kept: 10, Spans: 10, Bytes: 1 << 20},
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1), root(2), child(1, 2, 1), root(3)) // 2 was quiet for longest
				wait(200 * time.Millisecond)
			},
			want:   []string{"0.1s 2: root", "0.2s 1: root s2", "0.2s 3: root"},
			counts: Counts{Spans: 4, Shown: 4, TracesShown: 3},
		},
		{
			name: "more spans than are kept", limits: Limits{Open: 10, Kept: 10, Spans: 2, Bytes: 1 << 20},
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1), child(1, 2, 1), child(1, 3, 1), child(1, 4, 1))
			},
			want:   []string{"0.0s 1: root s2 +2"},
			counts: Counts{Spans: 4, Shown: 2, Hidden: 2, TracesShown: 1},
		},
		{
			name: "more bytes than are kept", limits: Limits{Open: 10, Kept: 10, Spans: 10, Bytes: 2*overhead + 20},
			steps: func(put func(...at), wait func(time.Duration)) {
				put(root(1), child(1, 2, 1), child(1, 3, 1), root(2))
			},
			want:   []string{"0.0s 1: root s2 +1"},
			counts: Counts{Spans: 4, Shown: 2, Hidden: 2, TracesShown: 1, TracesHidden: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &notebook{limits: c.limits}
			counts := play(t, n, c.steps)
			if !slices.Equal(n.lines, c.want) {
				t.Errorf("shown:\n\t%s\nwant:\n\t%s", strings.Join(n.lines, "\n\t"), strings.Join(c.want, "\n\t"))
			}
			if counts != c.counts {
				t.Errorf("%+v, want %+v", counts, c.counts)
			}
		})
	}
}

func TestViewDeclines(t *testing.T) {
	n := &notebook{limits: roomy, full: true}
	counts := play(t, n, func(put func(...at), wait func(time.Duration)) {
		put(root(1))
		wait(2 * time.Second)
		n.full = false
		put(child(1, 2, 1)) // without what it belongs to, of no use
		wait(4 * time.Second)
	})
	if want := (Counts{Spans: 2, Hidden: 2, TracesHidden: 2}); counts != want || len(n.lines) > 0 {
		t.Errorf("%+v, want %+v; %q", counts, want, n.lines)
	}
}

func TestViewFails(t *testing.T) {
	n := &notebook{limits: roomy, err: errors.New("broken pipe")}
	play(t, n, func(put func(...at), wait func(time.Duration)) {
		put(root(1))
		wait(2 * time.Second)
		put(root(2))
	})
}

// Millions of spans, of few traces that never end and of many that begin,
// while nothing is shown: what is held has a bound.
func TestBoundedMemory(t *testing.T) {
	const frames, perFrame = 2000, 500
	for _, view := range []View{NewTerminal(Screen{}), NewJSON(nil)} {
		tail := New(view)
		now := time.Now()
		tail.now = func() time.Time { return now }
		spans := make([]at, perFrame)
		for i := range spans {
			spans[i] = at{uint64(i), sp(byte(i), 0, "service", strings.Repeat("n", i%64), float64(i), 1)}
		}
		base := frameOf(spans...)
		where := make([]int, perFrame) // the id of each span's trace
		for i := range where {
			where[i] = bytes.Index(base, append([]byte{otlp.SpanTraceID<<3 | 2, 16}, traceID(uint64(i))...)) + 2
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		n := uint64(0)
		for range frames {
			now = now.Add(5 * time.Millisecond)
			for i := 1; i < perFrame; i += 2 { // every other one begins a trace
				n++
				copy(base[where[i]:], traceID(1000+n))
			}
			tail.Put(t.Context(), base, perFrame)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		limit := int64(view.Limits().Bytes + view.Limits().Open*400 + remembered*100 + 1<<20)
		t.Logf("%T: %d kB held, limit %d kB", view, held>>10, limit>>10)
		if held > limit {
			t.Errorf("%T: %d bytes are held, limit %d", view, held, limit)
		}
		c := tail.Counts()
		if c.Spans != frames*perFrame || c.Spans != c.Open+c.Hidden || c.Hidden == 0 {
			t.Errorf("%+v", c)
		}
		runtime.KeepAlive(tail)
	}
}
