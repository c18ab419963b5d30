package disklog

import "fmt"

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
				l.writer.left = s
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
	w, err := l.walk(s)
	if isPassing(err) {
		return nil, false, err
	}
	if err != nil {
		l.next.seq = max(l.next.seq, s.base.seq+uint64(s.size/recordHeaderBytes)+1)
		return &trouble{Device, 0, err}, false, nil
	}
	defer w.file.Close()
	if c, ok := w.file.(Cached); ok {
		defer c.Forget(s.size) // the kernel has read ahead
	}
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
	w, err := l.walk(s)
	if err != nil {
		if isPassing(err) {
			return h, false, err
		}
		return h, false, nil
	}
	defer w.file.Close()
	h, found, _ = w.seek(point{s.base.seq, 0}, to)
	return h, found, nil
}
