package buffer

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// inMemory is a faultfs in which directories are made with those above them:
// the store makes its own in the real file system, where the locks are.
type inMemory struct{ *faultfs.FS }

func (m inMemory) Mkdir(dir string, perm fs.FileMode) error {
	if parent := filepath.Dir(dir); parent != dir {
		if err := m.Mkdir(parent, perm); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := m.FS.Mkdir(dir, perm); err != nil {
		return err
	}
	return m.SyncDir(filepath.Dir(dir))
}

// faulty is a lane on a disk that fails as it is told to.
type faulty struct {
	*Lane
	fs   *faultfs.FS
	dir  string
	log  strings.Builder
	sync Sync
}

func newFaulty(t *testing.T, sync Sync) *faulty {
	f := &faulty{fs: faultfs.New(), dir: t.TempDir(), sync: sync}
	f.open(t)
	return f
}

func (f *faulty) open(t *testing.T) {
	t.Helper()
	f.openWith(t, diskOptions)
}

func (f *faulty) openWith(t *testing.T, opt Options) {
	t.Helper()
	f.Lane = NewLane("default", opt)
	log := slog.New(slog.NewTextHandler(&f.log, nil))
	if err := f.OpenDisk(DiskOptions{Path: f.dir, Size: MinDisk, Sync: f.sync, FS: inMemory{f.fs}, Log: log}); err != nil {
		t.Fatal(err)
	}
}

// die ends the lane as kill -9 does. What it leaves on disk is what after makes of it.
func (f *faulty) die(after func(*faultfs.FS) *faultfs.FS) {
	left := after(f.fs)
	f.store.cancel()
	f.store.tasks.Wait()
	_ = f.store.own.lock.Unlock()
	f.fs = left
}

func (f *faulty) put(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := f.Answered(numbered(i, frameBytes), 1); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
}

func (f *faulty) state(t *testing.T) string {
	t.Helper()
	return check(t, f.Lane).Buffer.Disk.State
}

// noWrites is a disk that is full, or read-only.
func noWrites(errno error) func(faultfs.Op) error {
	return func(op faultfs.Op) error {
		if op.Kind.Changes() || op.Kind == faultfs.Open && op.Create {
			return errno
		}
		return nil
	}
}

func TestDiskThatCannotBeWritten(t *testing.T) {
	for _, errno := range []error{syscall.ENOSPC, syscall.EROFS, syscall.EIO} {
		t.Run("interval "+errno.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFaulty(t, SyncInterval)
				f.put(t, 0, 20)
				f.fs.Inject(noWrites(errno))
				f.put(t, 20, 40) // they go on in memory
				f.Datagram(numbered(1000, frameBytes), 1, ledger.LeftOut{})
				synctest.Wait()
				if got := f.state(t); got != ledger.DiskFailed {
					t.Errorf("the disk's state is %s", got)
				}
				b, err := f.Take(t.Context())
				if err != nil {
					t.Fatalf("nothing is delivered while the disk fails: %v", err)
				}
				got := numbersOf(t, b)
				deliver(b)
				f.fs.Inject(nil)
				time.Sleep(retryAfter + time.Second)
				if got := f.state(t); got != ledger.DiskOK {
					t.Errorf("the disk's state is %s when it works again", got)
				}
				f.put(t, 40, 60)
				got = append(got, drained(t, f.Lane)...)
				slices.Sort(got)
				same(t, got, append(upTo(60), 1000))
				leave(t, f.Lane)
				if n := strings.Count(f.log.String(), "does not work"); n != 1 {
					t.Errorf("the log says it %d times, want once:\n%s", n, f.log.String())
				}
			})
		})
		t.Run("always "+errno.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFaulty(t, SyncAlways)
				f.put(t, 0, 20)
				f.fs.Inject(noWrites(errno))
				for i, want := range []error{ErrUnsure, ErrDisk, ErrDisk} {
					if err := f.Answered(numbered(100+i, frameBytes), 1); !errors.Is(err, want) {
						t.Errorf("request %d on a disk that fails is answered with %v, want %v", i, err, want)
					}
				}
				if s := check(t, f.Lane); s.Refused[ledger.QueueFull] != 3 || s.Accepted != 21 {
					t.Errorf("%+v", s.Account)
				}
				f.Datagram(numbered(1000, frameBytes), 1, ledger.LeftOut{})
				f.fs.Inject(nil)
				time.Sleep(retryAfter + time.Second)
				f.put(t, 20, 40)
				got := drained(t, f.Lane)
				slices.Sort(got)
				// The first was on its way already.
				same(t, got, append(upTo(40), 100, 1000))
				leave(t, f.Lane)
			})
		})
	}
}

