package disklog_test

import (
	"errors"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

func openOn(t *testing.T, fsys *faultfs.FS, segmentBytes int) *disklog.Log {
	t.Helper()
	l, _, err := disklog.Open("/log", disklog.Options{FS: fsys, SegmentBytes: segmentBytes})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// appendN appends records of a size, each of weight 1.
func appendN(t *testing.T, l *disklog.Log, n, size int) {
	t.Helper()
	for range n {
		if _, err := l.Append(disklog.Pending{Weight: 1, Data: [][]byte{make([]byte, size)}}); err != nil {
			t.Fatal(err)
		}
	}
}

// readLost reads to the end and returns how many records it got and lost.
func readLost(t *testing.T, l *disklog.Log) (read, lost int, losses []*disklog.Lost) {
	t.Helper()
	for {
		_, err := l.Next(nil)
		var e *disklog.Lost
		switch {
		case errors.Is(err, io.EOF):
			return read, lost, losses
		case errors.As(err, &e):
			lost += int(e.Records)
			losses = append(losses, e)
		case err != nil:
			t.Fatal(err)
		default:
			read++
		}
	}
}

// failOnce fails the first operation of a kind that is on a segment or on the
// directory, and counts those of that kind by name.
func failOnce(kind faultfs.Kind, err error, counts map[string]int) func(faultfs.Op) error {
	return func(op faultfs.Op) error {
		if op.Kind != kind || kind != faultfs.SyncDir && !op.Segment() {
			return nil
		}
		counts[op.Name]++
		if len(counts) == 1 && counts[op.Name] == 1 {
			return err
		}
		return nil
	}
}

// After a failed fsync the records are in a new file, and on the disk: a later
// fsync of the old one would succeed and mean nothing.
func TestFailedFsync(t *testing.T) {
	for _, c := range []struct {
		name string
		kind faultfs.Kind
		size int
	}{
		{"fdatasync", faultfs.Sync, 100},
		{"fsync of the directory", faultfs.SyncDir, 100},
		{"sync_file_range, started", faultfs.StartWrite, 100_000},
		{"sync_file_range, waited for", faultfs.FinishWrite, 100_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := faultfs.New()
			l := openOn(t, fsys, 8<<20)
			appendN(t, l, 1, c.size)
			if _, err := l.Next(nil); err != nil {
				t.Fatal(err)
			}
			l.Ack(0, 0)
			counts := map[string]int{}
			fsys.Inject(failOnce(c.kind, syscall.EIO, counts))
			appendN(t, l, 19, c.size)
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			if len(counts) == 0 {
				t.Fatal("nothing has failed")
			}
			for name, n := range counts {
				if c.kind == faultfs.Sync && n > 1 {
					t.Errorf("%s was synced %d times", name, n)
				}
			}
			fsys.Inject(nil)
			for seed := range uint64(20) {
				after := openOn(t, fsys.Crash(seeded(seed)), 8<<20)
				// The first may be there or not: no position has been saved.
				read, lost, losses := readLost(t, after)
				if read < 19 || lost > 0 && (lost > 1 || losses[0].First > 0) {
					t.Errorf("seed %d: after a power failure %d are there, want 19; lost: %v", seed, read, losses)
				}
			}
			if read, lost, _ := readLost(t, l); read != 19 || lost != 0 {
				t.Errorf("%d read, %d lost, want 19", read, lost)
			}
			appendN(t, l, 1, c.size)
			l.Ack(0, 20)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if n := fsys.Opened(); n != 0 {
				t.Errorf("%d files are left open", n)
			}
		})
	}
}

// What was not written and is not in the page cache any more either is lost, and
// said to be, to the record.
func TestFailedFsyncThatEvicts(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1<<20)
	appendN(t, l, 5, 1000)
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	appendN(t, l, 10, 1000)
	fsys.Inject(failOnce(faultfs.Sync, &faultfs.Fault{Err: syscall.EIO, Evict: true}, map[string]int{}))
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	fsys.Inject(nil)
	appendN(t, l, 5, 1000)
	read, lost, losses := readLost(t, l)
	if read < 10 || lost == 0 || read+lost != 20 {
		t.Errorf("%d read, %d lost: %v", read, lost, losses)
	}
	if s := l.Stats(); s.Records != uint64(read) || s.Weight != uint64(read) {
		t.Errorf("%d read, %+v", read, s)
	}
}

