package disklog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// position is what is known of the position file. Log.saving guards it.
type position struct {
	file    File
	exists  bool   // a file that can be used is there
	saved   slot   // what it says
	islands []byte // those of the slot that is to be written
	synced  bool   // what it says is on the disk
}

// SavePosition writes down which records are acknowledged, as far as no older
// one is not, and removes the segments that hold nothing else. Before it removes
// any it makes the position durable; without that a position survives the end of
// the process, but perhaps not that of the machine, after which records that
// were acknowledged are read again.
func (l *Log) SavePosition() error { return l.savePosition(false) }

func (l *Log) savePosition(durable bool) error {
	l.saving.Lock()
	defer l.saving.Unlock()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	s := l.snapshot()
	finished := l.finished() > 0
	l.mu.Unlock()
	if err := l.write(s, durable || finished); err != nil {
		return fmt.Errorf("save position: %w", err)
	}
	if !l.position.synced {
		return nil
	}
	return l.removeFinished(s.low.seq)
}

// write writes a slot into the position file.
func (l *Log) write(s slot, durable bool) error {
	p := &l.position
	if p.exists && s.says(p.saved) && (p.synced || !durable) {
		return nil
	}
	s.count = p.saved.count + 1
	if p.exists {
		err := p.put(l, s, durable)
		if err == nil {
			return nil
		}
		// As with segments: no second fsync on that file. A new one takes its place.
		if e := l.replacePosition(s); e != nil {
			return errors.Join(err, e)
		}
		return nil
	}
	return l.replacePosition(s)
}

func (p *position) put(l *Log, s slot, durable bool) (err error) {
	if p.file == nil {
		if p.file, err = l.fs.OpenFile(l.path(positionName), os.O_RDWR, 0); err != nil {
			return err
		}
	}
	if !s.says(p.saved) {
		if err := p.writeSlot(s, p.file); err != nil {
			return err
		}
		p.saved, p.synced = s, false
	}
	if durable && !p.synced {
		if err := p.file.Sync(); err != nil {
			return err
		}
		p.synced = true
	}
	return nil
}

// says reports whether two slots say the same.
func (s slot) says(t slot) bool {
	s.count = t.count
	return s == t
}

func (p *position) writeSlot(s slot, f File) error {
	var b [positionSlotBytes]byte
	s.encode(b[:])
	_, err := f.WriteVec([][]byte{b[:], p.islands}, int64(s.count%2)*positionSlotStep)
	return err
}

// replacePosition makes a new position file in place of what is there.
func (l *Log) replacePosition(s slot) (err error) {
	p := &l.position
	if p.file != nil {
		p.file.Close()
		p.file, p.exists = nil, false
	}
	temporary := l.path(positionName + unfinished)
	if err := l.fs.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := l.fs.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	// It has its size from the start: a slot that is written is within it, and
	// so in one sector's hands alone.
	if _, err = f.WriteVec([][]byte{make([]byte, positionFileBytes)}, 0); err == nil {
		err = p.writeSlot(s, f)
	}
	if err == nil {
		err = f.Sync()
	}
	renamed := false
	if err == nil {
		renamed, err = l.rename(temporary, l.path(positionName))
	}
	if !renamed {
		f.Close()
		return errors.Join(err, l.fs.Remove(temporary))
	}
	p.file, p.saved = f, s
	p.exists, p.synced = err == nil, err == nil
	return err
}

// finished is how many segments, from the oldest on, hold nothing that is not
// acknowledged.
func (l *Log) finished() (n int) {
	low := l.marks.low().seq
	for n < len(l.segments) && l.segments[n].sealed && l.end(n).seq <= low {
		n++
	}
	return n
}

// removeFinished removes the segments that end before low.
func (l *Log) removeFinished(low uint64) error {
	for {
		l.mu.Lock()
		var s *segment
		if len(l.segments) > 0 && l.segments[0].sealed && l.end(0).seq <= low {
			s = l.segments[0]
			if s.removed = true; s.file != nil {
				s.file.Close()
				s.file = nil
			}
		}
		l.mu.Unlock()
		if s == nil {
			return nil
		}
		// It stays in the list if it can't be removed: its bytes are still taken.
		if err := l.fs.Remove(l.path(s.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove segment: %w", err)
		}
		l.mu.Lock()
		l.segments = l.segments[1:]
		l.bytes -= s.size
		l.mu.Unlock()
	}
}
