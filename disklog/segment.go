package disklog

import "time"

// A segment is one file of records. Log.mu guards it, unless a field says
// otherwise; base, salt and name never change.
type segment struct {
	name    string
	base    point // weight may be unknownWeight if the header is damaged
	salt    uint32
	rank    uint32
	created time.Time

	size    int64 // in bytes, what has been published
	file    File  // to write and sync; nil when neither will happen any more
	synced  int64 // in bytes, what is known to be on the disk
	entry   bool  // its entry in the directory is on the disk
	failed  error // of an fsync: nothing in the page cache can be trusted to reach the disk
	sealed  bool  // nothing is appended to it any more
	removed bool

	cache cache
}

// dirty reports whether something of a segment is not known to be on the disk.
func (s *segment) dirty() bool { return s.synced < s.size || !s.entry }

// seal ends a segment. The caller has Log.appending; sealLocked's has mu as well.
func (l *Log) seal(s *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealLocked(s)
}

func (l *Log) sealLocked(s *segment) {
	s.sealed = true
	if l.writer.active == s {
		l.writer.active = nil
	}
	s.release()
}

// release closes the file of a segment that is complete and on the disk.
func (s *segment) release() {
	if s.sealed && !s.dirty() && s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// locate returns the index of the segment that has seq, if any has: the last
// one that begins at or before it. Later segments overlap earlier ones where
// records were copied, and then have what the earlier ones should have. It
// returns -1 if all segments begin later.
func (l *Log) locate(seq uint64) int {
	low, high := 0, len(l.segments)
	for low < high {
		if mid := (low + high) / 2; l.segments[mid].base.seq <= seq {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 1
}

// end is the point at which the segment with index i ends: where the next
// begins.
func (l *Log) end(i int) point {
	if i+1 < len(l.segments) {
		return l.segments[i+1].base
	}
	return l.next
}

// knownEnd is the first point from the end of the segment with index i on
// whose weight is known, and the index of the segment that ends there.
func (l *Log) knownEnd(i int) (point, int) {
	for ; ; i++ {
		if p := l.end(i); p.weight != unknownWeight {
			return p, i
		}
	}
}
