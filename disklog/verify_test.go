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