// The first start on a disk that fails: the agent works, in memory.
func TestStartOnADiskThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{fs: faultfs.New(), dir: t.TempDir()}
		f.fs.Inject(noWrites(syscall.ENOSPC))
		f.open(t)
		if got := f.state(t); got != ledger.DiskFailed {
			t.Errorf("the disk's state is %s", got)
		}
		f.put(t, 0, 20)
		f.fs.Inject(nil)
		time.Sleep(retryAfter + time.Second)
		if got := f.state(t); got != ledger.DiskOK {
			t.Errorf("the disk's state is %s when it works", got)
		}
		same(t, drained(t, f.Lane), upTo(20))
		leave(t, f.Lane)
	})
}

// At the end nothing can be written: what is in memory alone is counted as
// lost, what is on disk is not.
func TestEndOnADiskThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 20)
		f.fs.Inject(noWrites(syscall.ENOSPC))
		f.put(t, 20, 30)
		if s := leave(t, f.Lane); s.Dropped[ledger.Shutdown] != 10 || s.Buffered != 20 {
			t.Errorf("%+v", s.Account)
		}
		f.fs.Inject(nil)
		f.open(t)
		same(t, drained(t, f.Lane), upTo(20))
		leave(t, f.Lane)
	})
}

// Requests wait for a slow disk, but not for ever.
func TestSlowDisk(t *testing.T) {
	for _, sync := range []Sync{SyncInterval, SyncAlways} {
		t.Run(sync.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFaulty(t, sync)
				f.put(t, 0, 5)
				f.fs.Inject(func(op faultfs.Op) error {
					if op.Kind == faultfs.Write && op.Segment() {
						time.Sleep(10 * time.Second)
					}
					return nil
				})
				began := time.Now()
				err := f.Answered(numbered(5, frameBytes), 1)
				if took := time.Since(began); took != slowAfter {
					t.Errorf("answered after %v", took)
				}
				if got := f.state(t); got != ledger.DiskSlow {
					t.Errorf("the disk's state is %s", got)
				}
				again := f.Answered(numbered(6, frameBytes), 1)
				if took := time.Since(began); took != slowAfter {
					t.Errorf("the next one waited as well, until %v", took)
				}
				want := upTo(7)
				if sync == SyncAlways {
					want = upTo(6)
					if !errors.Is(err, ErrUnsure) || !errors.Is(again, ErrDisk) {
						t.Errorf("%v, %v", err, again)
					}
				} else if err != nil || again != nil {
					t.Errorf("%v, %v", err, again)
				}
				time.Sleep(time.Minute)
				f.fs.Inject(nil)
				if got := f.state(t); got != ledger.DiskOK {
					t.Errorf("the disk's state is %s when it has caught up", got)
				}
				same(t, drained(t, f.Lane), want)
				leave(t, f.Lane)
			})
		})
	}
}

// A fsync fails: what it was for is copied to another file and synced there, or
// the sender is told no.
func TestFailedSyncLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncAlways)
		f.put(t, 0, 10)
		var failed atomic.Int32
		f.fs.Inject(func(op faultfs.Op) error {
			if op.Kind == faultfs.Sync && op.Segment() && failed.CompareAndSwap(0, 1) {
				return syscall.EIO
			}
			return nil
		})
		f.put(t, 10, 20)
		if failed.Load() == 0 {
			t.Fatal("no fsync failed: this test shows nothing")
		}
		f.die(func(fs *faultfs.FS) *faultfs.FS { return fs.Crash(rand.New(rand.NewPCG(1, 2))) })
		f.open(t)
		same(t, drained(t, f.Lane), upTo(20))
		leave(t, f.Lane)
	})
}

