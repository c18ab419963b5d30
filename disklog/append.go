package disklog

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"time"
)

// Pending is a record that is to be appended.
type Pending struct {
	Weight uint64    // in units of the caller's
	Time   time.Time // when it came
	Data   [][]byte  // its pieces, put end to end; they are not kept
}

// writer is what Append works with.
type writer struct {
	active *segment // to which is appended; nil: the next Append begins one
	left   *segment // that failed when it was begun, and could not be removed; or nil
	heads  []byte   // headers of the records of one Append
	pieces [][]byte // all that one Append writes
}

const (
	// maxRecordBytes bounds a record's data: what a reader can be made to
	// allocate at once.
	maxRecordBytes = 1 << 30
	// maxAhead is how many records are marked before they are read: 256 KiB of
	// marks. Of those beyond it the headers are read again, if they are
	// acknowledged without having been read.
	maxAhead = 16 << 10
	// maxUnsynced is how many segments may wait for a Sync, each with an open
	// file; Append does not begin another before they are synced.
	maxUnsynced = 16
)

// Append writes records, and returns the sequence number of the first; the
// others follow one by one. They go into one segment with one system call, and
// are safe from the end of this process from then on, and from that of the
// machine after the next Sync.
//
// On an error none of them is in the log. After a power failure, or if the disk
// is so broken that what was written in part can't be taken back either, a later
// process may yet find some of them, until others were appended, and synced, in
// their place.
func (l *Log) Append(recs ...Pending) (first uint64, err error) {
	first, waiting, err := l.append(recs)
	if err == nil && waiting > maxUnsynced {
		// Nobody calls Sync. Its error is told by the next one: these records are
		// in the log.
		_ = l.Sync()
	}
	return first, err
}

func (l *Log) append(recs []Pending) (first uint64, waiting int, err error) {
	l.appending.Lock()
	defer l.appending.Unlock()
	l.mu.Lock()
	next, closed, dirFailures := l.next, l.closed, l.dirFailures
	l.mu.Unlock()
	if closed {
		return 0, 0, ErrClosed
	}
	if len(recs) == 0 {
		return next.seq, 0, nil
	}

	w := &l.writer
	total, err := measure(recs, next)
	if err != nil {
		return 0, 0, err
	}
	now := l.opt.Now()
	if w.active != nil && !l.accepts(w.active, total, now) {
		l.seal(w.active)
	}
	seg := w.active
	if seg == nil {
		if seg, err = l.begin(next, now); err != nil {
			return 0, 0, err
		}
	}
	size := seg.size // only appending changes it
	end := w.prepare(seg, recs, next)
	n, err := seg.file.WriteVec(w.pieces, size)
	clear(w.pieces)
	if err != nil {
		return 0, 0, fmt.Errorf("append to %s: %w", seg.name, l.takeBack(seg, err))
	}
	w.active = seg
	failed := seg.cache.wrote(seg.file, size+int64(n))

	l.mu.Lock()
	defer l.mu.Unlock()
	if size == 0 {
		l.segments = append(l.segments, seg)
		if l.dirFailures > dirFailures { // after it was made, perhaps
			seg.failed = l.dirFailed
		}
	}
	seg.size += int64(n)
	l.bytes += int64(n)
	if failed != nil {
		seg.failed = failed
		l.sealLocked(seg)
	}
	if l.marks.end == next && l.marks.ahead(l.unread)+len(recs) <= maxAhead {
		for _, r := range recs {
			l.push(point{l.marks.end.seq + 1, l.marks.end.weight + r.Weight})
		}
	}
	l.next = end
	if size == 0 {
		for _, s := range l.segments {
			if s.file != nil {
				waiting++
			}
		}
	}
	return next.seq, waiting, nil
}

// accepts reports whether so many bytes more may go into a segment.
func (l *Log) accepts(seg *segment, n int64, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return seg.size+n <= int64(l.opt.SegmentBytes) &&
		(l.opt.SegmentAge <= 0 || now.Sub(seg.created) < l.opt.SegmentAge)
}

// measure returns how many bytes the records take.
func measure(recs []Pending, next point) (total int64, err error) {
	if uint64(len(recs)) > maxSeq-next.seq {
		return 0, fmt.Errorf("%w: no sequence number is left", ErrTooLarge)
	}
	room := maxWeight - next.weight
	for _, r := range recs {
		n := 0
		for _, p := range r.Data {
			n += len(p)
		}
		if n > maxRecordBytes {
			return 0, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, n, maxRecordBytes)
		}
		if r.Weight > room {
			return 0, fmt.Errorf("%w: weight %d", ErrTooLarge, r.Weight)
		}
		room -= r.Weight
		total += recordHeaderBytes + int64(n)
	}
	return total, nil
}

// prepare lists in w.pieces what to write, a new segment's header included, and
// returns the point behind the last record.
func (w *writer) prepare(seg *segment, recs []Pending, at point) point {
	need := len(recs) * recordHeaderBytes
	if seg.size == 0 {
		need += segmentHeaderBytes
	}
	if cap(w.heads) < need {
		w.heads = make([]byte, need)
	}
	heads := w.heads[:need]
	w.pieces = w.pieces[:0]
	if seg.size == 0 {
		seg.header().encode(heads)
		w.pieces = append(w.pieces, heads[:segmentHeaderBytes])
		heads = heads[segmentHeaderBytes:]
	}
	for _, r := range recs {
		h := recordHeader{at: at, weight: r.Weight, nanos: r.Time.UnixNano()}
		for _, p := range r.Data {
			h.length += uint32(len(p))
			h.sum = crc32.Update(h.sum, castagnoli, p)
		}
		h.encode(heads, seg.salt)
		w.pieces = append(w.pieces, heads[:recordHeaderBytes:recordHeaderBytes])
		w.pieces = append(w.pieces, r.Data...)
		heads = heads[recordHeaderBytes:]
		at = h.after()
	}
	return at
}

func (s *segment) header() segmentHeader {
	return segmentHeader{base: s.base, created: s.created.UnixNano(), salt: s.salt, rank: s.rank}
}

// begin makes the file of a new segment, which is empty and in no list yet.
func (l *Log) begin(base point, now time.Time) (*segment, error) {
	seg := &segment{base: base, salt: l.opt.salt(), created: now}
	if left := l.writer.left; left != nil && left.base.seq == base.seq {
		seg.rank = left.rank + 1
	}
	seg.name = seg.header().name()
	f, err := l.fs.OpenFile(l.path(seg.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("new segment: %w", err)
	}
	seg.file = f
	return seg, nil
}

// takeBack undoes a write that failed with err, and returns err with what else
// went wrong.
func (l *Log) takeBack(seg *segment, err error) error {
	if seg.size == 0 {
		seg.file.Close()
		e := l.fs.Remove(l.path(seg.name))
		if e != nil {
			l.writer.left = seg
		}
		return errors.Join(err, e)
	}
	if e := seg.file.Truncate(seg.size); e != nil {
		// What is behind size is not read: the next segment begins with the
		// sequence number that it has.
		l.seal(seg)
		return errors.Join(err, e)
	}
	return err
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
