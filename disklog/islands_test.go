package disklog_test

import (
	"math"
	"os"
	"slices"
	"testing"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// What was acknowledged out of order is not read again by the next process.
func TestAcknowledgedOutOfOrder(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000) // 6 records a segment
	appendN(t, l, 40, 100)
	read := func(l *disklog.Log) (seqs []uint64) {
		for {
			r, err := l.Next(nil)
			if err != nil {
				return seqs
			}
			seqs = append(seqs, r.Seq)
		}
	}
	all := read(l)
	for _, a := range [][2]uint64{{5, 5}, {7, 11}, {12, 13}, {38, 39}} {
		l.Ack(a[0], a[1])
	}
	gone := []uint64{5, 7, 8, 9, 10, 11, 12, 13, 38, 39}
	left := slices.DeleteFunc(all, func(seq uint64) bool { return slices.Contains(gone, seq) })
	for life := range 3 { // what one has found goes on to the next
		if err := l.SavePosition(); err != nil {
			t.Fatal(err)
		}
		opt := disklog.Options{SegmentBytes: 1000, FS: fsys.Kill()}
		next, rec, err := disklog.Open("/log", opt)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Records != uint64(len(left)) || next.Stats().Records != rec.Records {
			t.Errorf("life %d: %d records, want %d", life, rec.Records, len(left))
		}
		if life == 1 { // once without reading
			l = next
			continue
		}
		if got := read(next); !slices.Equal(got, left) {
			t.Errorf("life %d: read %v, want %v", life, got, left)
		}
		l = next
	}
	d, err := l.DropOldest(math.MaxUint64)
	if err != nil || d.Records != 5 || d.Unread != 0 {
		t.Errorf("%+v %v, want 5 of the 6 in the first segment", d, err)
	}
	l.Ack(0, 39)
	if s := l.Stats(); s.Records != 0 || s.Weight != 0 || s.FirstSeq != 40 {
		t.Errorf("%+v", s)
	}
}

// A segment that is given up before anything was read takes its islands along,
// and so does one that is damaged.
func TestIslandsThatAreLost(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000)
	appendN(t, l, 24, 100)
	for range 24 {
		if _, err := l.Next(nil); err != nil {
			t.Fatal(err)
		}
	}
	l.Ack(2, 3)
	l.Ack(5, 7) // across two segments
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	before := l.Stats()
	fsys = fsys.Kill()
	l = openOn(t, fsys, 1000)
	if s := l.Stats(); s.Records != before.Records || s.Weight != before.Weight {
		t.Errorf("%+v, want %+v", s, before)
	}
	d, err := l.DropOldest(math.MaxUint64)
	if err != nil || d.Records != 3 || d.Unread != d.Weight {
		t.Errorf("%+v %v, want the 3 of 6 that are not acknowledged", d, err)
	}
	if s := l.Stats(); s.Records != before.Records-3 || s.Weight != before.Weight-d.Weight {
		t.Errorf("%+v after %+v", s, before)
	}
	if r, err := l.Next(nil); err != nil || r.Seq != 8 {
		t.Errorf("%d, %v, want 8: 6 and 7 are acknowledged", r.Seq, err)
	}
}

// There is room for 14 stretches. What is in more is read again, and the position
// is as good as ever.
func TestMoreIslandsThanThereIsRoomFor(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000)
	appendN(t, l, 60, 100)
	for range 60 {
		if _, err := l.Next(nil); err != nil {
			t.Fatal(err)
		}
	}
	l.Ack(0, 9)
	for seq := uint64(11); seq < 59; seq += 2 { // 24 of one record each
		l.Ack(seq, seq)
	}
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	l = openOn(t, fsys.Kill(), 1000)
	if s := l.Stats(); s.FirstSeq != 10 || s.Records != 50-14 {
		t.Errorf("%+v, want %d records from 10 on", s, 50-14)
	}
	if read, lost, _ := readLost(t, l); read != 50-14 || lost != 0 {
		t.Errorf("%d read, %d lost", read, lost)
	}
}

// A process that reads nothing before it is killed leaves the islands it found.
func TestIslandsOfAProcessThatReadNothing(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000)
	appendN(t, l, 20, 100)
	for range 20 {
		if _, err := l.Next(nil); err != nil {
			t.Fatal(err)
		}
	}
	l.Ack(5, 9)
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	fsys = fsys.Kill()
	l = openOn(t, fsys, 1000)
	appendN(t, l, 1, 100) // so that there is a new position to save
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	if read, lost, _ := readLost(t, openOn(t, fsys.Kill(), 1000)); read != 16 || lost != 0 {
		t.Errorf("%d read, %d lost; want 16 of 21", read, lost)
	}
}

// A bit of an island is flipped: nothing that was not acknowledged is passed over.
func TestIslandThatIsDamaged(t *testing.T) {
	made := func() (*faultfs.FS, disklog.File) {
		fsys := faultfs.New()
		l := openOn(t, fsys, 1000)
		appendN(t, l, 20, 100)
		for range 20 {
			if _, err := l.Next(nil); err != nil {
				t.Fatal(err)
			}
		}
		l.Ack(5, 9)
		if err := l.SavePosition(); err != nil {
			t.Fatal(err)
		}
		fsys = fsys.Kill()
		f, err := fsys.OpenFile("/log/position", os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fsys, f
	}
	for _, slot := range []int64{0, 4096} {
		for at := slot + 64; at < slot+64+32; at++ {
			for bit := range 8 {
				fsys, f := made()
				b := []byte{0}
				if _, err := f.ReadAt(b, at); err != nil {
					t.Fatal(err)
				}
				b[0] ^= 1 << bit
				if _, err := f.WriteVec([][]byte{b}, at); err != nil {
					t.Fatal(err)
				}
				if read, lost, _ := readLost(t, openOn(t, fsys, 1000)); read != 15 && read != 20 || lost != 0 {
					t.Fatalf("bit %d of byte %d: %d read, %d lost", bit, at, read, lost)
				}
			}
		}
	}
}
