package deliver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// frame makes a frame of the spans numbered [from, to): a resource for every
// seven, a scope for every three.
func frame(from, to int) []byte {
	var b otlp.Builder
	for r := range slices.Chunk(numbers(from, to), 7) {
		rs := b.Open(otlp.RequestResourceSpans, 500)
		for s := range slices.Chunk(r, 3) {
			ss := b.Open(otlp.ResourceSpansScopeSpans, 200)
			for _, n := range s {
				span := b.Open(otlp.ScopeSpansSpans, 50)
				b.Blob(otlp.SpanTraceID, []byte("sixteen bytes id"))
				b.Blob(otlp.SpanSpanID, binary.BigEndian.AppendUint64(nil, uint64(n)+1))
				b.TextString(otlp.SpanName, "name")
				b.Close(span)
			}
			b.Close(ss)
		}
		b.Close(rs)
	}
	return b.Bytes()
}

func numbers(from, to int) (n []int) {
	for i := from; i < to; i++ {
		n = append(n, i)
	}
	return n
}

// spanNumbers reads which spans are in a request.
func spanNumbers(t testing.TB, chunks [][]byte) (n []int) {
	request := slices.Concat(chunks...)
	if _, err := otlp.Check(request); err != nil {
		t.Errorf("a request is malformed: %v", err)
	}
	for s := range otlp.Spans(request) {
		n = append(n, int(binary.BigEndian.Uint64(s.SpanID[:]))-1)
	}
	return n
}

// fakeBatch panics when a span is settled twice, or not at all.
type fakeBatch struct {
	from   int
	spans  int
	oldest time.Time
	frames [][]byte

	mu        sync.Mutex
	left      int
	delivered int
	dropped   ledger.Drops
	done      bool
}

// newBatch makes a batch of the spans numbered [from, from+spans), in a few chunks.
func newBatch(from, spans int) *fakeBatch {
	b := &fakeBatch{from: from, spans: spans, left: spans, oldest: time.Now()}
	const perChunk = 300
	for at := 0; at < spans; at += perChunk {
		b.frames = append(b.frames, frame(from+at, from+min(at+perChunk, spans)))
	}
	return b
}

func (b *fakeBatch) Chunks() [][]byte  { return b.frames }
func (b *fakeBatch) Spans() int        { return b.spans }
func (b *fakeBatch) Oldest() time.Time { return b.oldest }

func (b *fakeBatch) Delivered(n int) {
	b.settle(n)
	b.delivered += n
}

func (b *fakeBatch) Dropped(r ledger.DropReason, n int) {
	b.settle(n)
	b.dropped[r] += uint64(n)
}

func (b *fakeBatch) settle(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n <= 0 || n > b.left || b.done {
		panic(fmt.Sprintf("%d spans settled with %d left, done %v", n, b.left, b.done))
	}
	b.left -= n
}

func (b *fakeBatch) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left != 0 || b.done {
		panic(fmt.Sprintf("done with %d spans left, done %v", b.left, b.done))
	}
	b.done = true
	for _, f := range b.frames {
		clear(f) // who uses them now is found out
	}
}

// fakeEndpoints answers as the test wants. It keeps account of which spans
// were taken, how often.
type fakeEndpoints struct {
	t      testing.TB
	answer func(ctx context.Context, endpoint string, spans []int) Answer

	mu       sync.Mutex
	taken    map[int]int
	requests []request
	inFlight map[string]int
	most     map[string]int // in flight
}

type request struct {
	endpoint string
	at       time.Time
	spans    int
}

func newFake(t testing.TB, answer func(ctx context.Context, endpoint string, spans []int) Answer) *fakeEndpoints {
	return &fakeEndpoints{
		t: t, answer: answer, taken: map[int]int{}, inFlight: map[string]int{}, most: map[string]int{},
	}
}

