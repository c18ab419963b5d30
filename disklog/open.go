package disklog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Recovered is what a log held when it was opened.
type Recovered struct {
	Records uint64 // not acknowledged, those that are damaged or missing included
	Weight  uint64 // of those: Next returns records and Lost that add up to it
	Bytes   int64  // of segments
	Damage  []Damage
}

// Open opens the log in a directory, which it makes, with what is above it, if
// it is not there. At most one Log at a time may be open in a directory: see
// LockDir.
//
// What is damaged never keeps a log from opening, and is left as it is, to be
// skipped when it is read; files with other names are none of its business. An
// error is a NewerError, or ErrOwner, or one of the file system's. A directory
// or a file that others could write to is made private again.
//
// It reads the position, the headers of all segments, and the records' headers
// of the last one.
func Open(dir string, opt Options) (*Log, Recovered, error) {
	if opt.SegmentBytes <= 0 {
		opt.SegmentBytes = 1 << 20
	}
	if opt.FS == nil {
		opt.FS = osFS{}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.salt == nil {
		opt.salt = rand.Uint32
	}
	l := &Log{dir: dir, fs: opt.FS, opt: opt}
	var rec Recovered
	if err := makeDir(l.fs, dir); err != nil {
		return nil, rec, err
	}
	names, err := l.fs.ReadDir(dir)
	if err != nil {
		return nil, rec, err
	}
	var o opening
	if err := o.read(l, names); err != nil {
		return nil, rec, err
	}
	if err := l.adopt(&o); err != nil {
		return nil, rec, err
	}
	s := l.Stats()
	return l, Recovered{
		Records: s.Records,
		Weight:  s.Weight,
		Bytes:   l.bytes,
		Damage:  o.damage,
	}, nil
}

// makeDir makes a directory, and sees to it that it is ours alone.
func makeDir(f FS, dir string) error {
	info, err := f.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		parent := filepath.Dir(dir)
		if parent != dir {
			if _, err := f.Lstat(parent); errors.Is(err, fs.ErrNotExist) {
				if err := makeDir(f, parent); err != nil {
					return err
				}
			}
		}
		if err := f.Mkdir(dir, 0o700); err != nil {
			return err
		}
		return f.SyncDir(parent)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &os.PathError{Op: "open log", Path: dir, Err: errors.New("not a directory")}
	}
	return private(f, dir, info, 0o700)
}

// private makes a file or directory accessible for its owner only, who has to be
// the one that this process runs as.
func private(f FS, name string, info fs.FileInfo, perm fs.FileMode) error {
	if uid, ok := owner(info); ok && uid != os.Geteuid() {
		return fmt.Errorf("%s %w: user %d, and this process runs as user %d", name, ErrOwner, uid, os.Geteuid())
	}
	if info.Mode().Perm()&^perm != 0 {
		return f.Chmod(name, perm)
	}
	return nil
}

// opening is what Open finds. Nothing on the disk is changed before all of it
// is known to be of no newer version.
type opening struct {
	segments   []*segment
	unfinished []string // files that never got their real names
	slot       slot
	slotFound  bool
	islands    []island
	posExists  bool
	damage     []Damage
}

func (o *opening) damaged(file string, t trouble) {
	o.damage = append(o.damage, Damage{file, t.off, t.kind, t.err})
}

