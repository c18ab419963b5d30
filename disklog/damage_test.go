package disklog_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
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

func TestUndamaged(t *testing.T) {
	f, _ := makeLog(t)
	o := openAndRead(t, f.fs(t))
	if !slices.Equal(o.read, all()) || len(o.lost) != 0 || len(o.rec.Damage) != 0 || o.rec.Weight != madeWeight-1 {
		t.Errorf("%+v", o)
	}
}

// A flipped bit costs the record that it is in, and nothing else; one in a
// segment's header or in the position costs nothing.
func TestFlippedBits(t *testing.T) {
	f, where := makeLog(t)
	for name, b := range f {
		for off := range b {
			for _, bit := range []byte{1, 0x80} {
				flipped := slices.Clone(b)
				flipped[off] ^= bit
				o := openAndRead(t, f.with(name, flipped).fs(t))
				hit := -1
				for i, w := range where {
					if w.file == name && off >= w.from && off < w.to {
						hit = i
					}
				}
				switch {
				case name == "position": // the other slot holds, or all is read again
					if want := all(); len(o.lost) != 0 || !slices.Equal(o.read, want) && !slices.Equal(o.read, append([]uint64{0, 1}, want...)) {
						t.Errorf("%s, bit %#x of byte %d: read %d, lost %v", name, bit, off, o.read, o.lost)
					}
				case hit < madeAcked:
					if !slices.Equal(o.read, all()) || len(o.lost) != 0 {
						t.Errorf("%s, bit %#x of byte %d: read %d, lost %v", name, bit, off, o.read, o.lost)
					}
				default:
					if !slices.Equal(o.read, all(hit)) || len(o.lost) != 1 {
						t.Fatalf("%s, bit %#x of byte %d: read %d, lost %v", name, bit, off, o.read, o.lost)
					}
					l := o.lost[0]
					if l.First != uint64(hit) || l.Records != 1 || l.Weight != uint64(hit) || l.Segment != name || l.Offset != int64(where[hit].from) || l.Kind == disklog.Device {
						t.Errorf("%s, bit %#x of byte %d: %+v, want record %d", name, bit, off, l, hit)
					}
				}
			}
		}
	}
}

// A segment that ends early costs what was behind, and not what others have.
func TestTruncated(t *testing.T) {
	f, where := makeLog(t)
	for name, b := range f {
		for size := range b {
			o := openAndRead(t, f.with(name, b[:size]).fs(t))
			var gone []int
			for i, w := range where {
				if w.file == name && w.to > size && i >= madeAcked {
					gone = append(gone, i)
				}
			}
			want := all(gone...)
			if name == "position" && slices.Equal(o.read, append([]uint64{0, 1}, want...)) {
				continue // all is read again
			}
			if !slices.Equal(o.read, want) {
				t.Errorf("%s, %d bytes of it: read %d, want %d; lost %v", name, size, o.read, want, o.lost)
			}
			for _, l := range o.lost {
				if l.Kind != disklog.Torn {
					t.Errorf("%s, %d bytes of it: %v", name, size, l)
				}
			}
		}
	}
}

func TestDeletedSegments(t *testing.T) {
	f, where := makeLog(t)
	for name := range f {
		o := openAndRead(t, f.with(name, nil).fs(t))
		if name == "position" {
			if want := append([]uint64{0, 1}, all()...); !slices.Equal(o.read, want) || len(o.lost) != 0 {
				t.Errorf("without a position: read %d, want %d", o.read, want)
			}
			continue
		}
		var gone []int
		for i, w := range where {
			if w.file == name {
				gone = append(gone, i)
			}
		}
		if !slices.Equal(o.read, all(gone...)) || len(o.lost) != 1 {
			t.Errorf("without %s: read %d, lost %v", name, o.read, o.lost)
		}
	}
	none := files{"position": f["position"]}
	o := openAndRead(t, none.fs(t))
	if len(o.read) != 0 || len(o.lost) != 1 || o.lost[0].Kind != disklog.Missing || o.lost[0].Weight != madeWeight-1 {
		t.Errorf("without any: %+v", o)
	}
}

