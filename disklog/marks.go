package disklog

import "slices"

// marks know the running weight at each record from the oldest that is not
// acknowledged to the last that has been read, and which of them are
// acknowledged. They are what an acknowledgement out of order costs in memory:
// 16 bytes a record in flight.
//
//	      list[head]          list[len-1]   end
//	──────┬──────┬────────────┬─────────────┬────────────────
//	 done │ open │ done, done │ open        │ not marked yet
//	──────┴──────┴────────────┴─────────────┴────────────────
//	      low
//
// A mark stands for all records up to the next mark. Only one that is done may
// stand for more than one record: neighbours that are done become one, so that
// an old record that is open for long does not let the list grow.
type marks struct {
	list []mark
	head int
	end  point

	doneRecords uint64 // above low
	doneWeight  uint64
	mergeable   int // neighbours that are done, at most
}

type mark struct {
	seq    uint64
	weight uint64 // running weight before seq; the top bit says that it is done
}

const done = 1 << 63

func (m mark) done() bool   { return m.weight&done != 0 }
func (m mark) point() point { return point{m.seq, m.weight &^ done} }

// low is the point before the oldest record that is not done.
func (m *marks) low() point { return m.at(m.head) }

// at is the point at which the mark with index i begins.
func (m *marks) at(i int) point {
	if i >= len(m.list) {
		return m.end
	}
	return m.list[i].point()
}

// ahead is the number of marks at seq and behind it.
func (m *marks) ahead(seq uint64) int { return len(m.list) - m.find(seq) }

// find returns the index of the mark that covers seq; len(list) if it is not marked yet.
func (m *marks) find(seq uint64) int {
	if seq >= m.end.seq {
		return len(m.list)
	}
	live := m.list[m.head:]
	i, ok := slices.BinarySearchFunc(live, seq, func(k mark, seq uint64) int {
		switch {
		case k.seq < seq:
			return -1
		case k.seq > seq:
			return 1
		default:
			return 0
		}
	})
	if !ok {
		i = max(i-1, 0)
	}
	return m.head + i
}

// undone is the weight of what is not done from a record on, which is marked or
// the first that is not, up to a point.
func (m *marks) undone(from uint64, to point) uint64 {
	i := m.find(from)
	if m.at(i).seq >= to.seq {
		return 0
	}
	weight := to.weight - m.at(i).weight
	for ; i < len(m.list) && m.list[i].seq < to.seq; i++ {
		if m.list[i].done() {
			weight -= min(m.at(i+1).weight, to.weight) - m.at(i).weight
		}
	}
	return weight
}

// push marks a record, or a stretch of lost ones, from end to next.
func (m *marks) push(next point) {
	if next.seq == m.end.seq {
		return
	}
	m.list = append(m.list, mark{m.end.seq, m.end.weight})
	m.end = next
}

// raise lets the end have a higher weight: a weight that no record has.
func (m *marks) raise(weight uint64) {
	if last := len(m.list) - 1; last >= m.head && m.list[last].done() {
		m.doneWeight += weight - m.end.weight
	}
	m.end.weight = weight
}

// ack marks from..to, both included, as done as far as they are marked at all,
// and returns how much of that was not done before.
func (m *marks) ack(from, to uint64) (records, weight uint64) {
	from = max(from, m.low().seq)
	for i := m.find(from); i < len(m.list) && m.list[i].seq <= to; i++ {
		if m.list[i].done() {
			continue
		}
		a, b := m.at(i), m.at(i+1)
		records += b.seq - a.seq
		weight += b.weight - a.weight
		m.list[i].weight |= done
		m.mergeable++
	}
	m.doneRecords += records
	m.doneWeight += weight
	m.advance()
	return records, weight
}

// open returns the first point from p on that is not done.
func (m *marks) open(p point) point {
	for i := m.find(p.seq); i < len(m.list) && m.list[i].done(); i++ {
		p = m.at(i + 1)
	}
	return p
}

// advance moves low over what is done.
func (m *marks) advance() {
	for m.head < len(m.list) && m.list[m.head].done() {
		a, b := m.at(m.head), m.at(m.head+1)
		m.doneRecords -= b.seq - a.seq
		m.doneWeight -= b.weight - a.weight
		m.head++
	}
	m.tidy()
}

// keptMarks is how many marks an empty list keeps room for: 64 KiB.
const keptMarks = 4096

func (m *marks) tidy() {
	live := len(m.list) - m.head
	switch {
	case live == 0:
		m.head, m.mergeable = 0, 0
		if m.list = m.list[:0]; cap(m.list) > keptMarks {
			m.list = nil
		}
	case m.mergeable > 64 && m.mergeable > live/2:
		kept := m.list[:0]
		for _, k := range m.list[m.head:] {
			if k.done() && len(kept) > 0 && kept[len(kept)-1].done() {
				continue
			}
			kept = append(kept, k)
		}
		m.list, m.head, m.mergeable = kept, 0, 0
	case m.head > 64 && m.head > len(m.list)/2:
		m.list = m.list[:copy(m.list, m.list[m.head:])]
		m.head = 0
	}
}

// drop moves low to a point further on, whatever is open before it, and
// returns how much of that was not done.
func (m *marks) drop(to point) (records, weight uint64) {
	low := m.low()
	if to.seq <= low.seq {
		return 0, 0
	}
	records, weight = to.seq-low.seq, to.weight-low.weight
	for m.head < len(m.list) && m.list[m.head].seq < to.seq {
		a, b, isDone := m.at(m.head), m.at(m.head+1), m.list[m.head].done()
		if b.seq > to.seq { // records that were lost, in two segments
			m.list[m.head] = mark{to.seq, to.weight | m.list[m.head].weight&done}
			b = to
		} else {
			m.head++
		}
		if isDone {
			records -= b.seq - a.seq
			weight -= b.weight - a.weight
			m.doneRecords -= b.seq - a.seq
			m.doneWeight -= b.weight - a.weight
		}
	}
	if to.seq > m.end.seq {
		m.end = to
	}
	m.advance()
	return records, weight
}