// What can't be read any more is lost with the disk, and counted as that.
func TestDiskThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 50)
		leave(t, f.Lane)
		f.open(t)
		f.fs.Inject(func(op faultfs.Op) error {
			if op.Kind == faultfs.Read && op.Segment() {
				return syscall.EIO
			}
			return nil
		})
		got := drained(t, f.Lane)
		s := check(t, f.Lane)
		if s.Dropped[ledger.DiskLost]+uint64(len(got)) != 50 || s.Dropped[ledger.DiskLost] == 0 {
			t.Errorf("%d came out; %+v", len(got), s.Account)
		}
		f.fs.Inject(nil)
		leave(t, f.Lane)
	})
}

// Killed at any moment, an agent has told no sender yes whose spans are not
// there; and when the power fails, none under SyncAlways.
func TestKilledAtAnyMoment(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 60 {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, uint64(round)))
			f := newFaulty(t, Sync(round%2))
			after := func(fs *faultfs.FS) *faultfs.FS { return fs.Kill() }
			if f.sync == SyncAlways {
				after = func(fs *faultfs.FS) *faultfs.FS { return fs.Crash(r) }
			}
			var said []int // told yes
			var out []int  // delivered
			n := 50 + r.IntN(400)
			for i := range n {
				if f.Answered(numbered(i, frameBytes), 1) == nil {
					said = append(said, i)
				}
				if r.IntN(20) == 0 {
					f.Flush()
					if b, err := f.Take(t.Context()); err == nil {
						out = append(out, numbersOf(t, b)...)
						deliver(b)
					}
					f.mu.Lock()
					f.flushing = false
					f.mu.Unlock()
				}
				if r.IntN(10) == 0 {
					time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
				}
			}
			f.die(after)
			f.open(t)
			s := check(t, f.Lane)
			out = append(out, drained(t, f.Lane)...)
			slices.Sort(out)
			if got := slices.Compact(out); !slices.Equal(got, said) {
				t.Errorf("round %d, %v: %d told yes, %d came out; recovered %d", round, f.sync, len(said), len(got), s.Recovered)
			}
			leave(t, f.Lane)
		})
	}
}

// A folder of a newer version stays as it is, and does not keep the agent from
// starting.
func TestFolderOfANewerVersionIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	l := onDisk(t, dir, nil)
	if err := l.Answered(numbered(0, frameBytes), 1); err != nil {
		t.Fatal(err)
	}
	leave(t, l)
	files := slices.DeleteFunc(list(t, dir), func(s string) bool { return !strings.HasSuffix(s, ".seg") })
	path := filepath.Join(dir, files[0])
	newer := newerSegment(t, path)
	var log strings.Builder
	l = onDisk(t, dir, func(o *DiskOptions) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	if err := l.Answered(numbered(1, frameBytes), 1); err != nil {
		t.Fatal(err)
	}
	same(t, drained(t, l), []int{1})
	leave(t, l)
	if b, err := os.ReadFile(path); err != nil || string(b) != string(newer) {
		t.Errorf("the file was touched: %v", err)
	}
	if got := log.String(); strings.Count(got, "left as it is") != 1 || !strings.Contains(got, "version") {
		t.Errorf("the log does not say so, once:\n%s", got)
	}
}

var _ disklog.FS = inMemory{}

// newerSegment makes a segment one of a version that is not there yet, and
// returns its bytes. The layout is in disklog's package comment.
func newerSegment(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(b[8:], 99)
	binary.LittleEndian.PutUint32(b[44:], crc32.Checksum(b[:44], crc32.MakeTable(crc32.Castagnoli)))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// Delivered before it was written: there is nothing to write any more, and the
// sender is told yes, at once.
func TestDeliveredBeforeItIsWritten(t *testing.T) {
	for _, sync := range []Sync{SyncInterval, SyncAlways} {
		t.Run(sync.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFaulty(t, sync)
				hold := make(chan struct{})
				f.fs.Inject(func(op faultfs.Op) error {
					if op.Kind == faultfs.Write && op.Segment() {
						<-hold
					}
					return nil
				})
				answers := make(chan error, 2)
				put := func(i int) { answers <- f.Answered(numbered(i, frameBytes), 1) }
				go put(0) // its pass holds up the next one's
				synctest.Wait()
				go put(1)
				synctest.Wait()
				began := time.Now()
				for delivered := 0; delivered < 2; {
					b, err := f.Take(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					delivered += b.Spans()
					deliver(b)
				}
				close(hold)
				for range 2 {
					if err := <-answers; err != nil {
						t.Error(err)
					}
				}
				if took := time.Since(began); took >= slowAfter {
					t.Errorf("answered after %v", took)
				}
				if got := f.state(t); got != ledger.DiskOK {
					t.Errorf("the disk's state is %s", got)
				}
				leave(t, f.Lane)
			})
		})
	}
}