// While the disk takes nothing, Sync says so each time; when it does again, all
// is there.
func TestCopyThatFails(t *testing.T) {
	for _, broken := range []faultfs.Kind{faultfs.Open, faultfs.Write, faultfs.Sync, faultfs.Rename, faultfs.SyncDir} {
		t.Run(broken.String(), func(t *testing.T) {
			fsys := faultfs.New()
			l := openOn(t, fsys, 1<<20)
			appendN(t, l, 5, 100)
			fsys.Inject(func(op faultfs.Op) error {
				if op.Kind == faultfs.Sync || op.Kind == broken && (op.Create || op.Kind != faultfs.Open) {
					return syscall.EIO
				}
				return nil
			})
			for range 3 {
				if err := l.Sync(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "copying") {
					t.Fatalf("%v", err)
				}
			}
			fsys.Inject(nil)
			appendN(t, l, 1, 100)
			if s := l.Stats(); s.Segments != 2 {
				t.Errorf("something is appended to a segment that can't be synced: %+v", s)
			}
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			after := openOn(t, fsys.Crash(seeded(1)), 1<<20)
			if read, lost, _ := readLost(t, after); read != 6 || lost != 0 {
				t.Errorf("%d read, %d lost, want 6", read, lost)
			}
			for name := range contents(t, fsys) {
				if strings.HasSuffix(name, ".tmp") {
					t.Errorf("%s was left behind", name)
				}
			}
		})
	}
}

// While a copy can't be made, the page cache has the only copy of what could not
// be written; reading it does not take it from there.
func TestReadingBeforeTheCopy(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 8<<20)
	appendN(t, l, 20, 100_000)
	fsys.Inject(func(op faultfs.Op) error {
		if op.Kind == faultfs.Sync || op.Create {
			return syscall.EIO
		}
		return nil
	})
	if err := l.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if read, lost, _ := readLost(t, l); read != 20 || lost != 0 {
		t.Errorf("%d read, %d lost", read, lost)
	}
	fsys.Inject(nil)
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if read, lost, losses := readLost(t, openOn(t, fsys.Crash(seeded(1)), 8<<20)); read != 20 || lost != 0 {
		t.Errorf("after a power failure %d are there, %d lost: %v", read, lost, losses)
	}
}

// The directory's fsync fails for the position, and so for a new segment: that
// of the next Sync would succeed and mean nothing.
func TestFailedFsyncOfTheDirectoryForAnother(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1<<20)
	appendN(t, l, 5, 100)
	fsys.Inject(failOnce(faultfs.SyncDir, syscall.EIO, map[string]int{}))
	if err := l.SavePosition(); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(20) {
		if read, lost, losses := readLost(t, openOn(t, fsys.Crash(seeded(seed)), 1<<20)); read != 5 || lost != 0 {
			t.Errorf("seed %d: %d read, %d lost: %v", seed, read, lost, losses)
		}
	}
}

// While fdatasync takes its time, everything else goes on.
func TestNothingWaitsForSync(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 1000)
	appendN(t, l, 5, 100)
	inside, let := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	fsys.Inject(func(op faultfs.Op) error {
		if op.Kind == faultfs.Sync && op.Segment() && first.CompareAndSwap(false, true) {
			close(inside)
			<-let
		}
		return nil
	})
	synced := make(chan error)
	go func() { synced <- l.Sync() }()
	<-inside
	appendN(t, l, 20, 100) // and into new segments
	for range 10 {
		if _, err := l.Next(nil); err != nil {
			t.Fatal(err)
		}
	}
	l.Ack(0, 7)
	l.SkipTo(12)
	if s := l.Stats(); s.NextSeq != 25 || s.Records != 17 {
		t.Errorf("%+v", s)
	}
	if _, ok := l.OldestTime(); !ok {
		t.Error("no oldest time")
	}
	if err := l.SavePosition(); err != nil { // which removes the segment that is being synced
		t.Fatal(err)
	}
	if _, err := l.DropOldest(math.MaxUint64); err != nil {
		t.Fatal(err)
	}
	close(let)
	if err := <-synced; err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// A position that could not be synced is written to a new file.
