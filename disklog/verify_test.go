package disklog_test

import (
	"bytes"
	"errors"
	"io"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// verify opens what is left and reads it to the end.
func (m *model) verify(after *faultfs.FS, power bool) (*disklog.Log, []disklog.Record) {
	opt := m.options(after)
	if m.rng.IntN(3) == 0 { // a process that does nothing and ends, well or not
		l, _, err := disklog.Open(modelDir, opt)
		if err != nil {
			m.fatalf("%v", err)
		}
		if m.rng.IntN(2) == 0 {
			if err := l.Close(); err != nil {
				m.fatalf("%v", err)
			}
		}
	}
	l, rec, err := disklog.Open(modelDir, opt)
	if err != nil {
		m.fatalf("open: %v", err)
	}
	whole := !power && !m.tainted && !m.scarred
	if whole && len(rec.Damage) > 0 {
		m.fatalf("damage without a power failure: %v", rec.Damage)
	}
	found, records, weight := m.readAll(l, whole)
	if records != rec.Records || weight != rec.Weight {
		m.fatalf("recovered %d records of %d, and read or lost %d of %d", rec.Records, rec.Weight, records, weight)
	}
	there := map[uint64]bool{}
	for _, r := range found {
		there[r.Seq] = true
		if r.Seq < m.taint || !m.tainted {
			m.same(r)
		}
	}
	for seq, k := range m.all {
		if !k.gone && (k.synced || !power) && !there[seq] {
			m.fatalf("record %d is missing (synced: %v); damage %v", seq, k.synced, rec.Damage)
		}
	}
	return l, found
}

func (m *model) readAll(l *disklog.Log, whole bool) (found []disklog.Record, records, weight uint64) {
	last := int64(-1)
	for {
		r, err := l.Next(nil)
		var lost *disklog.Lost
		switch {
		case errors.Is(err, io.EOF):
			if s := l.Stats(); last >= int64(s.NextSeq) {
				m.fatalf("read %d, and %d comes next", last, s.NextSeq)
			}
			return found, records, weight
		case errors.As(err, &lost):
			if whole {
				m.fatalf("lost without a power failure: %v", err)
			}
			records += lost.Records
			weight += lost.Weight
		case err != nil:
			m.fatalf("%v", err)
		case int64(r.Seq) <= last:
			m.fatalf("%d after %d", r.Seq, last)
		default:
			records++
			weight += r.Weight
			last = int64(r.Seq)
			found = append(found, r)
		}
	}
}

func (m *model) same(r disklog.Record) {
	k := m.all[r.Seq]
	if k == nil || k.weight != r.Weight || !k.when.Equal(r.Time) || !bytes.Equal(k.data, r.Data) {
		m.fatalf("record %d is not as it was appended: %+v, want %+v", r.Seq, r, k)
	}
}

// A snapshot is what would be left if it all ended before an operation.
type snapshot struct {
	before string
	fs     *faultfs.FS
	power  bool // has failed
}

func (m *model) snap(op faultfs.Op) {
	s := snapshot{before: op.String(), power: m.rng.IntN(2) == 0}
	if s.power {
		s.fs = m.fs.Crash(m.rng)
	} else {
		s.fs = m.fs.Kill()
	}
	m.during = append(m.during, s)
}

// there says of records whether they were synced.
type there map[uint64]bool

// mustBeThere are the records that are not done with.
func (m *model) mustBeThere() there {
	t := there{}
	for seq, k := range m.all {
		if !k.gone {
			t[seq] = k.synced
		}
	}
	return t
}

// verifyDuring opens what would be left if the last step was cut short: records
// that had to be there before it and after it have to be there.
func (m *model) verifyDuring(before there) {
	after := m.mustBeThere()
	for _, s := range m.during {
		l, rec, err := disklog.Open(modelDir, m.options(s.fs))
		if err != nil {
			m.fatalf("cut short before %s: %v", s.before, err)
		}
		found, records, weight := m.readAll(l, false)
		if records != rec.Records || weight != rec.Weight {
			m.fatalf("cut short before %s: recovered %d records of %d, and read or lost %d of %d", s.before, rec.Records, rec.Weight, records, weight)
		}
		read := there{}
		for _, r := range found {
			read[r.Seq] = true
		}
		for seq, synced := range before {
			if _, still := after[seq]; still && !read[seq] && (synced || !s.power) {
				m.fatalf("cut short before %s, power: %v: record %d is missing (synced: %v); damage %v", s.before, s.power, seq, synced, rec.Damage)
			}
		}
	}
}
