package accept

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// What is reserved is what is allocated, however a body says its size.
func TestBlocksAreUsedAgain(t *testing.T) {
	var b budget
	for _, n := range []int{0, 1, 16 << 10, 16<<10 + 1, 64 << 10, 64<<10 + 1, 300_000, otlp.MaxRequest} {
		for _, size := range []int{n, -1} {
			m := body{budget: &b}
			if err := m.readPlain(bytes.NewReader(make([]byte, n)), size); err != nil || len(m.bytes) != n {
				t.Errorf("%d bytes, said to be %d: %d, %v", n, size, len(m.bytes), err)
			}
			if used := b.large.Load() + b.small.Load(); m.share.bytes != cap(m.bytes) || used != int64(cap(m.bytes)) {
				t.Errorf("%d bytes: %d taken, %d in all, %d allocated", n, m.share.bytes, used, cap(m.bytes))
			}
			m.free()
			if used := b.large.Load() + b.small.Load(); used != 0 || b.blocks.used != 0 {
				t.Errorf("%d bytes: %d are still reserved, %d given out", n, used, b.blocks.used)
			}
		}
	}
}

// Blocks are large enough, of few sizes, not much larger than asked for, and
// never larger than the largest request.
func TestBlockSizes(t *testing.T) {
	sizes := map[int]bool{}
	for n := 0; n <= otlp.MaxRequest; n += 1000 {
		size := blockFor(n)
		if size < n || size > otlp.MaxRequest || n > smallRequest && size > n+max(smallRequest, n/4) {
			t.Fatalf("%d bytes for %d", size, n)
		}
		sizes[size] = true
	}
	if blockFor(otlp.MaxRequest) != otlp.MaxRequest || blockFor(164_000) != 192<<10 {
		t.Errorf("%d for the largest, %d for 400 spans", blockFor(otlp.MaxRequest), blockFor(164_000))
	}
	if len(sizes) > 24 {
		t.Errorf("%d sizes", len(sizes))
	}
}

// A steady flow of requests is received into the same memory.
func TestSteadyFlowOfLargeRequests(t *testing.T) {
	var b budget
	p := make([]byte, 164_000)
	one := func() {
		m := body{budget: &b}
		if err := m.push(p, len(p)); err != nil {
			t.Fatal(err)
		}
		m.free()
	}
	one()
	kept := b.blocks.kept
	if n := testing.AllocsPerRun(100, one); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
	if b.blocks.kept != kept || kept == 0 {
		t.Errorf("%d bytes are kept, and %d before", b.blocks.kept, kept)
	}
}

// What is given out and what is kept is never more than the budget, but for one
// block of at most 1 MiB that is being moved; and when nothing comes any more,
// nothing is kept.
func TestBlocksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b budget
		var wg sync.WaitGroup
		p := make([]byte, otlp.MaxRequest)
		for range 16 {
			wg.Go(func() {
				for range 200 {
					n := rand.IntN(20 << (10 + rand.IntN(8)))
					size := n
					if rand.IntN(4) == 0 {
						size = -1
					}
					m := body{budget: &b}
					for at := 0; at < n; at += blockSize {
						if m.push(p[at:min(at+blockSize, n)], size) != nil {
							break // overloaded
						}
						b.blocks.mu.Lock()
						if all := b.blocks.used + b.blocks.kept; all > receiving+smalls+1<<20+16*blockSize {
							t.Errorf("%d bytes are allocated", all)
						}
						b.blocks.mu.Unlock()
						time.Sleep(time.Microsecond)
					}
					m.free()
				}
			})
		}
		wg.Wait()
		b.blocks.mu.Lock()
		if b.blocks.used != 0 || b.blocks.kept == 0 {
			t.Errorf("%d bytes are given out, %d kept", b.blocks.used, b.blocks.kept)
		}
		b.blocks.mu.Unlock()
		time.Sleep(2*keepBlocks + time.Second)
		b.blocks.mu.Lock()
		defer b.blocks.mu.Unlock()
		if b.blocks.kept != 0 || len(b.blocks.free) != 0 || b.blocks.sweeping {
			t.Errorf("%d bytes are kept though nobody came", b.blocks.kept)
		}
	})
}

// Blocks that are in use all the time are kept, those that were only needed
// once are not.
func TestWhatIsInUseIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b blocks
		b.put(b.get(otlp.MaxRequest))
		first := b.get(blockSize)
		b.put(first)
		for range 30 {
			time.Sleep(time.Second)
			p := b.get(blockSize)
			if &p[:1][0] != &first[:1][0] {
				t.Fatal("another one")
			}
			b.put(p)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.kept != blockSize {
			t.Errorf("%d bytes are kept", b.kept)
		}
	})
}
