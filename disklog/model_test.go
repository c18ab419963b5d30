package disklog_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// A model is what a log should be, and does the same as one.
type model struct {
	t    *testing.T
	seed uint64
	rng  *rand.Rand
	fs   *faultfs.FS
	log  *disklog.Log

	all     map[uint64]*kept // ever appended, by sequence number
	next    uint64
	read    uint64   // up to here
	flight  []uint64 // read and not acknowledged, in order
	tainted bool     // an Append failed, and nothing was synced in its place
	taint   uint64   // the sequence number that it would have had
	last    uint64   // the same of the last that failed
	scarred bool     // something is torn or missing, and stays so
	history []string
	buf     []byte
	during  []snapshot // taken in the middle of the last step
}

// kept is a record as the model has it.
type kept struct {
	weight uint64
	when   time.Time
	data   []byte
	synced bool
	gone   bool // acknowledged, given up or lost
}

const modelDir = "/var/log"

const modelSegment = 4000 // bytes

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), fs: faultfs.New(), all: map[uint64]*kept{}}
	var err error
	if m.log, err = m.open(m.fs); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *model) open(fsys *faultfs.FS) (*disklog.Log, error) {
	l, _, err := disklog.Open(modelDir, m.options(fsys))
	return l, err
}

func (m *model) options(fsys *faultfs.FS) disklog.Options {
	return disklog.Options{SegmentBytes: modelSegment, FS: fsys}.WithSalts(m.rng.Uint32())
}

func (m *model) fatalf(format string, args ...any) {
	m.t.Helper()
	from := max(0, len(m.history)-60)
	m.t.Fatalf("seed %d: %s\nafter %q", m.seed, fmt.Sprintf(format, args...), m.history[from:])
}

func (m *model) note(format string, args ...any) {
	m.history = append(m.history, fmt.Sprintf(format, args...))
}

// step does one operation, chosen at random, and looks at what would be left if
// it was cut short.
func (m *model) step(fault func(faultfs.Op) error) {
	before := m.mustBeThere()
	m.during = m.during[:0]
	m.fs.Inject(func(op faultfs.Op) error {
		if m.rng.IntN(4) == 0 {
			m.snap(op)
		}
		if fault != nil {
			return fault(op)
		}
		return nil
	})
	disk := m.fs
	m.do()
	disk.Inject(nil)
	m.verifyDuring(before)
}

// do does one operation, chosen at random.
func (m *model) do() {
	switch n := m.rng.IntN(100); {
	case n < 35:
		m.append()
	case n < 50:
		m.sync()
	case n < 72:
		m.readOne()
	case n < 86:
		m.ack()
	case n < 94:
		err := m.log.SavePosition()
		m.note("save: %v", err)
	case n < 95:
		m.skip()
	case n < 96:
		m.ackUnread()
	case n < 98:
		m.drop()
	default:
		m.restart()
	}
	m.check()
}

func (m *model) record() disklog.Pending {
	n := m.rng.IntN(300)
	if m.rng.IntN(30) == 0 {
		n = 3000 + m.rng.IntN(6000) // larger than a segment, perhaps
	}
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(m.rng.Uint32())
	}
	cut := m.rng.IntN(n + 1)
	return disklog.Pending{
		Weight: uint64(m.rng.IntN(20)),
		Time:   time.Unix(0, m.rng.Int64()),
		Data:   [][]byte{data[:cut], data[cut:]},
	}
}

func (m *model) append() {
	recs := make([]disklog.Pending, 1+m.rng.IntN(4))
	for i := range recs {
		recs[i] = m.record()
	}
	first, err := m.log.Append(recs...)
	m.note("append %d: %d, %v", len(recs), first, err)
	if err != nil {
		return
	}
	if first != m.next {
		m.fatalf("sequence number %d, want %d", first, m.next)
	}
	for i, r := range recs {
		m.all[first+uint64(i)] = &kept{weight: r.Weight, when: r.Time, data: slices.Concat(r.Data...)}
	}
	m.next += uint64(len(recs))
}

func (m *model) sync() {
	err := m.log.Sync()
	m.note("sync: %v", err)
	if err != nil {
		return
	}
	for _, k := range m.all {
		k.synced = true
	}
	m.tainted = m.tainted && m.last == m.next
}

func (m *model) readOne() {
	r, err := m.log.Next(m.buf)
	m.note("next: %d, %v", r.Seq, err)
	for m.read < m.next && m.all[m.read].gone { // given up before it was read
		m.read++
	}
	switch {
	case errors.Is(err, io.EOF):
		if m.read != m.next {
			m.fatalf("EOF at %d of %d", m.read, m.next)
		}
	case err != nil:
		m.fatalf("%v", err)
	case r.Seq != m.read:
		m.fatalf("read %d, want %d", r.Seq, m.read)
	default:
		m.same(r)
		m.buf = r.Data
		m.flight = append(m.flight, r.Seq)
		m.read++
	}
}

// ack acknowledges some neighbours of what is in flight.
func (m *model) ack() {
	if len(m.flight) == 0 {
		return
	}
	i := m.rng.IntN(len(m.flight))
	if m.rng.IntN(2) == 0 {
		i = 0
	}
	j := i
	for j+1 < len(m.flight) && m.flight[j+1] == m.flight[j]+1 && m.rng.IntN(4) > 0 {
		j++
	}
	from, to := m.flight[i], m.flight[j]
	m.note("ack %d..%d", from, to)
	m.log.Ack(from, to)
	m.log.Ack(from, from) // once more
	for seq := from; seq <= to; seq++ {
		m.all[seq].gone = true
	}
	m.flight = slices.Delete(m.flight, i, j+1)
}

