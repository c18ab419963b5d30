package disklog

import "errors"

// Dropped tells what DropOldest has given up.
type Dropped struct {
	First   uint64 // sequence numbers First..Last, both included
	Last    uint64
	Records uint64 // that were not acknowledged
	Weight  uint64 // of those
	Unread  uint64 // weight of those that Next had not returned, nor SkipTo passed over
	Bytes   int64  // of the segment
}

// DropOldest gives up the oldest segment with unacknowledged records, to free
// its space, if all of them come before the record limit; the zero Dropped says
// that there is none. Next goes on behind it.
//
// Records of it that are in the caller's hands, because Next has returned them,
// are the caller's to count: Dropped.Unread is what is gone otherwise. To
// acknowledge them later changes nothing.
//
// The records are given up even if an error is returned, which says that the
// file could not be removed and still takes space, or that the position could
// not be saved: a later process then counts what is missing as Lost.
func (l *Log) DropOldest(limit uint64) (Dropped, error) {
	l.saving.Lock()
	defer l.saving.Unlock()
	d, ok, err := l.drop(limit)
	if !ok || err != nil {
		return d, err
	}
	l.mu.Lock()
	s := l.snapshot()
	l.mu.Unlock()
	// Even if the position can't be saved: the space is needed more.
	err = errors.Join(l.write(s, true), l.removeFinished(s.low.seq))
	if l.reading.TryLock() { // a reader that is at work will see for itself
		l.mu.Lock()
		l.reader.leaveRemoved()
		l.mu.Unlock()
		l.reading.Unlock()
	}
	return d, err
}

func (l *Log) drop(limit uint64) (d Dropped, ok bool, err error) {
	l.appending.Lock()
	defer l.appending.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return d, false, ErrClosed
	}
	low := l.marks.low()
	if low.seq >= l.next.seq {
		return d, false, nil
	}
	i := l.locate(low.seq)
	to, last := l.knownEnd(i)
	if to.seq > limit {
		return d, false, nil
	}
	records, weight := l.acknowledged(to)
	d.Unread = l.marks.undone(max(l.unread, low.seq), to) - weight
	for j := max(i, 0); j <= last && j < len(l.segments); j++ {
		d.Bytes += l.segments[j].size
		l.sealLocked(l.segments[j])
	}
	d.First, d.Last = low.seq, to.seq-1
	d.Records, d.Weight = l.marks.drop(to)
	d.Records, d.Weight = d.Records-records, d.Weight-weight
	l.push(l.marks.end) // passes over the islands that are gone
	return d, true, nil
}
