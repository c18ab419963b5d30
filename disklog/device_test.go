package disklog_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// What can't be read is lost; what can be is not.
func TestUnreadable(t *testing.T) {
	for _, c := range []struct {
		name       string
		fails      func(faultfs.Op) bool
		read, lost int
	}{
		{"a record's data", func(op faultfs.Op) bool { return op.Kind == faultfs.Read && op.Len == 100 && op.Off == 48+148*2+48 }, 19, 1},
		{"a segment", func(op faultfs.Op) bool {
			return op.Kind == faultfs.Read && strings.Contains(op.Name, "0000000000000006")
		}, 14, 6},
		{"opening a segment", func(op faultfs.Op) bool {
			return op.Kind == faultfs.Open && strings.Contains(op.Name, "0000000000000006")
		}, 14, 6},
		{"all", func(op faultfs.Op) bool { return op.Kind == faultfs.Read }, 0, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := faultfs.New()
			l := openOn(t, fsys, 1000)
			appendN(t, l, 20, 100)
			fsys.Inject(func(op faultfs.Op) error {
				if c.fails(op) && !strings.HasSuffix(op.Name, "position") {
					return syscall.EIO
				}
				return nil
			})
			if c.name == "a record's data" { // of one segment
				fails := c.fails
				fsys.Inject(func(op faultfs.Op) error {
					if fails(op) && strings.Contains(op.Name, "0000000000000006") {
						return syscall.EIO
					}
					return nil
				})
			}
			read, lost, losses := readLost(t, l)
			if read != c.read || lost != c.lost {
				t.Errorf("%d read, %d lost, want %d and %d: %v", read, lost, c.read, c.lost, losses)
			}
			for _, e := range losses {
				if e.Kind != disklog.Device || !errors.Is(e, syscall.EIO) {
					t.Errorf("%+v", e)
				}
			}
			if s := l.Stats(); s.Weight != uint64(read) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// What was acknowledged without being read is not lost with what is around it,
// and not read either.
func TestAcknowledgedUnread(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000)
	appendN(t, l, 20, 100)
	l.Ack(7, 8)
	l.Ack(14, 14)
	fsys.Inject(func(op faultfs.Op) error {
		if op.Kind == faultfs.Read && strings.Contains(op.Name, "0000000000000006") {
			return syscall.EIO
		}
		return nil
	})
	read, lost, losses := readLost(t, l)
	if read != 13 || lost != 4 || losses[0].Weight != 4 {
		t.Errorf("%d read, %d lost: %v", read, lost, losses)
	}
	if s := l.Stats(); s.Records != 13 || s.Weight != 13 {
		t.Errorf("%+v", s)
	}
}

// A file that somebody has removed.
func TestSegmentThatIsGone(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000)
	appendN(t, l, 20, 100)
	for name := range contents(t, fsys) {
		if err := fsys.Remove("/log/" + name); err != nil {
			t.Fatal(err)
		}
	}
	read, lost, losses := readLost(t, l)
	if read != 0 || lost != 20 || losses[0].Kind != disklog.Device {
		t.Errorf("%d read, %d lost: %v", read, lost, losses)
	}
	if err := l.SavePosition(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// No file descriptors left is no reason to lose anything.
func TestNoDescriptorsLeft(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000)
	appendN(t, l, 20, 100)
	none := func(op faultfs.Op) error {
		if op.Kind == faultfs.Open {
			return syscall.EMFILE
		}
		return nil
	}
	fsys.Inject(none)
	for range 3 {
		var lost *disklog.Lost
		if _, err := l.Next(nil); !errors.Is(err, syscall.EMFILE) || errors.As(err, &lost) {
			t.Fatal(err)
		}
	}
	if _, _, err := disklog.Open("/log", disklog.Options{FS: fsys}); !errors.Is(err, syscall.EMFILE) {
		t.Error(err)
	}
	fsys.Inject(nil)
	if read, lost, _ := readLost(t, l); read != 20 || lost != 0 {
		t.Errorf("%d read, %d lost", read, lost)
	}
}

// A device that can't be read when the log is opened. If it can be read again
// later, no sequence number comes twice, and nothing else is lost.
func TestUnreadableAtOpen(t *testing.T) {
	for _, c := range []struct {
		name       string
		fails      string // in the file's name
		read, lost int
	}{
		{"position", "position", 21, 0},
		{"the first segment", "0000000000000000", 21, 0},
		{"the last segment", "0000000000000012", 19, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := faultfs.New()
			l := openOn(t, fsys, 1000)
			appendN(t, l, 20, 100)
			fsys.Inject(func(op faultfs.Op) error {
				if op.Kind == faultfs.Read && strings.Contains(op.Name, c.fails) {
					return syscall.EIO
				}
				return nil
			})
			if c.name == "position" {
				if err := l.SavePosition(); err != nil {
					t.Fatal(err)
				}
			}
			l, rec, err := disklog.Open("/log", disklog.Options{FS: fsys, SegmentBytes: 1000})
			if err != nil || len(rec.Damage) == 0 || rec.Damage[0].Kind != disklog.Device {
				t.Fatal(rec, err)
			}
			if s := l.Stats(); s.NextSeq < 20 || s.Records < 20 {
				t.Errorf("%+v", s)
			}
			if err := l.SavePosition(); err != nil { // keeps what can't be read now
				t.Fatal(err)
			}
			appendN(t, l, 1, 100)
			fsys.Inject(nil)
			read, lost, losses := readLost(t, openOn(t, fsys, 1000))
			if read != c.read || (lost == 0) != (c.lost == 0) || lost < c.lost {
				t.Errorf("%d read, %d lost: %v", read, lost, losses)
			}
		})
	}
}

// If nothing at all can be read there is no telling how to go on.
func TestNothingReadableAtOpen(t *testing.T) {
	fsys := faultfs.New()
	appendN(t, openOn(t, fsys, 1000), 20, 100)
	before := contents(t, fsys)
	fsys.Inject(func(op faultfs.Op) error {
		if op.Kind == faultfs.Read {
			return syscall.EIO
		}
		return nil
	})
	if _, _, err := disklog.Open("/log", disklog.Options{FS: fsys}); !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
	fsys.Inject(nil)
	if after := contents(t, fsys); len(after) != len(before) {
		t.Errorf("%d files, were %d", len(after), len(before))
	}
	if read, lost, _ := readLost(t, openOn(t, fsys, 1000)); read != 20 || lost != 0 {
		t.Errorf("%d read, %d lost", read, lost)
	}
}

// A full disk: what does not fit is refused as a whole, and what is there stays.
func TestFullDisk(t *testing.T) {
	for room := range int64(700) {
		fsys := faultfs.New()
		l := openOn(t, fsys, 1000)
		appendN(t, l, 3, 100)
		fsys.Free(room)
		n := 3
		for range 5 {
			_, err := l.Append(
				disklog.Pending{Weight: 1, Data: [][]byte{make([]byte, 50)}},
				disklog.Pending{Weight: 1, Data: [][]byte{make([]byte, 50)}})
			if err == nil {
				n += 2
			} else if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
		}
		if s := l.Stats(); s.Records != uint64(n) {
			t.Fatalf("room for %d: %+v, want %d", room, s, n)
		}
		if read, lost, losses := readLost(t, openOn(t, fsys.Kill(), 1000)); read != n || lost != 0 {
			t.Fatalf("room for %d: %d read, %d lost: %v", room, read, lost, losses)
		}
		fsys.Free(-1)
		appendN(t, l, 2, 100)
		if read, lost, losses := readLost(t, l); read != n+2 || lost != 0 {
			t.Fatalf("room for %d: %d read, %d lost: %v", room, read, lost, losses)
		}
	}
}

// A segment that could not be begun, nor removed, is not taken for the one that
// came in its place, whatever the clock says.
func TestSegmentThatIsLeft(t *testing.T) {
	fsys := faultfs.New()
	now := time.Unix(100_000, 0)
	open := func() *disklog.Log {
		l, _, err := disklog.Open("/log", disklog.Options{FS: fsys, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	broken := func(op faultfs.Op) error {
		switch op.Kind {
		case faultfs.Write:
			return &faultfs.Fault{Err: syscall.EIO, Written: op.Len - 1}
		case faultfs.Remove:
			return syscall.EIO
		default:
			return nil
		}
	}
	l := open()
	for range 3 {
		fsys.Inject(broken)
		if _, err := l.Append(disklog.Pending{Weight: 1, Data: [][]byte{make([]byte, 10)}}); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		fsys.Inject(nil)
		now = now.Add(-time.Hour)
	}
	appendN(t, l, 5, 100)
	if read, lost, losses := readLost(t, open()); read != 5 || lost != 0 {
		t.Errorf("%d read, %d lost: %v", read, lost, losses)
	}
}

// A file system that has become read-only can still be read.
func TestReadOnly(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000)
	appendN(t, l, 20, 100)
	readOnly := func(op faultfs.Op) error {
		if op.Kind.Changes() || op.Create {
			return syscall.EROFS
		}
		return nil
	}
	fsys.Inject(readOnly)
	for _, l := range []*disklog.Log{l, openOn(t, fsys, 1000)} {
		if _, err := l.Append(disklog.Pending{}); !errors.Is(err, syscall.EROFS) {
			t.Error(err)
		}
		if err := l.SavePosition(); !errors.Is(err, syscall.EROFS) {
			t.Error(err)
		}
		if read, lost, _ := readLost(t, l); read != 20 || lost != 0 {
			t.Errorf("%d read, %d lost", read, lost)
		}
		d, err := l.DropOldest(math.MaxUint64)
		if !errors.Is(err, syscall.EROFS) || d.Records == 0 {
			t.Errorf("%+v %v", d, err)
		}
	}
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{
			&disklog.NewerError{File: "/d/position", Version: 2},
			"/d/position has format version 2, and this program knows up to 1: start the newer version, or move the file away",
		},
		{
			&disklog.Lost{First: 7, Records: 2, Segment: "a.seg", Offset: 48, Kind: disklog.Torn},
			"2 records lost from 7 on, torn: a.seg at 48",
		},
		{
			&disklog.Lost{First: 7, Records: 2, Kind: disklog.Missing},
			"2 records lost from 7 on, missing: no segment has them",
		},
		{
			&disklog.Lost{First: 7, Records: 1, Segment: "a.seg", Kind: disklog.Device, Err: syscall.EIO},
			"1 records lost from 7 on, unreadable: a.seg at 0: input/output error",
		},
		{errors.New(fmt.Sprint(disklog.Damage{File: "a.seg", Offset: 9, Kind: disklog.Damaged, Err: io.EOF})), "a.seg at 9: damaged: EOF"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