// skip takes it that a few records are in memory still.
func (m *model) skip() {
	to := min(m.next, m.read+uint64(m.rng.IntN(6)))
	m.note("skip to %d", to)
	m.log.SkipTo(to)
	for ; m.read < to; m.read++ {
		if !m.all[m.read].gone {
			m.flight = append(m.flight, m.read)
		}
	}
}

// ackUnread acknowledges a record of which the caller has a copy, without a word
// to the reader.
func (m *model) ackUnread() {
	if m.read == m.next {
		return
	}
	seq := m.read + m.rng.Uint64N(m.next-m.read)
	m.note("ack %d unread", seq)
	m.log.Ack(seq, seq)
	m.all[seq].gone = true
}

func (m *model) drop() {
	if len(m.flight) > 0 { // it might be of the oldest segment
		return
	}
	before := m.log.Stats()
	d, err := m.log.DropOldest(math.MaxUint64)
	m.note("drop: %+v, %v", d, err)
	m.scarred = m.scarred || err != nil // a later process may take it for missing
	var records, weight uint64
	if d != (disklog.Dropped{}) {
		for seq := d.First; seq <= d.Last; seq++ {
			if k := m.all[seq]; !k.gone {
				k.gone = true
				records++
				weight += k.weight
			}
		}
	}
	if d.Records != records || d.Weight != weight || (d.Records == 0) != (before.Records == 0) {
		m.fatalf("gave up %+v, want %d records of %d", d, records, weight)
	}
}

// check holds the log's figures against the model's.
func (m *model) check() {
	var records, weight uint64
	for _, k := range m.all {
		if !k.gone {
			records++
			weight += k.weight
		}
	}
	s := m.log.Stats()
	if s.NextSeq != m.next || s.Records != records || s.Weight != weight {
		m.fatalf("%+v, want %d records of %d, next %d", s, records, weight, m.next)
	}
	if _, ok := m.log.OldestTime(); ok != (records > 0) {
		m.fatalf("oldest time: %v with %d records", ok, records)
	}
}

// restart ends the process, or the machine, and goes on with what is left.
func (m *model) restart() {
	power := m.rng.IntN(2) == 0
	after := m.fs.Kill()
	if power {
		after = m.fs.Crash(m.rng)
	}
	m.note("restart, power: %v", power)
	l, found := m.verify(after, power)
	m.fs, m.log = after, l
	before := m.all
	m.all, m.flight = map[uint64]*kept{}, nil
	for _, r := range found {
		m.all[r.Seq] = &kept{weight: r.Weight, when: r.Time, data: slices.Clone(r.Data), synced: power} // what is there after a crash is on the disk
		m.flight = append(m.flight, r.Seq)
	}
	m.next = l.Stats().NextSeq
	m.read = m.next
	for seq := uint64(0); seq < m.next; seq++ {
		if m.all[seq] == nil {
			m.all[seq] = &kept{}
			if k := before[seq]; k != nil { // after a power failure it may come again
				m.all[seq] = k
			}
			m.all[seq].gone = true
		}
	}
	m.tainted, m.scarred = false, m.scarred || power || m.tainted
}

// histories is how many are tried: DISKLOG_HISTORIES, or what takes seconds.
func histories(t *testing.T) int {
	t.Helper()
	text, ok := os.LookupEnv("DISKLOG_HISTORIES")
	if !ok {
		return 150
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Whatever is done, and whenever the process or the machine ends, what was
// synced and not acknowledged is there, in order, and the weights add up.
func TestModel(t *testing.T) {
	for i := range histories(t) {
		m := newModel(t, uint64(i))
		for range 60 {
			m.step(nil)
			m.verify(m.fs.Crash(m.rng), true)
			m.verify(m.fs.Kill(), false)
		}
	}
}

// The same on a disk on which now and then something fails.
func TestModelOnABadDisk(t *testing.T) {
	failed, n := 0, histories(t)
	for i := range n {
		m := newModel(t, uint64(1_000_000+i))
		for range 60 {
			var faults func(faultfs.Op) error
			if m.rng.IntN(3) == 0 {
				faults = m.faults(&failed)
			}
			m.step(faults)
			m.verify(m.fs.Crash(m.rng), true)
			m.verify(m.fs.Kill(), false)
		}
	}
	if failed < n {
		t.Errorf("only %d operations failed", failed)
	}
}

// faults fail a few operations that change something.
func (m *model) faults(failed *int) func(faultfs.Op) error {
	budget := 1 + m.rng.IntN(3)
	kinds := []faultfs.Kind{
		faultfs.Write, faultfs.Sync, faultfs.SyncDir, faultfs.Truncate, faultfs.Remove, faultfs.Rename,
	}
	kind := kinds[m.rng.IntN(len(kinds))]
	creating := m.rng.IntN(4) == 0
	return func(op faultfs.Op) error {
		if budget == 0 || op.Kind != kind && !(op.Kind == faultfs.Write && kind == faultfs.Truncate) && !(creating && op.Create) {
			return nil
		}
		budget--
		*failed++
		m.note("%v fails", op)
		if op.Kind == faultfs.Truncate || op.Kind == faultfs.Remove || op.Kind == faultfs.Write {
			if !m.tainted {
				m.taint = m.next
			}
			m.tainted, m.last = true, m.next
		}
		if op.Kind == faultfs.Write && !op.Segment() {
			m.scarred = true // a slot of the position is torn
		}
		if op.Kind == faultfs.Write {
			return &faultfs.Fault{Err: syscall.ENOSPC, Written: m.rng.IntN(op.Len + 1)}
		}
		return syscall.EIO
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
