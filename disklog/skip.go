package disklog

// SkipTo lets reading go on at seq; the caller has the records before it. It
// goes only forward, and not beyond the end.
func (l *Log) SkipTo(seq uint64) {
	l.reading.Lock()
	defer l.reading.Unlock()
	l.mu.Lock()
	seq = min(seq, l.next.seq)
	forward, marked := seq > l.reader.at.seq, seq <= l.marks.end.seq
	l.mu.Unlock()
	if !forward {
		return
	}
	if !marked {
		l.coverRead(seq)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.marks.at(l.marks.find(seq))
	if at.seq < seq { // in the middle of what is lost
		at = l.marks.at(l.marks.find(seq) + 1)
	}
	l.moveTo(at)
	l.reader.leaveRemoved()
}

// cover has all records before seq marked.
func (l *Log) cover(seq uint64) {
	l.reading.Lock()
	defer l.reading.Unlock()
	l.coverRead(seq)
}

// coverRead reads the headers of records that are not marked: the caller has
// kept more of them in its memory than were worth marks (maxAhead). Those that
// can't be read have one mark together.
func (l *Log) coverRead(seq uint64) {
	for {
		l.mu.Lock()
		from := l.marks.end
		if l.closed || from.seq >= min(seq, l.next.seq) {
			l.mu.Unlock()
			return
		}
		i := l.locate(from.seq)
		to, known := l.knownEnd(i)
		var seg segment
		if i >= 0 && known == i {
			seg = segment{name: l.segments[i].name, salt: l.segments[i].salt, size: l.segments[i].size}
		}
		l.mu.Unlock()
		if seg.name != "" {
			l.coverSegment(&seg, from, to, seq)
		}
		l.mu.Lock()
		if l.marks.end == from { // nothing could be read
			l.push(to)
		}
		l.mu.Unlock()
	}
}

func (l *Log) coverSegment(seg *segment, from, to point, seq uint64) {
	w, err := l.walk(seg)
	if err != nil {
		return
	}
	defer w.file.Close()
	for from.seq < min(seq, to.seq) {
		h, found, _ := w.seek(from, to)
		if !found {
			return
		}
		w.off += h.bytes()
		l.mu.Lock()
		ok := l.marks.end == from // else it was marked meanwhile, or given up
		if ok {
			l.push(h.at) // those before it that can't be read, if any
			l.push(h.after())
		}
		l.mu.Unlock()
		if !ok {
			return
		}
		from = h.after()
	}
}