func (o *opening) read(l *Log, names []string) error {
	slices.Sort(names)
	for _, name := range names {
		var err error
		switch _, _, isSegment := parseName(name); {
		case isSegment:
			err = o.segment(l, name)
		case name == positionName:
			err = o.position(l, name)
		case strings.HasSuffix(name, unfinished):
			if _, _, ok := parseName(strings.TrimSuffix(name, unfinished)); ok || name == positionName+unfinished {
				o.unfinished = append(o.unfinished, name)
			}
		}
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(o.segments, func(a, b *segment) int {
		return cmp.Or(cmp.Compare(a.base.seq, b.base.seq), cmp.Compare(a.copies, b.copies), a.created.Compare(b.created))
	})
	return nil
}

// openOurs opens a file that should be ours. It is nil if it is not, which is
// noted as damage.
func (o *opening) openOurs(l *Log, name string) (f File, info fs.FileInfo, err error) {
	path := l.path(name)
	info, err = l.fs.Lstat(path)
	if err != nil {
		o.damaged(name, trouble{Device, 0, err})
		return nil, nil, nil
	}
	if !info.Mode().IsRegular() {
		o.damaged(name, trouble{Damaged, 0, errors.New("not a regular file")})
		return nil, nil, nil
	}
	if err := private(l.fs, path, info, 0o600); err != nil {
		if errors.Is(err, ErrOwner) {
			return nil, nil, err
		}
		o.damaged(name, trouble{Device, 0, err}) // a read-only file system can still be read
	}
	f, err = l.fs.OpenFile(path, os.O_RDONLY, 0)
	if isPassing(err) {
		return nil, nil, err
	}
	if err != nil {
		o.damaged(name, trouble{Device, 0, err})
		return nil, info, nil
	}
	return f, info, nil
}

func (o *opening) segment(l *Log, name string) error {
	f, info, err := o.openOurs(l, name)
	if err != nil || info == nil {
		return err
	}
	seq, salt, _ := parseName(name)
	s := &segment{
		name: name, base: point{seq, unknownWeight}, salt: salt, created: info.ModTime(),
		size: info.Size(), synced: info.Size(), entry: true, sealed: true,
	}
	if seq > maxSeq {
		o.damaged(name, trouble{Damaged, 0, errImplausible})
		if f != nil {
			f.Close()
		}
		return nil
	}
	o.segments = append(o.segments, s)
	if f == nil {
		return nil
	}
	defer f.Close()
	var b [segmentHeaderBytes]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		o.damaged(name, *readTrouble(0, err))
		return nil
	}
	var h segmentHeader
	newer, ok := h.decode(b[:])
	switch {
	case newer != 0:
		return &NewerError{l.path(name), newer}
	case ok && h.base.seq == seq && h.salt == salt:
		s.base, s.copies, s.created = h.base, h.copies, time.Unix(0, h.created)
		return nil
	}
	o.damaged(name, trouble{Damaged, 0, errChecksum})
	// The name has what is needed to read on, and the first record the weight.
	w := walker{file: f, salt: salt, off: segmentHeaderBytes, size: s.size}
	var first recordHeader
	if w.header(&first) == nil && first.at.seq == seq {
		s.base.weight = first.at.weight
	}
	return nil
}

func (o *opening) position(l *Log, name string) error {
	f, info, err := o.openOurs(l, name)
	if err != nil || info == nil || f == nil {
		return err
	}
	defer f.Close()
	o.posExists = true
	b := make([]byte, positionFileBytes)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		o.damaged(name, *readTrouble(0, err))
	}
	for off := 0; off < n; off += positionSlotStep {
		part := b[off:min(off+sectorBytes, n)]
		var s slot
		newer, ok := s.decode(part)
		var islands []island
		if ok {
			islands, ok = decodeIslands(s, part[positionSlotBytes:])
		}
		switch {
		case newer != 0:
			return &NewerError{l.path(name), newer}
		case ok && s.count%2 == uint64(off/positionSlotStep):
			if !o.slotFound || s.count > o.slot.count {
				o.slot, o.slotFound, o.islands = s, true, islands
			}
		case slices.ContainsFunc(part, func(c byte) bool { return c != 0 }): // else it was never written
			o.damaged(name, trouble{Damaged, int64(off), errChecksum})
		}
	}
	if n == 0 && err != nil {
		o.damaged(name, trouble{Torn, 0, errShort})
	}
	return nil
}

// adopt puts together what was found.
func (l *Log) adopt(o *opening) error {
	for _, name := range o.unfinished {
		_ = l.fs.Remove(l.path(name)) // it is not counted, and never read
	}
	l.segments = o.segments
	l.position.exists = o.slotFound
	if o.slotFound {
		l.position.saved = o.slot
		l.next = o.slot.end
	}
	// The end is the highest that anything tells of.
	for _, s := range l.segments {
		l.next.seq = max(l.next.seq, s.base.seq)
		if s.base.weight != unknownWeight {
			l.next.weight = max(l.next.weight, s.base.weight)
		}
		l.bytes += s.size
	}
	if err := l.scanLast(o); err != nil {
		return err
	}
	low := l.next
	switch {
	case o.slotFound:
		low = o.slot.low
		// They differ if the header could not be read when the position was made.
		if i := l.locate(low.seq); i >= 0 && l.segments[i].base.seq == low.seq && l.segments[i].base.weight <= l.next.weight {
			low = l.segments[i].base
		}
	case len(l.segments) > 0:
		if err := l.weighFirst(); err != nil {
			return err
		}
		low = l.segments[0].base
	}
	l.marks.end = low
	if o.slotFound && low == o.slot.low {
		l.islands = o.islands
	}
	l.reader.at, l.reader.pos, l.unread = low, low.seq, low.seq
	// Those that the last process may not have synced.
	for _, s := range l.segments[max(0, len(l.segments)-maxUnsynced-2):] {
		s.synced, s.entry = 0, false
	}
	return nil
}

