package deliver

import (
	"context"
	"slices"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// triesAlone is how often a span that stands alone must be refused before it
// may be dropped.
const triesAlone = 3

// pauseAlone is the pause before a span that stands alone is tried a second
// time, when nothing else is left of its batch; it doubles from then on. So an
// endpoint that is ill has 700 ms to recover, or to show it, before it is asked
// whether it takes an empty request. That is the weaker proof: an
// OpenTelemetry Collector answers it before it reaches what may be broken.
const pauseAlone = 100 * time.Millisecond

// A part is a range of a batch's spans that are not settled.
type part struct {
	from, to int
	// refused counts how often it was refused since it can't be cut any more.
	refused int
	// since is how many exports the endpoints had taken when it was refused
	// first.
	since uint64
}

// flight is a batch on its way. The parts cover what is not settled, each span
// once. They are a stack, the next one last: halves are sent depth first, so
// that it stays as low as the batch can be halved. Only spans that were refused
// alone wait at its bottom, for the others to show whether the endpoint is well.
type flight struct {
	batch   Batch
	parts   []part
	counts  []int // spans of each chunk; nil as long as nothing was cut
	scratch []byte
}

// fly sends a batch until all of it is settled.
func (d *Deliverer) fly(ctx context.Context, b Batch) {
	defer b.Done()
	if b.Spans() == 0 {
		return
	}
	f := flight{batch: b, parts: []part{{to: b.Spans()}}}
	var last *endpoint
	for len(f.parts) > 0 {
		attempt, err := d.next(ctx, &f, last)
		switch {
		case ctx.Err() != nil:
			if err == nil {
				d.endpoints.release(attempt, Answer{}, 0)
			}
			f.drop(ledger.Shutdown)
			return
		case err != nil && time.Since(b.Oldest()) >= d.options().MaxAge:
			f.drop(ledger.Expired)
			return
		case err != nil:
			continue // the limit has been raised meanwhile
		}
		last = attempt.endpoint
		p := f.parts[len(f.parts)-1]
		if attempt.ask || attempt.progress <= p.since && (p.refused >= triesAlone || p.refused > 0 && attempt.picky) {
			d.export(ctx, attempt, nil, 0) // does it take anything at all?
			continue
		}
		answer, now := d.export(ctx, attempt, f.chunks(p), b.Spans())
		p = f.sent(p, &answer)
		switch answer.Verdict {
		case Taken:
			d.endpoints.gaveUp(last, ledger.Rejected, f.taken(p, answer.Rejected))
			last = nil
		case Refused:
			d.endpoints.gaveUp(last, answer.Reason, f.refused(p, answer.Reason, now))
		case NoAnswer, Later, Held:
		}
	}
}

// next waits until an endpoint may be tried with the next part, or until the
// batch is too old. An attempt that has begun is not ended by age.
func (d *Deliverer) next(ctx context.Context, f *flight, last *endpoint) (attempt, error) {
	fresh, cancel := context.WithDeadline(ctx, f.batch.Oldest().Add(d.options().MaxAge))
	defer cancel()
	p := f.parts[len(f.parts)-1]
	if p.refused > 0 && !d.endpoints.mayHurry(last, p.since) {
		select {
		case <-fresh.Done():
		case <-time.After(pauseAlone << min(p.refused-1, 4)):
		}
	}
	return d.endpoints.acquire(fresh, last)
}

// export makes one attempt. It returns the answer, and how far the endpoints
// have come by then.
func (d *Deliverer) export(ctx context.Context, a attempt, chunks [][]byte, spans int) (Answer, progress) {
	opt := d.options()
	timed, cancel := context.WithTimeout(ctx, opt.Timeout)
	defer cancel()
	answer := opt.Transport.Export(timed, a.endpoint.target, chunks)
	if answer.Verdict != Taken && ctx.Err() != nil {
		answer = Answer{}
	}
	return answer, d.endpoints.release(a, answer, spans)
}

// sent divides the last part where less of it was sent, and returns the part
// that was.
func (f *flight) sent(p part, a *Answer) part {
	n, all := a.Sent, p.to-p.from
	if n == 0 || n >= all {
		return p
	}
	if !f.canCut(p) {
		a.Rejected += int64(all - n) // nobody knows which they are
		return p
	}
	f.pop()
	rest := part{from: p.from + n, to: p.to}
	p.to = rest.from
	f.parts = append(f.parts, rest, p)
	return p
}

// taken settles the last part. It returns how many spans of it were dropped.
func (f *flight) taken(p part, rejected int64) (dropped int) {
	n := p.to - p.from
	out := int(min(max(rejected, 0), int64(n)))
	f.settle(ledger.Rejected, out)
	if n > out {
		f.batch.Delivered(n - out)
	}
	f.pop()
	return out
}

// refused halves the last part or, when it can't be halved, lets it wait at
// the bottom; or drops it, when it has waited long enough. It returns how many
// spans were dropped.
func (f *flight) refused(p part, reason ledger.DropReason, now progress) (dropped int) {
	f.pop()
	switch {
	case f.canCut(p):
		middle := p.from + (p.to-p.from)/2
		f.parts = append(f.parts, part{from: middle, to: p.to}, part{from: p.from, to: middle})
		return 0
	case p.refused == 0:
		p.since = now.all
	}
	p.refused++
	if p.refused >= triesAlone && now.this > p.since {
		f.settle(reason, p.to-p.from)
		return p.to - p.from
	}
	f.parts = slices.Insert(f.parts, 0, p)
	return 0
}

// drop gives up all that is left.
func (f *flight) drop(reason ledger.DropReason) {
	n := 0
	for _, p := range f.parts {
		n += p.to - p.from
	}
	f.settle(reason, n)
	f.parts = nil
}

func (f *flight) settle(reason ledger.DropReason, n int) {
	if n > 0 {
		f.batch.Dropped(reason, n)
	}
}

func (f *flight) pop() { f.parts = f.parts[:len(f.parts)-1] }

// canCut says whether a part has two spans that can be told apart.
func (f *flight) canCut(p part) bool {
	if f.counts == nil {
		sum := 0
		for _, c := range f.batch.Chunks() {
			n := otlp.Count(c)
			f.counts = append(f.counts, n)
			sum += n
		}
		if sum != f.batch.Spans() {
			f.counts = f.counts[:0] // not what the batch says of itself: all or nothing
		}
	}
	return len(f.counts) > 0 && p.to-p.from > 1
}

// chunks are the frames of a part: chunks of the batch as they are where all
// of their spans are wanted, and copies of at most two others in scratch.
func (f *flight) chunks(p part) [][]byte {
	whole := f.batch.Chunks()
	if p.from == 0 && p.to == f.batch.Spans() {
		return whole
	}
	f.scratch = f.scratch[:0]
	var out [][]byte
	first := 0 // number of the chunk's first span
	for i, n := range f.counts {
		from, to := max(p.from-first, 0), min(p.to-first, n)
		switch {
		case from >= to:
		case to-from == n:
			out = append(out, whole[i])
		default:
			had := len(f.scratch)
			f.scratch = otlp.Extract(f.scratch, whole[i], from, to)
			out = append(out, f.scratch[had:])
		}
		first += n
	}
	return out
}