func TestFailedFsyncOfThePosition(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 300)
	appendN(t, l, 10, 100)
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	fails := 1
	fsys.Inject(func(op faultfs.Op) error {
		if op.Kind == faultfs.Sync && strings.Contains(op.Name, "/position") && fails > 0 {
			fails--
			return syscall.EIO
		}
		return nil
	})
	l.Ack(0, 4)
	if err := l.SavePosition(); err != nil || fails != 0 {
		t.Fatal(err, fails)
	}
	for seed := range uint64(20) {
		after := openOn(t, fsys.Crash(seeded(seed)), 300)
		if read, lost, losses := readLost(t, after); read != 5 || lost != 0 {
			t.Errorf("seed %d: %d read, %d lost: %v", seed, read, lost, losses)
		}
	}
}

// Segments are removed only when the position that allows it is on the disk.
func TestPositionIsDurableBeforeSegmentsGo(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 300)
	appendN(t, l, 10, 100)
	l.Ack(0, 4)
	fsys.Inject(func(op faultfs.Op) error {
		if op.Kind == faultfs.Sync && strings.Contains(op.Name, "position") {
			return syscall.EIO
		}
		if op.Kind == faultfs.Remove && op.Segment() {
			t.Errorf("%v", op)
		}
		return nil
	})
	if err := l.SavePosition(); !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
	fsys.Inject(nil)
	if err := l.SavePosition(); err != nil {
		t.Error(err)
	}
	if s := l.Stats(); s.Segments != 5 {
		t.Errorf("%+v", s)
	}
}

// A segment that is finished while the position is being written has to wait for
// the next, which will be durable.
func TestSegmentThatIsFinishedMeanwhile(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 300)
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	appendN(t, l, 1, 200)
	l.Ack(0, 0)
	appended, durable := false, false
	fsys.Inject(func(op faultfs.Op) error {
		switch {
		case op.Kind == faultfs.Write && !op.Segment() && !appended:
			appended = true
			appendN(t, l, 1, 200) // which ends the first segment
		case op.Kind == faultfs.Sync && !op.Segment():
			durable = true
		case op.Kind == faultfs.Remove && !durable:
			t.Error("a segment goes before the position is on the disk")
		}
		return nil
	})
	for range 2 {
		if err := l.SavePosition(); err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Stats(); s.Segments != 1 || !durable {
		t.Errorf("%+v", s)
	}
}

// A process that ends may leave behind what it has not synced; the next one does.
func TestSyncOfWhatAnEarlierProcessLeft(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 300)
	appendN(t, l, 10, 100)
	l2 := openOn(t, fsys, 300) // the first was killed
	if err := l2.Sync(); err != nil {
		t.Fatal(err)
	}
	after := openOn(t, fsys.Crash(seeded(0)), 300) // of the rest nothing survives with this seed, or all does
	if read, lost, _ := readLost(t, after); read != 10 || lost != 0 {
		t.Errorf("%d read, %d lost", read, lost)
	}
}

// Without Sync the number of open files stays bounded.
func TestFilesWithoutSync(t *testing.T) {
	fsys := faultfs.New()
	l := openOn(t, fsys, 300)
	appendN(t, l, 300, 200)
	if n := fsys.Opened(); n > 20 {
		t.Errorf("%d files are open", n)
	}
}

// The age limit of a segment, and clocks that jump.
func TestSegmentAge(t *testing.T) {
	now := time.Unix(1000, 0)
	l, _, err := disklog.Open("/log", disklog.Options{FS: faultfs.New(), SegmentAge: time.Minute, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at       int64
		segments int
	}{
		{1000, 1},
		{1059, 1},
		{1060, 2},
		{1000 - 86400, 2},
		{1119, 2},
		{1000 + 86400, 3},
		{1001, 3},
	} {
		now = time.Unix(c.at, 0)
		appendN(t, l, 1, 10)
		if s := l.Stats(); s.Segments != c.segments {
			t.Errorf("at %d: %d segments, want %d", c.at, s.Segments, c.segments)
		}
	}
	if at, ok := l.OldestTime(); !ok || at.Unix() != 1000 {
		t.Errorf("%v %v", at, ok)
	}
	l.Ack(0, 1)
	if at, ok := l.OldestTime(); !ok || at.Unix() != 1060 {
		t.Errorf("%v %v", at, ok)
	}
}
