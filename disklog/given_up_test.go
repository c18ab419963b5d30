package disklog_test

import (
	"errors"
	"io"
	"math"
	"testing"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// A segment that holds a record which is not to be given up stays whole.
func TestDropOldestUpToALimit(t *testing.T) {
	l := openOn(t, faultfs.New(), 1000) // 6 records in each
	appendN(t, l, 20, 100)
	for _, limit := range []uint64{0, 1, 5} {
		if d, err := l.DropOldest(limit); err != nil || d != (disklog.Dropped{}) {
			t.Errorf("up to %d: %+v %v", limit, d, err)
		}
	}
	if d, err := l.DropOldest(6); err != nil || d.Records != 6 {
		t.Errorf("%+v %v", d, err)
	}
	if d, err := l.DropOldest(6); err != nil || d != (disklog.Dropped{}) {
		t.Errorf("%+v %v", d, err)
	}
	if read, lost, _ := readLost(t, l); read != 14 || lost != 0 {
		t.Errorf("%d read, %d lost", read, lost)
	}
}

// A segment is given up while a record of it is being read: the record counts as
// given up, and does not come out as well.
func TestGivenUpWhileItIsRead(t *testing.T) {
	for _, damaged := range []bool{false, true} {
		fsys := faultfs.New()
		l := openOn(t, fsys, 1000)
		appendN(t, l, 20, 100)
		var d disklog.Dropped
		fsys.Inject(func(op faultfs.Op) error {
			if op.Kind != faultfs.Read || !op.Segment() {
				return nil
			}
			fsys.Inject(nil)
			var err error
			if d, err = l.DropOldest(math.MaxUint64); err != nil {
				t.Error(err)
			}
			if damaged {
				return errors.New("gone")
			}
			return nil
		})
		r, err := l.Next(nil)
		if err != nil || r.Seq != 6 || d.Unread != 6 {
			t.Errorf("damaged %v: %+v %v, when %+v was given up", damaged, r.Seq, err, d)
		}
		if read, lost, _ := readLost(t, l); read != 13 || lost != 0 {
			t.Errorf("%d read, %d lost", read, lost)
		}
	}
}

// A file that was removed while the reader had it open takes space until it is
// closed: that is done when there is nothing more to read, at the latest.
func TestReaderLeavesWhatWasRemoved(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000)
	appendN(t, l, 6, 100)
	for range 6 {
		if _, err := l.Next(nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	appendN(t, l, 1, 100) // ends the first segment
	l.Ack(0, 5)
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	l.Ack(6, 6)
	if _, err := l.Next(nil); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if n := fsys.Opened(); n != 2 { // the segment that is written, and the position
		t.Errorf("%d files are open", n)
	}
}