// scanLast finds the end of the records: in the last segment, or before it if
// nothing is to be read there. A last segment that holds none is removed: the
// next would have the same sequence number at its base.
//
// If none of the files can be read, not even the position, then nothing is known
// of the end, and to go on would be to number and weigh new records wrongly.
func (l *Log) scanLast(o *opening) error {
	known := o.slotFound || len(l.segments) == 0
	var device error
	for i := len(l.segments) - 1; i >= 0; i-- {
		s := l.segments[i]
		bad, found, err := l.scan(s)
		if err != nil {
			return err
		}
		if bad != nil && bad.off > 0 { // at 0 it is known
			o.damaged(s.name, *bad)
		}
		last := i == len(l.segments)-1
		switch {
		case found:
			return nil
		case bad != nil && bad.kind == Device:
			device = bad.err
		case last && s.base.seq == l.next.seq:
			if err := l.fs.Remove(l.path(s.name)); err != nil {
				o.damaged(s.name, trouble{Device, 0, err})
				break
			}
			l.segments = l.segments[:i]
			l.bytes -= s.size
		}
		if s.base.weight != unknownWeight {
			return nil
		}
	}
	if device != nil && !known {
		return fmt.Errorf("%s: nothing of the log can be read: %w", l.dir, device)
	}
	return nil
}

// scan raises next to the end of a segment.
func (l *Log) scan(s *segment) (bad *trouble, found bool, err error) {
	f, err := l.fs.OpenFile(l.path(s.name), os.O_RDONLY, 0)
	if isPassing(err) {
		return nil, false, err
	}
	if err != nil {
		l.next.seq = max(l.next.seq, s.base.seq+uint64(s.size/recordHeaderBytes)+1)
		return &trouble{Device, 0, err}, false, nil
	}
	defer f.Close()
	w := walker{file: f, salt: s.salt, off: segmentHeaderBytes, size: s.size}
	from := s.base
	if from.weight == unknownWeight {
		from.weight = 0
	}
	for {
		h, ok, t := w.seek(from, point{maxSeq, unknownWeight})
		if bad == nil {
			bad = t
		}
		if !ok {
			if bad != nil && (bad.kind == Device || w.unreadable) {
				bad.kind = Device
				// No more records than this can be in what can't be read.
				l.next.seq = max(l.next.seq, s.base.seq+uint64(s.size/recordHeaderBytes)+1)
			}
			return bad, found, nil
		}
		found = true
		if bad == nil && !w.whole(&h) {
			bad = &trouble{Torn, w.off, errShort}
		}
		w.off += h.bytes()
		from = h.after()
		l.next.seq = max(l.next.seq, from.seq)
		l.next.weight = max(l.next.weight, from.weight)
	}
}

// weighFirst gives the first segments the weights that their headers would have:
// without a position, they are where reading begins. Of a segment that can't be
// read at all the records are counted, and have no weight.
func (l *Log) weighFirst() error {
	unknown := 0
	for unknown < len(l.segments) && l.segments[unknown].base.weight == unknownWeight {
		unknown++
	}
	for i := unknown - 1; i >= 0; i-- {
		s := l.segments[i]
		to := l.end(i)
		h, found, err := l.firstRecord(s, to)
		if err != nil {
			return err
		}
		if s.base.weight = to.weight; found {
			s.base.weight = h.at.weight
		}
	}
	return nil
}

func (l *Log) firstRecord(s *segment, to point) (h recordHeader, found bool, err error) {
	f, err := l.fs.OpenFile(l.path(s.name), os.O_RDONLY, 0)
	if err != nil {
		if isPassing(err) {
			return h, false, err
		}
		return h, false, nil
	}
	defer f.Close()
	w := walker{file: f, salt: s.salt, off: segmentHeaderBytes, size: s.size}
	h, found, _ = w.seek(point{s.base.seq, 0}, to)
	return h, found, nil
}
