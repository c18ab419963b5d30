package disklog_test

import (
	"errors"
	"io"
	"math"
	"testing"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// Giving up segments one by one, with some acknowledged out of order.
func TestDropOldest(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000) // 6 records in each
	appendN(t, l, 20, 100)
	for range 8 {
		if _, err := l.Next(nil); err != nil {
			t.Fatal(err)
		}
	}
	l.Ack(0, 0)
	l.Ack(3, 4)
	bytes := l.Stats().Bytes
	d, err := l.DropOldest(math.MaxUint64)
	if want := (disklog.Dropped{First: 1, Last: 5, Records: 3, Weight: 3, Bytes: 48 + 6*148}); err != nil || d != want {
		t.Errorf("%+v, want %+v; %v", d, want, err)
	}
	l.Ack(0, 5) // too late, and no matter
	if s := l.Stats(); s.Records != 14 || s.Weight != 14 || s.Bytes != bytes-d.Bytes {
		t.Errorf("%+v", s)
	}
	if d, err := l.DropOldest(math.MaxUint64); err != nil || d.First != 6 || d.Last != 11 || d.Records != 6 { // in the middle of reading it
		t.Errorf("%+v %v", d, err)
	}
	if r, err := l.Next(nil); err != nil || r.Seq != 12 {
		t.Errorf("%+v %v", r, err)
	}
	if read, lost, _ := readLost(t, openOn(t, fsys.Crash(seeded(3)), 1000)); lost > 8 || read > 8 {
		t.Errorf("after a power failure: %d read, %d lost", read, lost)
	}
	for _, want := range []uint64{6, 2, 0, 0} { // the last is that which is being written
		if d, err := l.DropOldest(math.MaxUint64); err != nil || d.Records != want {
			t.Errorf("%+v %v, want %d records", d, err, want)
		}
	}
	if s := l.Stats(); s.Records != 0 || s.Bytes != 0 || s.Segments != 0 {
		t.Errorf("%+v", s)
	}
	appendN(t, l, 1, 100)
	if r, err := l.Next(nil); err != nil || r.Seq != 20 {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := l.Next(nil); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestTooLarge(t *testing.T) {
	l := openOn(t, faultfs.New(), 1000)
	huge := make([]byte, 1<<20)
	pieces := make([][]byte, 1025)
	for i := range pieces {
		pieces[i] = huge
	}
	for _, p := range []disklog.Pending{{Data: pieces}, {Weight: 1 << 63}} {
		if _, err := l.Append(disklog.Pending{}, p); !errors.Is(err, disklog.ErrTooLarge) {
			t.Error(err)
		}
	}
	if s := l.Stats(); s.NextSeq != 0 || s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
}

// More than a segment holds has one of its own, and more than marks are kept for
// is acknowledged all the same.
func TestLargeAndMany(t *testing.T) {
	l := openOn(t, faultfs.New(), 1000)
	appendN(t, l, 1, 10)
	appendN(t, l, 1, 5000)
	appendN(t, l, 1, 10)
	if s := l.Stats(); s.Segments != 3 {
		t.Errorf("%+v", s)
	}
	if read, lost, _ := readLost(t, l); read != 3 || lost != 0 {
		t.Errorf("%d read, %d lost", read, lost)
	}

	const many = 40_000
	l = openOn(t, faultfs.New(), 1<<20)
	for range many / 100 {
		if _, err := l.Append(make([]disklog.Pending, 99)...); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(disklog.Pending{Weight: 7}); err != nil {
			t.Fatal(err)
		}
	}
	l.Ack(30_000, 30_099)
	if s := l.Stats(); s.Records != many-100 || s.Weight != (many/100-1)*7 {
		t.Errorf("%+v", s)
	}
	l.SkipTo(35_000)
	l.Ack(0, 34_999)
	if s := l.Stats(); s.FirstSeq != 35_000 || s.ReadSeq != 35_000 || s.Weight != 50*7 {
		t.Errorf("%+v", s)
	}
	if r, err := l.Next(nil); err != nil || r.Seq != 35_000 {
		t.Errorf("%+v %v", r, err)
	}
	if read, lost, _ := readLost(t, l); read != 4_999 || lost != 0 {
		t.Errorf("%d read, %d lost", read, lost)
	}
}