func (f *fakeEndpoints) Export(ctx context.Context, to Target, chunks [][]byte) Answer {
	endpoint := to.label()
	spans := spanNumbers(f.t, chunks)
	f.mu.Lock()
	f.requests = append(f.requests, request{endpoint, time.Now(), len(spans)})
	f.inFlight[endpoint]++
	f.most[endpoint] = max(f.most[endpoint], f.inFlight[endpoint])
	f.mu.Unlock()
	a := f.answer(ctx, endpoint, spans)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight[endpoint]--
	if a.Verdict == Taken {
		for _, n := range spans {
			f.taken[n]++
		}
	}
	return a
}

// count is the number of requests that pass a filter.
func (f *fakeEndpoints) count(pass func(request) bool) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if pass(r) {
			n++
		}
	}
	return n
}

func every(request) bool { return true }

func ok() Answer    { return Answer{Verdict: Taken} }
func later() Answer { return Answer{Verdict: Later, Err: errors.New("UNAVAILABLE: busy")} }
func refused() Answer {
	return Answer{Verdict: Refused, Reason: ledger.Rejected, Err: errors.New("INVALID_ARGUMENT: no")}
}
func hang(c context.Context) Answer { <-c.Done(); return Answer{Verdict: Later, Err: c.Err()} }

// rig runs a Deliverer on fakes.
type rig struct {
	*Deliverer
	fake    *fakeEndpoints
	batches []*fakeBatch
	queue   chan Batch
	log     *strings.Builder
	stop    context.CancelFunc
	result  chan error
}

// start runs a Deliverer that sends to fake. Batches are given to it with send.
func start(t testing.TB, fake *fakeEndpoints, endpoints ...string) *rig {
	if endpoints == nil {
		endpoints = []string{"a"}
	}
	return startOn(t, fake, fake, endpoints...)
}

// startOn is start with a transport that brings to fake's account what is taken.
func startOn(t testing.TB, transport Transport, fake *fakeEndpoints, endpoints ...string) *rig {
	log := &strings.Builder{}
	r := &rig{fake: fake, queue: make(chan Batch, 100), log: log, result: make(chan error, 1)}
	opt := Options{Endpoints: endpoints, Timeout: 10 * time.Second, MaxAge: 24 * time.Hour, Transport: transport}
	r.Deliverer = New(opt, slog.New(slog.NewTextHandler(log, nil)), func(ctx context.Context) (Batch, error) {
		select {
		case b, open := <-r.queue:
			if !open {
				return nil, io.EOF
			}
			return b, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() { r.result <- r.Run(ctx) }()
	return r
}

func (r *rig) send(spans ...int) {
	from := 0
	for _, b := range r.batches {
		from += b.spans
	}
	for _, n := range spans {
		b := newBatch(from, n)
		from += n
		r.batches = append(r.batches, b)
		r.queue <- b
	}
}

// finish lets the Deliverer deliver what it has and checks the account: every
// span is delivered or dropped, once. It returns what was dropped.
func (r *rig) finish(t testing.TB) (dropped ledger.Drops) {
	t.Helper()
	close(r.queue)
	return r.wait(t)
}

func (r *rig) wait(t testing.TB) (dropped ledger.Drops) {
	t.Helper()
	if err := <-r.result; err != nil {
		t.Errorf("Run: %v", err)
	}
	r.stop()
	delivered, all := 0, 0
	for _, b := range r.batches {
		if !b.done {
			t.Errorf("a batch is not done")
		}
		all += b.spans
		delivered += b.delivered
		for reason, n := range b.dropped.All {
			dropped[reason] += n
		}
	}
	if delivered+int(dropped.Sum()) != all {
		t.Errorf("%d delivered + %v dropped of %d", delivered, dropped, all)
	}
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	if len(r.fake.taken) < delivered {
		t.Errorf("%d delivered, but the endpoints have only %d", delivered, len(r.fake.taken))
	}
	for n, times := range r.fake.taken {
		if times != 1 {
			t.Errorf("span %d was taken %d times", n, times)
		}
	}
	return dropped
}
