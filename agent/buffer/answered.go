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
	// ErrTooBig means that there would be no room in an empty queue either.
	ErrTooBig error = ledger.Refused{Reason: ledger.RequestTooBig}
)

// Waits says whether Answered and AnsweredAll may wait, for a disk. In memory
// they take a copy, and a lock that is held shortly.
func (l *Lane) Waits() bool { return false }

// Answered enters a frame of so many spans whose sender waits for an answer.
// frame is copied. The error is ErrFull, when nothing was kept.
func (l *Lane) Answered(frame []byte, spans int) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.append(&l.answered, frame, spans, now) {
		l.account.Refused[ledger.QueueFull]++
		return ErrFull
	}
	l.account.Accepted += uint64(spans)
	return nil
}

// AnsweredAll enters the frames of one request whose sender waits for an
// answer: all of them, or none. cut hands them to put one by one, which copies
// them; an error of cut is returned, and nothing was kept. size is about what
// they have in all, in bytes; a request that can't fit fails before the first.
// The lane's own errors are ErrFull and ErrTooBig.
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
	e.commit(time.Now())
	return nil
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
	half := e.lane.opt.Memory / 2
	switch {
	case e.memory+n > half:
		return ErrTooBig
	case e.lane.answered.memory+n > half:
		return ErrFull
	}
	return nil
}

func (e *entry) put(frame []byte, spans int) error {
	if last := len(e.chunks) - 1; last >= 0 && len(e.chunks[last].frames)+len(frame) <= cap(e.chunks[last].frames) {
		e.chunks[last].append(frame, spans, time.Time{})
		return nil
	}
	c, err := e.alloc(max(len(frame), chunkBytes))
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
	if !l.makeRoom(need) {
		return nil, ErrFull
	}
	e.memory += need
	l.answered.memory += need
	return l.alloc(need), nil
}

func (e *entry) commit(now time.Time) {
	l := e.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	q := &l.answered
	for _, c := range e.chunks {
		c.oldest, c.newest = now, now
		q.chunks = append(q.chunks, c)
		q.bytes += len(c.frames)
		l.account.Accepted += uint64(c.spans)
	}
	l.notify()
}

// cancel gives the memory back, and counts an error of the lane.
func (e *entry) cancel(err error) {
	l := e.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range e.chunks {
		l.release(&l.answered, c)
	}
	if r, ok := errors.AsType[ledger.Refused](err); ok {
		l.account.Refused[r.Reason]++
	}
}
