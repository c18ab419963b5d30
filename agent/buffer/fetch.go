package buffer

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/disklog"
)

// rereadAfter is how long after an error that may pass reading is tried again.
const rereadAfter = time.Second

// fetch reads about a chunk of what is behind, if there is room ahead of Take.
// more says that there may be more to do at once.
func (k *keeper) fetch() (more bool) {
	l, d := k.lane, k.disk
	l.mu.Lock()
	k.takeGiven()
	if !d.fetches() || k.own == nil || time.Now().Before(k.reread) {
		l.mu.Unlock()
		return false
	}
	c := l.alloc(chunkBytes)
	k.queue.memory += c.size()
	acks := d.takeAcks() // what was given up since is passed over
	behind, starts, maxAge, span := d.behind, d.starts, l.opt.MaxAge, l.ageSpan()
	l.mu.Unlock()

	k.ack(acks)
	k.seek(starts)
	r := reading{keeper: k, into: c, behind: behind, maxAge: maxAge, span: span, now: time.Now()}
	err := r.run()
	if err != nil && k.reread.IsZero() { // once for all the tries
		k.log.Warn("the disk buffer can't be read now; it is tried again", "queue", k.name, "error", err, "retry", rereadAfter)
	}
	if k.reread = (time.Time{}); err != nil {
		k.reread = time.Now().Add(rereadAfter)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	d.behind.own -= r.done.own
	d.behind.adopted -= r.done.adopted
	k.lostBeyond(&r)
	for reason, n := range r.lost {
		l.account.Dropped[reason] += n
	}
	if len(c.frames) == 0 {
		l.free(k.queue, c)
	} else {
		d.fetched.push(c)
	}
	if r.apart != nil {
		k.queue.memory += r.apart.size()
		d.fetched.push(r.apart)
	}
	l.notify()
	return d.fetches() && r.done.sum() > 0
}

// reading is one turn of reading.
type reading struct {
	keeper *keeper
	into   *chunk // filled as far as records fit and are of one log and age
	apart  *chunk // with the record that did not fit, the last one
	behind behind // spans that are to be read
	done   behind // spans that have been, whatever became of them
	lost   ledger.Drops
	beyond int // spans of the own log that were lost and not to be read: they were in memory as well
	why    ledger.DropReason
	maxAge time.Duration
	span   time.Duration
	now    time.Time
}

func (r *reading) run() error {
	k := r.keeper
	for _, a := range k.adopted {
		if err := r.from(a.log, &r.done.adopted, r.behind.adopted); err != nil || r.full(a.log) {
			return err
		}
	}
	r.missing(&r.done.adopted, r.behind.adopted)
	if err := r.from(k.own, &r.done.own, r.behind.own); err != nil || r.full(k.own) {
		return err
	}
	r.missing(&r.done.own, r.behind.own)
	return nil
}

// full reports whether nothing more of a log can be read this time.
func (r *reading) full(log *disklog.Log) bool {
	return r.apart != nil || len(r.into.frames) > 0 && (r.into.log != log || cap(r.into.frames)-len(r.into.frames) < minRoom)
}

// minRoom is too little to read another record, in bytes.
const minRoom = 4 << 10

// missing counts what logs should have and have not.
func (r *reading) missing(spans *int, want int) {
	if n := want - *spans; n > 0 {
		r.lost[ledger.Corrupt] += uint64(n)
		*spans += n
	}
}

// from reads records of a log until it has no more, what is read is full, or
// as many spans as wanted have been. An error has cost nothing.
func (r *reading) from(log *disklog.Log, spans *int, want int) error {
	for *spans < want && !r.full(log) {
		rec, err := log.Next(r.into.frames[len(r.into.frames):cap(r.into.frames)])
		if lost, ok := errors.AsType[*disklog.Lost](err); ok {
			n := min(int(lost.Weight), want-*spans)
			*spans += n
			reason := ledger.Corrupt
			if lost.Kind == disklog.Device {
				reason = ledger.DiskLost
			}
			if more := int(lost.Weight) - n; more > 0 && log == r.keeper.own {
				r.beyond, r.why = more, reason
			}
			r.lost[reason] += uint64(n)
			r.keeper.acked = true // the log has it as done with
			r.keeper.log.Warn("spans on disk are lost", "queue", r.keeper.name, "spans", n, "reason", reason, "error", lost)
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		*spans += int(rec.Weight)
		if rec.Time.After(r.now) { // the clock was set back
			rec.Time = r.now
		}
		if r.now.Sub(rec.Time) >= r.maxAge {
			r.lost[ledger.Expired] += rec.Weight
			log.Ack(rec.Seq, rec.Seq)
			r.keeper.acked = true
			continue
		}
		r.keep(log, rec)
	}
	return nil
}

// lostBeyond takes it that what is in memory is no longer on disk, because what
// was lost reached that far. What has been evicted since is lost. The lane's lock
// is held.
func (k *keeper) lostBeyond(r *reading) {
	d := k.disk
	evicted := min(r.beyond, d.behind.own)
	d.behind.own -= evicted
	r.lost[r.why] += uint64(evicted)
	if r.beyond == evicted {
		return
	}
	for _, c := range slices.Backward(k.queue.chunks.list) {
		if c.written > 0 { // all of them, so that the log has the order of the queue
			d.writeAgain(c)
		}
	}
}

// keep puts a record into the chunk, or into one of its own.
func (r *reading) keep(log *disklog.Log, rec disklog.Record) {
	c := r.into
	fits := len(c.frames)+len(rec.Data) <= cap(c.frames)
	if !fits || len(c.frames) > 0 && rec.Time.Sub(c.oldest) > r.span {
		r.apart = &chunk{frames: rec.Data}
		if fits { // it is in the chunk's memory
			r.apart.frames = append(make([]byte, 0, chunkSize(len(rec.Data))), rec.Data...)
		}
		c = r.apart
		c.oldest = rec.Time
	} else {
		if len(c.frames) == 0 {
			c.oldest = rec.Time
		}
		c.frames = c.frames[:len(c.frames)+len(rec.Data)]
	}
	if c.written == 0 {
		c.log, c.first = log, rec.Seq
	}
	c.last, c.newest = rec.Seq, rec.Time
	c.written = len(c.frames)
	c.spans += int(rec.Weight)
	c.spansOnDisk = c.spans
}

// seek tells the own log where what is behind begins: what is before it was
// taken from memory.
func (k *keeper) seek(starts uint64) {
	if starts > k.sought {
		k.own.SkipTo(starts)
		k.sought = starts
	}
}
