package buffer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

var options = Options{Memory: 1 << 20, MaxAge: time.Hour, BatchBytes: 128 << 10, BatchAge: time.Second}

// frame returns n bytes that say who they are.
func frame(id byte, n int) []byte { return bytes.Repeat([]byte{id}, n) }

// check fails the test if the lane's account does not add up, and returns it.
func check(t *testing.T, l *Lane) ledger.Lane {
	t.Helper()
	s := l.Snapshot()
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if got := s.Buffer.Answered + s.Buffer.Datagram; got > s.Buffer.Limit {
		t.Errorf("%d bytes are held, the limit is %d", got, s.Buffer.Limit)
	}
	return s
}

func deliver(b *Batch) {
	b.Delivered(b.Spans())
	b.Done()
}

func TestFramesComeOutInOrderAndWhole(t *testing.T) {
	l := NewLane("default", options)
	var want []byte
	for i := range 40 {
		f := frame(byte(i), 5000+i)
		l.Datagram(f, 10, ledger.LeftOut{})
		want = append(want, f...)
	}
	check(t, l)
	l.Flush()
	var got []byte
	for {
		b, err := l.Take(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		n := 0
		for _, c := range b.Chunks() {
			got = append(got, c...)
			n += len(c)
		}
		if n > options.BatchBytes {
			t.Errorf("a batch of %d bytes", n)
		}
		check(t, l)
		deliver(b)
	}
	if !bytes.Equal(got, want) {
		t.Error("what came out is not what went in")
	}
	if s := check(t, l); s.Accepted != 400 || s.Delivered != 400 || s.Buffer.Datagram != 0 {
		t.Errorf("%+v", s)
	}
}

func TestBatchIsDueByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLane("default", options)
		time.AfterFunc(3*time.Second, func() { l.Datagram(frame(1, 100), 1, ledger.LeftOut{}) })
		start := time.Now()
		b, err := l.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != 4*time.Second {
			t.Errorf("taken after %v, want 3 s until it came and 1 s of age", got)
		}
		deliver(b)
		check(t, l)
	})
}

func TestBatchIsDueBySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLane("default", options)
		start := time.Now()
		time.AfterFunc(time.Millisecond, func() {
			for range 3 {
				l.Datagram(frame(1, 60_000), 1, ledger.LeftOut{})
			}
		})
		b, err := l.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != time.Millisecond {
			t.Errorf("taken after %v", got)
		}
		if b.Spans() != 2 {
			t.Errorf("%d spans, want the two that fit", b.Spans())
		}
		deliver(b)
		check(t, l)
	})
}

