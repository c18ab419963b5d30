package disklog

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// opening is what Open finds. Nothing on the disk but modes is changed before
// all of it is known to be of no newer version.
type opening struct {
	segments   []*segment
	unfinished []string // files that never got their real names
	slot       slot
	slotFound  bool
	islands    []island
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
		return cmp.Or(cmp.Compare(a.base.seq, b.base.seq), cmp.Compare(a.rank, b.rank), a.created.Compare(b.created))
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
		s.base, s.rank, s.created = h.base, h.rank, time.Unix(0, h.created)
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
