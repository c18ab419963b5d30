package disklog

import (
	"math/rand/v2"
	"testing"
)

// Marks say what a plain list of all records would.
func TestMarks(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		type plain struct {
			weight uint64
			done   bool
		}
		var list []plain
		var m marks
		for range 400 {
			switch n := rng.IntN(100); {
			case n < 60:
				w := uint64(rng.IntN(5))
				list = append(list, plain{weight: w})
				m.push(point{m.end.seq + 1, m.end.weight + w})
			case n < 65: // a stretch that is lost: done as it comes
				from, to := m.end, point{m.end.seq + 1 + uint64(rng.IntN(5)), m.end.weight}
				for range to.seq - from.seq {
					w := uint64(rng.IntN(5))
					to.weight += w
					list = append(list, plain{w, true})
				}
				m.push(to)
				m.ack(from.seq, to.seq-1)
			case n < 97 && len(list) > 0:
				from := max(0, len(list)-1-rng.IntN(60))
				to := from + rng.IntN(10)
				m.ack(uint64(from), uint64(to))
				for i := from; i <= min(to, len(list)-1); i++ {
					list[i].done = true
				}
			case n >= 99 && len(list) > 0:
				to := rng.IntN(len(list) + 1)
				var p point
				var records, weight uint64
				for i := range to {
					p.weight += list[i].weight
					if !list[i].done {
						records++
						weight += list[i].weight
					}
					list[i].done = true
				}
				p.seq = uint64(to)
				if r, w := m.drop(p); r != records || w != weight {
					t.Fatalf("seed %d: dropped %d of %d, want %d of %d", seed, r, w, records, weight)
				}
			}
			low, lowWeight := 0, uint64(0)
			for low < len(list) && list[low].done {
				lowWeight += list[low].weight
				low++
			}
			var records, weight uint64
			for _, p := range list[low:] {
				if p.done {
					records++
					weight += p.weight
				}
			}
			if got, want := m.low(), (point{uint64(low), lowWeight}); got != want || m.doneRecords != records || m.doneWeight != weight {
				t.Fatalf("seed %d: low %v, want %v; done above it %d of %d, want %d of %d",
					seed, got, want, m.doneRecords, m.doneWeight, records, weight)
			}
		}
	}
}

// One record that is never acknowledged does not let the list grow with those
// behind it.
func TestMarksStaySmall(t *testing.T) {
	var m marks
	for i := range uint64(1_000_000) {
		m.push(point{i + 1, i + 1})
		if i > 0 {
			m.ack(i, i)
		}
	}
	if n := cap(m.list); n > 1000 {
		t.Errorf("room for %d marks", n)
	}
	m.ack(0, 0)
	if m.low() != (point{1_000_000, 1_000_000}) || len(m.list) != 0 {
		t.Errorf("%v, %d marks", m.low(), len(m.list))
	}
}