func TestTakeEndsWithItsContext(t *testing.T) {
	l := NewLane("default", options)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Take(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestFullDatagramQueueDropsItsOldest(t *testing.T) {
	l := NewLane("default", options)
	const frames = 100 // of 60,000 bytes, each in a chunk of its own
	for i := range frames {
		l.Datagram(frame(byte(i), 60_000), 1, ledger.LeftOut{})
	}
	s := check(t, l)
	held := options.Memory / chunkBytes
	if got := s.Dropped[ledger.BufferFull]; got != uint64(frames-held) {
		t.Errorf("%d spans dropped, want %d", got, frames-held)
	}
	b, _ := l.Take(t.Context())
	if got := b.Chunks()[0][0]; got != byte(frames-held) {
		t.Errorf("the oldest that is left is number %d, want %d", got, frames-held)
	}
	deliver(b)
}

func TestFullAnsweredQueueRefuses(t *testing.T) {
	l := NewLane("default", options)
	var kept int
	for {
		if err := l.Answered(frame(1, 60_000), 1); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
		kept++
	}
	if want := options.Memory / 2 / chunkBytes; kept != want {
		t.Errorf("%d frames kept, want half of the buffer, %d", kept, want)
	}
	for range 1000 {
		l.Datagram(frame(2, 60_000), 1, ledger.LeftOut{})
	}
	s := check(t, l)
	if got := s.Accepted - s.Dropped[ledger.BufferFull]; got != uint64(2*kept) {
		t.Errorf("%d spans held, want %d answered ones and as many datagrams", got, kept)
	}
	if s.Refused[ledger.QueueFull] != 1 {
		t.Errorf("refused %d", s.Refused[ledger.QueueFull])
	}
}

// Datagrams may use what answered spans leave free, but must yield it.
func TestAnsweredTakesItsHalfBackFromDatagrams(t *testing.T) {
	l := NewLane("default", options)
	for range 1000 {
		l.Datagram(frame(2, 60_000), 1, ledger.LeftOut{})
	}
	if s := check(t, l); s.Buffer.Datagram != options.Memory {
		t.Errorf("datagrams hold %d bytes of an empty buffer of %d", s.Buffer.Datagram, options.Memory)
	}
	for range options.Memory / 2 / chunkBytes {
		if err := l.Answered(frame(1, 60_000), 1); err != nil {
			t.Fatal(err)
		}
	}
	check(t, l)
}

func TestInFlightIsNeverDroppedAndAtMostAQuarter(t *testing.T) {
	l := NewLane("default", options)
	for i := range 16 {
		l.Datagram(frame(byte(i), 60_000), 1, ledger.LeftOut{})
	}
	var flying []*Batch
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for {
		b, err := l.Take(ctx)
		if err != nil {
			break
		}
		flying = append(flying, b)
	}
	if s := check(t, l); s.Buffer.InFlight != options.Memory/4 {
		t.Errorf("%d bytes in flight, want %d", s.Buffer.InFlight, options.Memory/4)
	}
	for range 1000 {
		l.Datagram(frame(99, 60_000), 1, ledger.LeftOut{})
	}
	for i, c := range append(flying[0].Chunks(), flying[1].Chunks()...) {
		if !bytes.Equal(c, frame(byte(i), 60_000)) {
			t.Errorf("chunk %d in flight was changed", i)
		}
	}
	for _, b := range flying {
		deliver(b)
	}
	check(t, l)
	if b, err := l.Take(t.Context()); err != nil || b.Chunks()[0][0] != 99 {
		t.Errorf("after Done: %v", err)
	} else {
		deliver(b)
	}
}

func TestDeliveryAlternates(t *testing.T) {
	l := NewLane("default", options)
	for range 4 {
		l.Datagram(frame('d', 60_000), 1, ledger.LeftOut{})
		if err := l.Answered(frame('a', 60_000), 1); err != nil {
			t.Fatal(err)
		}
	}
	l.Flush()
	var order []byte
	for {
		b, err := l.Take(t.Context())
		if err != nil {
			break
		}
		order = append(order, b.Chunks()[0][0])
		deliver(b)
	}
	if string(order) != "dada" {
		t.Errorf("order %s", order)
	}
	check(t, l)
}

func TestOldSpansExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options
		opt.MaxAge = time.Minute
		opt.BatchAge = 2 * time.Minute // nothing is taken before it expires
		l := NewLane("default", opt)
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		l.Datagram(frame(1, 100), 7, ledger.LeftOut{})
		time.AfterFunc(45*time.Second, func() { l.Datagram(frame(1, 100), 1, ledger.LeftOut{}) })
		if _, err := l.Take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		s := check(t, l)
		if s.Dropped[ledger.Expired] != 7 || s.Buffered != 1 {
			t.Errorf("%+v", s.Account)
		}
	})
}

// Spans of a batch expire together, so they must be about of one age: light
// traffic while the collector is away for long fills chunks hours apart.
func TestBatchHoldsSpansOfOneAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options
		opt.MaxAge = 24 * time.Hour
		l := NewLane("default", opt)
		for range 20 {
			l.Datagram(frame(1, 100), 1, ledger.LeftOut{})
			time.Sleep(25 * time.Minute)
		}
		l.Flush()
		for {
			b, err := l.Take(t.Context())
			if err != nil {
				break
			}
			if b.Spans() > 1 {
				t.Errorf("%d spans, 25 minutes apart each, in one batch", b.Spans())
			}
			deliver(b)
		}
		check(t, l)
	})
}

// Chunks that are kept for use again are memory, too.
func TestLargeFramesDoNotAddToWhatIsKept(t *testing.T) {
	l := NewLane("default", options)
	for range 16 {
		l.Datagram(frame(1, 60_000), 1, ledger.LeftOut{})
	}
	for range 100 {
		l.Datagram(frame(1, 100_000), 1, ledger.LeftOut{})
		if held := check(t, l).Buffer.Datagram + l.spare.bytes; held > options.Memory {
			t.Fatalf("%d bytes are held, the limit is %d", held, options.Memory)
		}
	}
}

