package buffer

import (
	"errors"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// The answers to spans that do not enter the answered queue. The lane has
// counted them.
var (
	// ErrFull means that there is no room now.
	ErrFull error = ledger.Refused{Reason: ledger.QueueFull}
	// ErrDisk means that the disk can't be written, and SyncAlways promises that
	// nothing is taken then.
	ErrDisk error = ledger.Refused{Reason: ledger.QueueFull, Disk: true}
	// ErrUnsure means that the disk failed, or was too slow, when the spans were
	// on their way: they may be delivered, and may not survive.
	ErrUnsure error = ledger.Refused{Reason: ledger.QueueFull, Disk: true, Unsure: true}
	// ErrTooBig means that there would be no room in an empty queue either.
	ErrTooBig error = ledger.Refused{Reason: ledger.RequestTooBig}
)

// Waits says whether Answered and AnsweredAll may wait, for a disk. In memory
// they take a copy, and a lock that is held shortly.
func (l *Lane) Waits() bool { return l.store != nil }

// Answered enters a frame of so many spans whose sender waits for an answer.
// frame is copied. The error is ErrFull, when nothing was kept. With a disk it
// returns when the frame is there, as far as DiskOptions.Sync says, and the error
// may be ErrDisk or ErrUnsure as well.
func (l *Lane) Answered(frame []byte, spans int) error {
	now := time.Now()
	l.mu.Lock()
	err := l.refuses(len(frame))
	if err == nil && !l.append(&l.answered, frame, spans, now) {
		err = ErrFull
	}
	if err != nil {
		l.account.Refused[ledger.QueueFull]++
		l.full()
		l.mu.Unlock()
		return err
	}
	l.account.Accepted += uint64(spans)
	kept := l.keeping()
	l.mu.Unlock()
	return l.await(kept)
}

// AnsweredAll enters the frames of one request whose sender waits for an
// answer: all of them, or none. cut hands them to put one by one, which copies
// them; an error of cut is returned, and nothing was kept. size is about what
// they have in all, in bytes; a request that can't fit fails before the first.
// The lane's own errors are ErrFull and ErrTooBig; and with a disk it waits,
// and fails, as Answered does.
//
// The lane is not locked while cut works. What is put takes memory of the
// answered queue at once, but is not in it before the end.
func (l *Lane) AnsweredAll(size int, cut func(put func(frame []byte, spans int) error) error) error {
	e := entry{lane: l}
	err := e.room(size)
	if err == nil {
		err = cut(e.put)
	}
	if err != nil {
		e.cancel(err)
		return err
	}
	return l.await(e.commit(time.Now()))
}

// An entry is the frames of one request on their way into the answered queue.
type entry struct {
	lane   *Lane
	chunks []*chunk
	memory int // of the chunks; the queue's memory has it already
}

// room says whether size more bytes could be put.
func (e *entry) room(size int) error {
	l := e.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.fits(size)
}

func (e *entry) fits(n int) error {
	l := e.lane
	if e.memory+n > l.largest() {
		return ErrTooBig
	}
	if err := l.refuses(n); err != nil {
		return err
	}
	if !l.roomAnswered(n) {
		return ErrFull
	}
	return nil
}

func (e *entry) put(frame []byte, spans int) error {
	if last := len(e.chunks) - 1; last >= 0 && len(e.chunks[last].frames)+len(frame) <= cap(e.chunks[last].frames) {
		e.chunks[last].append(frame, spans, time.Time{})
		return nil
	}
	c, err := e.alloc(chunkSize(len(frame)))
	if err != nil {
		return err
	}
	c.append(frame, spans, time.Time{})
	e.chunks = append(e.chunks, c)
	return nil
}

func (e *entry) alloc(need int) (*chunk, error) {
	l := e.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := e.fits(need); err != nil {
		return nil, err
	}
	if !l.makeRoom(&l.answered, need) {
		return nil, ErrFull
	}
	c := l.alloc(need)
	e.memory += c.size()
	l.answered.reserve(c.size())
	return c, nil
}

func (e *entry) commit(now time.Time) *pass {
	l := e.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	q := &l.answered
	for _, c := range e.chunks {
		c.oldest, c.newest = now, now
		q.push(c)
		l.account.Accepted += uint64(c.spans)
		if q.disk != nil {
			q.disk.appended(c, len(c.frames), now)
		}
	}
	l.notify()
	return l.keeping()
}

// cancel gives the memory back, and counts an error of the lane.
func (e *entry) cancel(err error) {
	l := e.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range e.chunks {
		l.answered.wait -= c.size()
		l.free(&l.answered, c)
	}
	if r, ok := errors.AsType[ledger.Refused](err); ok {
		l.account.Refused[r.Reason]++
		if r.Reason == ledger.QueueFull {
			l.full()
		}
	}
}
