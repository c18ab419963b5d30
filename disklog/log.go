package disklog

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// Options are what a log is opened with. The zero value will do.
type Options struct {
	// SegmentBytes is where a segment ends: an Append that would pass it starts
	// a new one, and one that is larger has a segment of its own. 1 to 4 MiB are
	// usual; 0 is 1 MiB.
	SegmentBytes int
	// SegmentAge ends a segment when its first record has been there for so
	// long, so that OldestTime tells the age of all in it; 0: however long.
	SegmentAge time.Duration
	FS         FS               // nil: the operating system's
	Now        func() time.Time // nil: time.Now

	salt func() uint32 // nil: what nobody who sends records can know
}

// A Log is a queue of records on disk. Its methods may be called from any
// goroutine; see the package comment for who waits for whom.
type Log struct {
	dir string
	fs  FS
	opt Options

	// Locks are taken in this order; mu is never held while the disk works.
	reading   sync.Mutex // one Next at a time; guards reader
	syncing   sync.Mutex // one Sync at a time
	saving    sync.Mutex // one SavePosition at a time; guards position
	appending sync.Mutex // one Append at a time; guards writer
	entries   sync.Mutex // one fsync of the directory at a time
	mu        sync.Mutex // guards what follows

	segments []*segment // by base; a copy stands behind what it was made of
	marks    marks
	islands  []island // of an earlier process, behind marks.end
	next     point    // behind the newest record
	bytes    int64    // of segments
	unread   uint64
	closed   bool

	dirFailures int   // how often the directory's fsync has failed
	dirFailed   error // the last time

	reader   reader
	writer   writer
	position position
}

// Stats are figures of one moment.
type Stats struct {
	Bytes    int64 // of segments on disk
	Segments int
	FirstSeq uint64 // of the oldest unacknowledged record; NextSeq if there is none
	ReadSeq  uint64 // of the record that Next will return
	NextSeq  uint64 // of the record that will be appended next
	Records  uint64 // not acknowledged
	Weight   uint64 // of those
	Unsynced int64  // in bytes, what a Sync would have to write
}

// Stats returns the figures of this moment.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	low := l.marks.low()
	records, weight := l.acknowledged(l.next)
	s := Stats{
		Bytes:    l.bytes,
		Segments: len(l.segments),
		FirstSeq: low.seq,
		ReadSeq:  max(l.unread, low.seq),
		NextSeq:  l.next.seq,
		Records:  l.next.seq - low.seq - l.marks.doneRecords - records,
		Weight:   l.next.weight - low.weight - l.marks.doneWeight - weight,
	}
	for _, seg := range l.segments {
		s.Unsynced += seg.size - seg.synced
	}
	return s
}

// OldestTime is when the segment with the oldest unacknowledged record was
// begun, which is before that record was appended; false if there is none. With
// Options.SegmentAge, no record in it is younger than that by more than it.
func (l *Log) OldestTime() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	low := l.marks.low().seq
	if low >= l.next.seq || len(l.segments) == 0 {
		return time.Time{}, false
	}
	return l.segments[max(l.locate(low), 0)].created, true
}

// Ack takes it that the records from..to, both included, are done with. They
// may be acknowledged in any order and more than once; what has been given up
// is no longer there to acknowledge. The position and the files follow with
// SavePosition.
func (l *Log) Ack(from, to uint64) {
	l.mu.Lock()
	to = min(to, l.next.seq-1)
	if l.next.seq == 0 || from > to {
		l.mu.Unlock()
		return
	}
	if to >= l.marks.end.seq {
		l.mu.Unlock()
		l.cover(to + 1)
		l.mu.Lock()
	}
	l.marks.ack(from, to)
	l.mu.Unlock()
}

// Close syncs what was appended, saves the position and closes the files. What
// is unacknowledged is there at the next Open. Everything is closed even if an
// error is returned.
func (l *Log) Close() error {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return ErrClosed
	}
	err := errors.Join(l.Sync(), l.savePosition(true))
	l.reading.Lock()
	defer l.reading.Unlock()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.saving.Lock()
	defer l.saving.Unlock()
	l.appending.Lock()
	defer l.appending.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	l.closed = true
	l.writer.active = nil
	l.reader.leave()
	for _, s := range l.segments {
		if s.file != nil {
			err = errors.Join(err, s.file.Close())
			s.file = nil
		}
	}
	if l.position.file != nil {
		err = errors.Join(err, l.position.file.Close())
		l.position.file = nil
	}
	return err
}

// Remove closes a log in which everything is acknowledged, and removes its
// files and its directory. What others have put there stays, and the directory
// with it, which is an error.
func (l *Log) Remove() error {
	if s := l.Stats(); s.Records > 0 {
		return fmt.Errorf("%s: %w: %d", l.dir, ErrNotEmpty, s.Records)
	}
	if err := l.Close(); err != nil && !errors.Is(err, ErrClosed) {
		return err
	}
	for _, s := range l.segments {
		if err := l.fs.Remove(l.path(s.name)); err != nil {
			return err
		}
	}
	l.segments = nil
	if l.position.exists {
		if err := l.fs.Remove(l.path(positionName)); err != nil {
			return err
		}
		l.position.exists = false
	}
	if err := l.fs.Remove(l.dir); err != nil {
		return err
	}
	return l.fs.SyncDir(filepath.Dir(l.dir))
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, name) }
