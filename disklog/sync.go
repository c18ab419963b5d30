package disklog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Sync makes everything durable that was appended before it was called: with
// fdatasync of the segments, and fsync of the directory if there are new ones.
// Append, Next and Ack go on meanwhile.
//
// After a failed fsync the kernel takes what it could not write for written, so
// that a second one would succeed and mean nothing
// (https://wiki.postgresql.org/wiki/Fsync_Errors). So the records of such a
// segment that are not acknowledged are copied to a new one, read from the page
// cache or the disk, checksums checked, and that one is synced. An error is
// returned only if this fails as well, and what it has copied so far is tried
// again by the next Sync. Records that could not be read for the copy are
// reported by Next. What an earlier process has left is synced, too; but not even
// this one is told of an error that the kernel has told to that one.
func (l *Log) Sync() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	work, err := l.unsynced()
	if err != nil || len(work) == 0 {
		return err
	}
	var errs []error
	entries := false
	for i := range work {
		u := &work[i]
		entries = entries || !u.entry
		if u.failed == nil && u.bytes > 0 {
			if u.failed, err = l.syncFile(u); err != nil {
				errs = append(errs, err)
				u.untried = true
			}
		}
	}
	if entries {
		_ = l.syncDir() // it is noted in the segments
	}
	for i := range work {
		u := &work[i]
		if l.settle(u); u.failed == nil {
			continue
		}
		if err := l.replace(u.seg); err != nil {
			errs = append(errs, fmt.Errorf("sync %s: %w; copying its records: %w", u.seg.name, u.failed, err))
		}
	}
	return errors.Join(errs...)
}

// unsyncedSegment is what Sync has to do for a segment.
type unsyncedSegment struct {
	seg    *segment
	file   File
	size   int64 // to be synced
	bytes  int64 // of it, that are not
	entry  bool  // is synced
	failed error

	untried bool // its file could not be opened
}

func (l *Log) unsynced() (work []unsyncedSegment, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	for _, s := range l.segments {
		if s.dirty() {
			work = append(work, unsyncedSegment{
				seg: s, file: s.file, size: s.size, bytes: s.size - s.synced, entry: s.entry, failed: s.failed,
			})
		}
	}
	return work, nil
}

// syncFile syncs a segment's file. An error that failed to sync is returned as
// failed, one that kept it from trying as err.
func (l *Log) syncFile(u *unsyncedSegment) (failed, err error) {
	if u.file == nil { // an earlier process has written it
		f, err := l.fs.OpenFile(l.path(u.seg.name), os.O_WRONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil // Next will tell
		}
		if err != nil {
			return nil, fmt.Errorf("sync: %w", err)
		}
		defer f.Close()
		return f.Sync(), nil
	}
	if failed = u.file.Sync(); failed == nil {
		failed = u.seg.cache.failure()
	}
	if failed == nil {
		u.seg.cache.synced(u.file, u.size)
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if u.seg.removed {
		return nil, nil // it was closed under our hands
	}
	return failed, nil
}

// settle notes what has come of syncing a segment.
func (l *Log) settle(u *unsyncedSegment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := u.seg
	if u.failed == nil {
		u.failed = s.failed // meanwhile: of the directory
	}
	if s.failed = u.failed; s.failed != nil || u.untried {
		return
	}
	s.synced, s.entry = max(s.synced, u.size), true
	s.release()
}
