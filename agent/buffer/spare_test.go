package buffer

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// A steady flow of requests of a few hundred spans, which differ in size a
// little, is kept in the same memory.
func TestSteadyFlowOfLargeFrames(t *testing.T) {
	opt := options
	opt.Memory, opt.BatchBytes = 8<<20, 512<<10
	l := NewLane("default", opt)
	f := frame(1, 205_000)
	seen := map[*byte]bool{}
	for i := range 300 {
		n := 195_000 + rand.IntN(10_000)
		if err := l.Answered(f[:n], 500); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			continue
		}
		l.mu.Lock()
		b := l.batch(&l.answered, &l.answered.chunks)
		l.mu.Unlock()
		for _, c := range b.Chunks() {
			seen[&c[0]] = true
		}
		deliver(b)
		check(t, l)
	}
	if len(seen) > 5 {
		t.Errorf("%d chunks were allocated", len(seen))
	}
}

// Whatever comes, what is kept for use again has room beside what is in the
// queues.
func TestSpareChunksAreBounded(t *testing.T) {
	opt := options
	opt.Memory = 4 << 20
	l := NewLane("default", opt)
	f := frame(1, 500_000)
	kept := 0
	for range 3000 {
		n := 1 + rand.IntN(len(f))
		switch rand.IntN(3) {
		case 0:
			l.Datagram(f[:min(n, 65_000)], 1, ledger.LeftOut{})
		case 1:
			_ = l.Answered(f[:n], 1) // may be full
		case 2:
			l.mu.Lock()
			var b *Batch
			if q := &l.answered; len(q.chunks.list) > 0 {
				b = l.batch(q, &q.chunks)
			}
			l.mu.Unlock()
			if b != nil {
				deliver(b)
			}
		}
		s := check(t, l)
		if held := s.Buffer.Answered + s.Buffer.Datagram; held+l.spare.bytes > opt.Memory {
			t.Fatalf("%d bytes in the queues, %d spare", held, l.spare.bytes)
		}
		sum := 0
		for _, c := range l.spare.list {
			sum += c.size()
		}
		if sum != l.spare.bytes {
			t.Fatalf("%d bytes are spare, counted as %d", sum, l.spare.bytes)
		}
		kept = max(kept, sum)
	}
	if kept < opt.Memory/4 {
		t.Errorf("%d bytes are kept at most", kept)
	}
}

// When nothing comes any more, nothing is kept; what is in use all the time is.
func TestSpareChunksAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLane("default", options)
		through := func(sizes ...int) {
			for _, n := range sizes {
				if err := l.Answered(frame(1, n), 1); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(options.BatchAge)
			for l.Snapshot().Buffered > 0 {
				b, err := l.Take(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				deliver(b)
			}
		}
		kept := func() int {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.spare.bytes
		}
		through(200_000, 200_000)
		for range 30 {
			through(1000)
		}
		if got := kept(); got != chunkBytes {
			t.Errorf("%d bytes are kept while one small chunk is used", got)
		}
		time.Sleep(2*keepSpare + time.Second)
		if got := kept(); got != 0 {
			t.Errorf("%d bytes are kept while none is used", got)
		}
		check(t, l)
	})
}

// Who is refused need not wait until the rest of a batch is old enough.
func TestWhatHasNoRoomMakesTheQueueDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options
		opt.Memory, opt.BatchAge = 2<<20, time.Minute // a batch is 128 KiB
		l := NewLane("default", opt)
		for _, enter := range []func() error{
			func() error { return l.Answered(frame(1, 100_000), 1) },
			func() error { return enter(l, 1, 100_000) },
		} {
			var err error
			for n := 0; err == nil; n++ {
				if err = enter(); n > 20 {
					t.Fatal("it is never full")
				}
			}
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			began := time.Now()
			for l.Snapshot().Buffered > 0 { // one by one
				b, err := l.Take(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				deliver(b)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("after %v", took)
			}
		}
		// What comes next has time again.
		if err := l.Answered(frame(1, 100), 1); err != nil {
			t.Fatal(err)
		}
		l.mu.Lock()
		due := l.refused
		l.mu.Unlock()
		if due {
			t.Error("it is still due at once")
		}
		check(t, l)
	})
}
