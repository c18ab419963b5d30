package disklog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Record is one that was read.
type Record struct {
	Seq    uint64
	Weight uint64    // as it was appended
	Time   time.Time // as it was appended, to the ns
	Data   []byte
}

// reader is where Next is.
type reader struct {
	at  point  // of the record to read next
	pos uint64 // at.seq, or where the next segment begins if the one that should have it has been read

	seg    *segment // that is open
	synced int64    // of it, in bytes
	file   File
	walk   walker
	cache  cache
}

// Next returns the oldest record that has neither been read nor acknowledged: by this process,
// for reading starts over at the oldest unacknowledged record when a log is
// opened. Its Data is in buf's memory if that has room for it (cap), and newly
// allocated otherwise; it is the caller's either way.
//
// The error is io.EOF if all have been read; more may be appended. It is a
// *Lost if records can't be read and were skipped: what comes after them is
// returned by the next call. Any other error has cost nothing, and trying again
// later may help; there are no file descriptors left, for instance.
func (l *Log) Next(buf []byte) (Record, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	r := &l.reader
	for {
		p, err := l.place()
		if err != nil {
			return Record{}, err
		}
		if p.seg == nil {
			if lost := l.lose(p.end, trouble{kind: Missing}); lost != nil {
				return Record{}, lost
			}
			continue
		}
		if err := r.enter(l, p); err != nil {
			if isPassing(err) {
				return Record{}, fmt.Errorf("read %s: %w", p.seg.name, err)
			}
			if lost := l.leaveBehind(p, &trouble{kind: Device, err: err}); lost != nil {
				return Record{}, lost
			}
			continue
		}
		r.cache.willRead(r.file, r.walk.off)
		h, found, bad := r.walk.seek(r.at, point{p.end.seq, p.most})
		if !found {
			if lost := l.leaveBehind(p, bad); lost != nil {
				return Record{}, lost
			}
			continue
		}
		if h.at.seq > r.at.seq {
			if bad == nil {
				bad = &trouble{kind: Missing, off: r.walk.off}
			}
			if lost := l.lose(h.at, *bad); lost != nil {
				return Record{}, lost
			}
			continue
		}
		rec, bad := r.record(&h, buf)
		r.cache.read(r.file, min(r.walk.off, p.synced))
		if bad != nil {
			if lost := l.lose(h.after(), *bad); lost != nil {
				return Record{}, lost
			}
			continue
		}
		if l.took(&h) {
			return rec, nil
		}
	}
}

// record reads the record at the walker, whose header is h, and goes behind it.
func (r *reader) record(h *recordHeader, buf []byte) (rec Record, bad *trouble) {
	if !r.walk.whole(h) {
		bad = &trouble{Torn, r.walk.off, errShort}
		r.walk.off = r.walk.size
		return rec, bad
	}
	if cap(buf) < int(h.length) {
		buf = make([]byte, h.length)
	}
	rec = Record{Seq: h.at.seq, Weight: h.weight, Time: time.Unix(0, h.nanos), Data: buf[:h.length]}
	bad = r.walk.data(h, rec.Data)
	r.walk.off += h.bytes()
	return rec, bad
}

// took notes that a record was read. It is false if the record was given up or
// acknowledged meanwhile.
func (l *Log) took(h *recordHeader) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.marks.low().seq > h.at.seq || l.marks.open(h.at) != h.at {
		return false
	}
	if l.marks.end == h.at {
		l.push(h.after())
	}
	l.moveTo(h.after())
	return true
}

func (l *Log) moveTo(at point) {
	l.reader.at = at
	l.reader.pos = max(l.reader.pos, at.seq)
	l.unread = at.seq
}

// A placed says where the record is that is to be read next.
type placed struct {
	seg    *segment // nil: nowhere
	size   int64    // of the segment, in bytes
	synced int64    // of that, what is on the disk for certain
	end    point    // of it, or of what is nowhere; its weight may be unknown
	most   uint64   // end's weight if it is known, or else one that is not less
}