// What others have put into the directory is left alone.
func TestForeignFiles(t *testing.T) {
	f, _ := makeLog(t)
	foreign := files{"README": []byte("hello"), "x.seg": []byte("hello"), "0000000000000001-ABCDEF00.seg": {}, "a.tmp": {}, "lock": {}}
	for name, b := range foreign {
		f[name] = b
	}
	fsys := f.fs(t)
	if err := fsys.Mkdir("/log/0000000000000002-00000000.seg", 0o700); err != nil {
		t.Fatal(err)
	}
	o := openAndRead(t, fsys)
	if !slices.Equal(o.read, all()) || len(o.lost) != 0 || len(o.rec.Damage) != 1 {
		t.Errorf("%+v", o)
	}
	for name, b := range foreign {
		if got, ok := fsys.Content("/log/" + name); !ok || string(got) != string(b) {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
}

// An empty segment is what a crash can leave of a new one.
func TestEmptySegments(t *testing.T) {
	f, _ := makeLog(t)
	for _, seq := range []uint64{0, 1, 5, madeRecords} {
		for _, b := range [][]byte{{}, make([]byte, 10), make([]byte, 1000)} {
			o := openAndRead(t, f.with(fmt.Sprintf("%016x-00000000.seg", seq), b).fs(t))
			if len(o.rec.Damage) == 0 {
				t.Errorf("an empty segment at %d is not damage", seq)
			}
			if seq == madeRecords && (!slices.Equal(o.read, all()) || len(o.lost) != 0) {
				t.Errorf("an empty one at the end: read %d, lost %v", o.read, o.lost)
			}
		}
	}
}

// A file of a version to come is not opened, and nothing is changed.
func TestNewerVersion(t *testing.T) {
	f, _ := makeLog(t)
	for name, b := range f {
		newer := slices.Clone(b)
		binary.LittleEndian.PutUint32(newer[8:], 2)
		sum := map[bool]int{true: 60, false: 44}[name == "position"]
		if name == "position" { // make it the one slot that counts
			newer = newer[:64]
			copy(newer, "WAYPOS\r\n")
			binary.LittleEndian.PutUint32(newer[8:], 2)
		}
		binary.LittleEndian.PutUint32(newer[sum:], crc32.Checksum(newer[:sum], crc32.MakeTable(crc32.Castagnoli)))
		g := f.with(name, newer)
		fsys := g.fs(t)
		if err := fsys.SetContent("/log/0000000000000009-00000000.seg.tmp", []byte("x")); err != nil {
			t.Fatal(err)
		}
		_, _, err := disklog.Open("/log", disklog.Options{FS: fsys})
		var tell *disklog.NewerError
		if !errors.Is(err, disklog.ErrNewer) || !errors.As(err, &tell) || tell.Version != 2 || tell.File != "/log/"+name {
			t.Errorf("%s: %v", name, err)
		}
		delete(g, "x")
		after := contents(t, fsys)
		delete(after, "0000000000000009-00000000.seg.tmp")
		if !maps.EqualFunc(after, g, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Errorf("%s: the directory was changed", name)
		}
		if n := fsys.Opened(); n != 0 {
			t.Errorf("%d files are left open", n)
		}
	}
}

// Bytes that a sender has chosen do not pass for a record, even behind damage:
// here are headers of another segment, whole and with the right checksums.
func TestRecordsWithinRecords(t *testing.T) {
	f, where := makeLog(t)
	stolen := f[where[3].file][where[3].from:where[3].to]
	fsys := faultfs.New()
	l, _, err := disklog.Open("/log", disklog.Options{FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if _, err := l.Append(disklog.Pending{Weight: 1, Data: [][]byte{stolen}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range contents(t, fsys) {
		if name == "position" {
			continue
		}
		b[segmentHead+8]++ // the first record's number
		if err := fsys.SetContent("/log/"+name, b); err != nil {
			t.Fatal(err)
		}
	}
	l, _, err = disklog.Open("/log", disklog.Options{FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	var lost *disklog.Lost
	if _, err := l.Next(nil); !errors.As(err, &lost) || lost.Records != 1 || lost.Weight != 1 {
		t.Errorf("%v", err)
	}
	if r, err := l.Next(nil); err != nil || r.Seq != 1 || string(r.Data) != string(stolen) {
		t.Errorf("%+v, %v", r, err)
	}
}