// What is delivered goes from a disk that is full, while senders go on trying to
// have more written.
func TestFullDiskIsFreedUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 400) // more than a segment of 1 MiB
		f.Flush()
		var flying []*Batch
		for range 2 { // as much as may be in flight
			b, err := f.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			flying = append(flying, b)
		}
		before := check(t, f.Lane).Buffer.Disk.Segments
		f.fs.Inject(noSpace)
		for i := range 60 { // a frame every half a second
			_ = f.Answered(numbered(1000+i, frameBytes), 1)
			time.Sleep(500 * time.Millisecond)
			if i == 10 {
				for _, b := range flying {
					deliver(b)
				}
				for { // to the end of what is there
					b, err := f.Take(t.Context())
					if err != nil {
						break
					}
					deliver(b)
				}
			}
		}
		if after := check(t, f.Lane).Buffer.Disk.Segments; after >= before {
			t.Errorf("%d segments before, %d when most is delivered", before, after)
		}
		f.fs.Inject(nil)
		drained(t, f.Lane)
		leave(t, f.Lane)
	})
}

// noSpace is a disk on which nothing new has room, and what is there can be
// written over.
func noSpace(op faultfs.Op) error {
	if op.Kind == faultfs.Write && op.Segment() || op.Kind == faultfs.Open && op.Create {
		return syscall.ENOSPC
	}
	return nil
}

// The clock was set back by a day between two processes: what was written before
// is due at once, and no younger than nothing.
func TestClockSetBack(t *testing.T) {
	fs, dir := faultfs.New(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24 * time.Hour)
		f := &faulty{fs: fs, dir: dir}
		f.open(t)
		f.put(t, 0, 20)
		leave(t, f.Lane)
	})
	synctest.Test(t, func(t *testing.T) { // its clock begins anew
		f := &faulty{fs: fs, dir: dir}
		f.open(t)
		synctest.Wait()
		if age := check(t, f.Lane).Buffer.OldestAge; age < 0 {
			t.Errorf("the oldest span is %v s old", age)
		}
		began := time.Now()
		b, err := f.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("taken after %v", waited)
		}
		deliver(b)
		drained(t, f.Lane)
		leave(t, f.Lane)
	})
}

// With nothing left to write, every look at a disk that was still read-only said
// that it worked, and the save that followed that it did not.
func TestReadOnlyDiskIsNotTakenForOneThatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncAlways)
		if err := f.Answered(numbered(0, frameBytes), 1); err != nil {
			t.Fatal(err)
		}
		f.fs.Inject(noWrites(syscall.EROFS))
		if err := f.Answered(numbered(1, frameBytes), 1); !errors.Is(err, ErrUnsure) {
			t.Fatal(err)
		}
		drained(t, f.Lane)
		for range 12 {
			time.Sleep(retryAfter)
			if got := f.state(t); got != ledger.DiskFailed {
				t.Errorf("the disk is read-only, and its state is %s", got)
			}
		}
		f.fs.Inject(nil)
		time.Sleep(2 * retryAfter)
		if got := f.state(t); got != ledger.DiskOK {
			t.Errorf("the disk works again, and its state is %s", got)
		}
		for _, line := range []string{"the disk buffer does not work", "the disk buffer works again"} {
			if n := strings.Count(f.log.String(), line); n != 1 {
				t.Errorf("%d lines %q:\n%s", n, line, f.log.String())
			}
		}
		leave(t, f.Lane)
	})
}