func TestLeftOutSpansAreAcceptedAndDropped(t *testing.T) {
	l := NewLane("default", options)
	l.Datagram(nil, 0, ledger.LeftOut{Invalid: 2, TooBig: 1})
	l.LeftOut(ledger.LeftOut{Invalid: 1, TooBig: 1})
	s := check(t, l)
	if s.Accepted != 5 || s.Dropped[ledger.Invalid] != 3 || s.Dropped[ledger.TooBig] != 2 {
		t.Errorf("%+v", s.Account)
	}
}

func TestCloseDropsTheRestAsShutdown(t *testing.T) {
	l := NewLane("default", options)
	l.Datagram(frame(1, 100), 5, ledger.LeftOut{})
	if err := l.Answered(frame(1, 100), 6); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if s := check(t, l); s.Dropped[ledger.Shutdown] != 11 || s.Buffered != 0 {
		t.Errorf("%+v", s.Account)
	}
}

func TestShrinkingDropsDatagramsAtOnce(t *testing.T) {
	l := NewLane("default", options)
	for range 16 {
		l.Datagram(frame(1, 60_000), 1, ledger.LeftOut{})
	}
	opt := options
	opt.Memory /= 2
	l.SetOptions(opt)
	if s := check(t, l); s.Dropped[ledger.BufferFull] != 8 {
		t.Errorf("%+v", s.Account)
	}
}

// A frame that is lost on purpose must turn the ledger's check red: buffered
// is counted, not computed.
func TestLostFrameIsFound(t *testing.T) {
	l := NewLane("default", options)
	l.Datagram(frame(1, 60_000), 4, ledger.LeftOut{})
	l.Datagram(frame(1, 60_000), 4, ledger.LeftOut{})
	check(t, l)
	l.mu.Lock()
	l.datagram.pop(&l.datagram.chunks) // and nobody is told
	l.mu.Unlock()
	if err := l.Snapshot().Check(); err == nil {
		t.Error("4 spans vanished and the account adds up")
	}
}

func TestUnsettledBatchPanics(t *testing.T) {
	l := NewLane("default", options)
	l.Datagram(frame(1, 100), 4, ledger.LeftOut{})
	l.Flush()
	b, _ := l.Take(t.Context())
	b.Delivered(3)
	defer func() {
		if recover() == nil {
			t.Error("a span was forgotten and nobody noticed")
		}
	}()
	b.Done()
}

// Any order of calls keeps the account and the bound.
func TestRandomWalk(t *testing.T) {
	block := make([]byte, 100_000)
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		opt := options
		opt.Memory = 512<<10 + rng.IntN(1<<20)
		l := NewLane("default", opt)
		var flying []*Batch
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // Take returns at once
		for range 2000 {
			switch rng.IntN(6) {
			case 0, 1:
				l.Datagram(block[:1+rng.IntN(len(block))], 1+rng.IntN(20), ledger.LeftOut{Invalid: rng.IntN(2)})
			case 2, 3:
				if l.Answered(block[:1+rng.IntN(len(block))], 1+rng.IntN(20)) == nil {
					l.LeftOut(ledger.LeftOut{Invalid: rng.IntN(2), TooBig: rng.IntN(2)})
				}
			case 4:
				if b, err := l.Take(ctx); err == nil {
					flying = append(flying, b)
				}
			case 5:
				if len(flying) == 0 {
					continue
				}
				b := flying[0]
				flying = flying[1:]
				n := rng.IntN(b.Spans() + 1)
				b.Delivered(n)
				b.Dropped(ledger.Rejected, b.Spans()-n)
				b.Done()
			}
			if check(t, l); t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

func BenchmarkDatagram(b *testing.B) {
	opt := options
	opt.Memory = 8 << 20
	l := NewLane("default", opt)
	f := frame(1, 9000)
	b.ReportAllocs()
	for b.Loop() {
		l.Datagram(f, 20, ledger.LeftOut{})
	}
}
