package disklog

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// replace copies what is not acknowledged of a segment whose fsync has failed.
// The copy gets its name when it is whole and on the disk, so that a crash
// leaves none or all of it; the old one goes as if all in it was acknowledged.
func (l *Log) replace(old *segment) error {
	l.appending.Lock()
	l.seal(old)
	l.appending.Unlock()

	from, to, live := l.live(old)
	if !live {
		return nil
	}
	copied, err := l.copySegment(old, from, to)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.segments, old)
	if i < 0 { // given up meanwhile
		return l.fs.Remove(l.path(copied.name))
	}
	l.segments = slices.Insert(l.segments, i+1, copied)
	l.bytes += copied.size
	l.done(old)
	return nil
}

// live returns the stretch of a segment that is not acknowledged.
func (l *Log) live(s *segment) (from, to point, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.segments, s)
	if i < 0 {
		return from, to, false
	}
	from = s.base
	if low := l.marks.low(); low.seq > from.seq {
		from = low
	}
	known, _ := l.knownEnd(i)
	to = point{l.end(i).seq, known.weight}
	if from.seq >= to.seq {
		l.done(s)
		return from, to, false
	}
	return from, to, true
}

// done takes it that nothing in a segment has to reach the disk any more.
func (l *Log) done(s *segment) {
	s.synced, s.entry = s.size, true
	s.release()
}

func (l *Log) copySegment(old *segment, from, to point) (_ *segment, err error) {
	w, err := l.walk(old)
	if err != nil {
		return nil, err
	}
	defer w.file.Close()
	if from.weight == unknownWeight {
		h, found, _ := w.seek(point{from.seq, 0}, to)
		if !found {
			return nil, fmt.Errorf("%s: %w", old.name, errChecksum)
		}
		from = h.at
	}
	c := &segment{base: from, salt: l.opt.salt(), rank: old.rank + 1, created: old.created, sealed: true}
	c.name = c.header().name()
	temporary := l.path(c.name + unfinished)
	dst, err := l.fs.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	c.file = dst
	name := temporary
	defer func() {
		c.file = nil
		dst.Close()
		if err != nil {
			err = errors.Join(err, l.fs.Remove(name))
		}
	}()
	if err := copyRecords(w, c, from, to); err != nil {
		return nil, err
	}
	if err := dst.Sync(); err != nil {
		return nil, err
	}
	c.cache.synced(dst, c.size)
	renamed, err := l.rename(temporary, l.path(c.name))
	if renamed {
		name = l.path(c.name)
	}
	if err != nil {
		return nil, err
	}
	c.synced, c.entry = c.size, true
	return c, nil
}

// copyRecords writes what can be read from w into c.
func copyRecords(w *walker, c *segment, from, to point) error {
	head := make([]byte, segmentHeaderBytes)
	c.header().encode(head)
	pieces := [][]byte{head}
	var data []byte
	for {
		n, err := c.file.WriteVec(pieces, c.size)
		if err != nil {
			return err
		}
		c.size += int64(n)
		if err := c.cache.wrote(c.file, c.size); err != nil {
			return err
		}
		h, found, _ := w.seek(from, to)
		if !found {
			return nil
		}
		pieces = pieces[:0]
		if w.whole(&h) {
			data = slices.Grow(data[:0], int(h.length))[:h.length]
			if w.data(&h, data) == nil {
				h.encode(head[:recordHeaderBytes], c.salt)
				pieces = append(pieces, head[:recordHeaderBytes], data)
			}
		}
		w.off += h.bytes()
		from = h.after()
	}
}
