package buffer

import (
	"math/rand/v2"
	"testing"

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
// queues, and is not more than maxSpare.
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
		if held := s.Buffer.Answered + s.Buffer.Datagram; held+l.spare.bytes > opt.Memory || l.spare.bytes > maxSpare {
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
	if kept < maxSpare/2 {
		t.Errorf("%d bytes are kept at most", kept)
	}
}
