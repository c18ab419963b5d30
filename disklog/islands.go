package disklog

// An island is records behind the oldest unacknowledged one that are
// acknowledged: from.seq up to, but not including, to.seq. The position file has
// them, so that what was delivered out of order is not delivered again by the
// next process.
type island struct{ from, to point }

const (
	islandBytes = 32
	// maxIslands is how many fit behind a slot in one sector, which a disk
	// writes whole or not at all: 14. Others are not written down, and their
	// records are read again by the next process.
	maxIslands  = (sectorBytes - positionSlotBytes) / islandBytes
	sectorBytes = 512
)

func (i island) encode(b []byte) []byte {
	b = order.AppendUint64(b, i.from.seq)
	b = order.AppendUint64(b, i.from.weight)
	b = order.AppendUint64(b, i.to.seq)
	return order.AppendUint64(b, i.to.weight)
}

// decodeIslands reads what stands behind a slot, which is not right if they are not.
func decodeIslands(s slot, b []byte) (list []island, ok bool) {
	n := int(s.islands)
	if n > maxIslands || len(b) < n*islandBytes || checksum(b[:n*islandBytes]) != s.islandSum {
		return nil, false
	}
	last := s.low
	for ; n > 0; n-- {
		i := island{point{order.Uint64(b), order.Uint64(b[8:])}, point{order.Uint64(b[16:]), order.Uint64(b[24:])}}
		if i.from.seq <= last.seq || i.from.weight < last.weight || i.to.seq <= i.from.seq || i.to.weight < i.from.weight ||
			i.to.seq > s.end.seq || i.to.weight > s.end.weight {
			return nil, false
		}
		list, last, b = append(list, i), i.to, b[islandBytes:]
	}
	return list, true
}

// snapshot is what a position file has to say now. The islands are encoded in
// position.islands.
func (l *Log) snapshot() slot {
	s := slot{low: l.marks.low(), end: l.next}
	b := l.position.islands[:0]
	add := func(i island) {
		if s.islands < maxIslands {
			b = i.encode(b)
			s.islands++
		}
	}
	l.marks.islands(add)
	for _, i := range l.islands {
		add(i)
	}
	l.position.islands, s.islandSum = b, checksum(b)
	return s
}

// islands yields what is done above low.
func (m *marks) islands(yield func(island)) {
	for i := m.head; i < len(m.list); i++ {
		if !m.list[i].done() {
			continue
		}
		from := m.at(i)
		for i+1 < len(m.list) && m.list[i+1].done() {
			i++
		}
		yield(island{from, m.at(i + 1)})
	}
}

// push marks what comes next, up to a point, and the islands that begin there.
func (l *Log) push(to point) {
	l.marks.push(to)
	for len(l.islands) > 0 && l.islands[0].from.seq <= l.marks.end.seq {
		i := l.islands[0]
		l.islands = l.islands[1:]
		if i.to.seq > l.marks.end.seq {
			first := l.marks.end.seq
			l.marks.push(i.to)
			l.marks.ack(first, i.to.seq-1)
		}
	}
}

// acknowledged is how much of what is not marked yet, up to a point, is in
// islands.
func (l *Log) acknowledged(to point) (records, weight uint64) {
	for _, i := range l.islands {
		if i.from.seq >= to.seq {
			break
		}
		if i.to.seq > to.seq {
			i.to = to
		}
		records += i.to.seq - i.from.seq
		weight += i.to.weight - i.from.weight
	}
	return records, weight
}
