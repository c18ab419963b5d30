package disklog_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// files are what is in a log's directory.
type files map[string][]byte

// A layout says where each record of a made log is.
type layout struct {
	file     string
	from, to int // bytes
}

// Sizes of the format's headers, in bytes.
const (
	segmentHead = 48
	recordHead  = 48
)

const (
	madeRecords = 12
	madeWeight  = 12 * 11 / 2 // record n has the weight n
	madeAcked   = 2
)

// makeLog makes a log of twelve records in four segments or so, the first two
// acknowledged.
func makeLog(t testing.TB) (files, []layout) {
	t.Helper()
	fsys := faultfs.New()
	l, _, err := disklog.Open("/log", disklog.Options{FS: fsys, SegmentBytes: 400}.WithSalts(7))
	if err != nil {
		t.Fatal(err)
	}
	for i := range madeRecords {
		if _, err := l.Append(disklog.Pending{Weight: uint64(i), Time: time.Unix(int64(i), 0), Data: [][]byte{made(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	l.Ack(0, madeAcked-1)
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	made, where := contents(t, fsys), []layout{}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		for b, off := made[name], segmentHead; name != "position" && off < len(b); {
			n := recordHead + int(binary.LittleEndian.Uint32(b[off+4:]))
			where = append(where, layout{name, off, off + n})
			off += n
		}
	}
	if len(where) != madeRecords || len(made) < 4 {
		t.Fatalf("%d records in %d files: %v", len(where), len(made), where)
	}
	return made, where
}

func made(i int) []byte { return fmt.Appendf(nil, "record %d%s", i, strings.Repeat(".", i)) }

func contents(t testing.TB, fsys *faultfs.FS) files {
	t.Helper()
	names, err := fsys.ReadDir("/log")
	if err != nil {
		t.Fatal(err)
	}
	f := files{}
	for _, name := range names {
		f[name], _ = fsys.Content("/log/" + name)
	}
	return f
}

func (f files) fs(t *testing.T) *faultfs.FS {
	t.Helper()
	fsys := faultfs.New()
	if err := fsys.Mkdir("/log", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, b := range f {
		if err := fsys.SetContent("/log/"+name, b); err != nil {
			t.Fatal(err)
		}
	}
	return fsys
}

// with is the same with other bytes in one file; nil removes it.
func (f files) with(name string, b []byte) files {
	f = maps.Clone(f)
	if f[name] = b; b == nil {
		delete(f, name)
	}
	return f
}

// outcome is what opening and reading a log to its end gives.
type outcome struct {
	rec  disklog.Recovered
	read []uint64
	lost []*disklog.Lost
}

// openAndRead also checks what always has to be true: what was recovered is read
// or lost, in order; what is read is what was appended; the log can be used, and
// closed, and what is acknowledged does not come again.
func openAndRead(t *testing.T, fsys *faultfs.FS) (o outcome) {
	t.Helper()
	l, rec, err := disklog.Open("/log", disklog.Options{FS: fsys, SegmentBytes: 400}.WithSalts(7))
	if err != nil {
		t.Fatal(err)
	}
	o.rec = rec
	var records, weight, last uint64
	for {
		r, err := l.Next(nil)
		var lost *disklog.Lost
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.As(err, &lost) {
			o.lost = append(o.lost, lost)
			records += lost.Records
			weight += lost.Weight
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(o.read) > 0 && r.Seq <= last {
			t.Errorf("%d after %d", r.Seq, last)
		}
		if r.Seq < madeRecords && (string(r.Data) != string(made(int(r.Seq))) || r.Weight != r.Seq || r.Time.Unix() != int64(r.Seq)) {
			t.Errorf("not as it was appended: %+v", r)
		}
		last = r.Seq
		o.read = append(o.read, r.Seq)
		records++
		weight += r.Weight
	}
	if records != rec.Records || weight != rec.Weight {
		t.Errorf("recovered %d records of %d; read and lost were %d of %d", rec.Records, rec.Weight, records, weight)
	}

	next := l.Stats().NextSeq
	if len(o.read) > 0 && next <= last {
		t.Errorf("read %d, and %d comes next", last, next)
	}
	if seq, err := l.Append(disklog.Pending{Weight: 5, Data: [][]byte{[]byte("one more")}}); err != nil || seq != next {
		t.Fatalf("append: %d, want %d; %v", seq, next, err)
	}
	if next > 0 {
		l.Ack(0, next-1)
	}
	if s := l.Stats(); s.Records != 1 || s.Weight != 5 {
		t.Errorf("one more, of 5: %+v", s)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, again, err := disklog.Open("/log", disklog.Options{FS: fsys})
	if err != nil || again.Records != 1 || again.Weight != 5 {
		t.Fatalf("%+v, %v", again, err)
	}
	if r, err := l.Next(nil); err != nil || r.Seq != next || string(r.Data) != "one more" {
		t.Fatalf("%+v, %v", r, err)
	}
	l.Ack(next, next)
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Segments != 0 || s.Bytes != 0 || s.Records != 0 {
		t.Errorf("%+v", s)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := fsys.Opened(); n != 0 {
		t.Errorf("%d files are left open", n)
	}
	return o
}

// all are the records that are not acknowledged, less some.
func all(less ...int) (seqs []uint64) {
	for i := madeAcked; i < madeRecords; i++ {
		if !slices.Contains(less, i) {
			seqs = append(seqs, uint64(i))
		}
	}
	return seqs
}