func (l *Log) place() (placed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &l.reader
	if l.closed {
		return placed{}, ErrClosed
	}
	at := r.at
	if low := l.marks.low(); at.seq < low.seq {
		at = low
	}
	l.moveTo(l.marks.open(at))
	if r.at.seq >= l.next.seq {
		if r.at.weight < l.next.weight { // some file says so, and no record has it
			return placed{end: l.next}, nil
		}
		r.leaveRemoved()
		return placed{}, io.EOF
	}
	i := l.locate(r.pos)
	if i < 0 && l.end(i).weight == unknownWeight {
		i = 0
	}
	known, _ := l.knownEnd(i)
	p := placed{end: l.end(i), most: known.weight}
	if i >= 0 {
		p.seg, p.size = l.segments[i], l.segments[i].size
		if p.seg.failed == nil {
			p.synced = p.seg.synced
		}
	}
	return p, nil
}

// enter opens a segment's file, unless it is open.
func (r *reader) enter(l *Log, p placed) error {
	if r.seg == p.seg {
		r.walk.size, r.synced = p.size, p.synced
		return nil
	}
	r.leave()
	f, err := l.fs.OpenFile(l.path(p.seg.name), os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	r.seg, r.synced, r.file = p.seg, p.synced, f
	r.walk = walker{file: f, salt: p.seg.salt, off: segmentHeaderBytes, size: p.size}
	r.cache.started = 0
	r.cache.forgotten.Store(0)
	return nil
}

// leave closes the file that is open.
func (r *reader) leave() {
	if r.file != nil {
		r.cache.synced(r.file, r.synced)
		r.file.Close()
	}
	r.seg, r.file, r.walk = nil, nil, walker{}
}

// leaveRemoved closes a file that was removed meanwhile, which takes space until then.
func (r *reader) leaveRemoved() {
	if r.seg != nil && r.seg.removed {
		r.leave()
	}
}

// isPassing reports whether opening a file may succeed another time, nothing
// being wrong with it. ENOENT is not among these: nobody else removes it.
func isPassing(err error) bool {
	for _, e := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EINTR, syscall.EAGAIN, fs.ErrPermission,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// leaveBehind goes on to the next segment. What was missing of this one is
// returned; if it is not known where it ended, it shows in the next.
func (l *Log) leaveBehind(p placed, bad *trouble) error {
	r := &l.reader
	if bad == nil {
		bad = &trouble{kind: Torn, off: p.size}
	}
	if p.end.weight != unknownWeight && r.at != p.end {
		return l.lose(p.end, *bad)
	}
	r.pos = max(r.pos, p.end.seq)
	return nil
}

// lose skips to a point: what is before it can't be read. It returns nil if
// that was given up or acknowledged meanwhile.
func (l *Log) lose(to point, bad trouble) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := l.reader.at
	if l.marks.low().seq > from.seq {
		return nil
	}
	records, weight := l.acknowledged(to)
	lost := &Lost{First: from.seq, Offset: bad.off, Kind: bad.kind}
	if bad.kind == Device {
		lost.Err = bad.err
	}
	if i := l.locate(l.reader.pos); i >= 0 {
		lost.Segment = l.segments[i].name
	}
	more := uint64(0) // weight that no record has
	switch {
	case to.seq > l.marks.end.seq:
		l.push(to)
	case to.seq == l.marks.end.seq && to.weight > l.marks.end.weight:
		more = to.weight - l.marks.end.weight
		l.marks.raise(to.weight)
	}
	if to.seq > from.seq {
		lost.Records, lost.Weight = l.marks.ack(from.seq, to.seq-1)
	}
	lost.Records -= records
	lost.Weight += more - weight
	l.moveTo(to)
	if lost.Records == 0 && lost.Weight == 0 {
		return nil
	}
	return lost
}
