package buffer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// What a dead process left came to a keeper that was writing at the moment, and
// was taken for missing: all of it was counted as corrupt, and never read.
func TestFolderAdoptedWhileTheKeeperWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := newFaulty(t, SyncInterval)
		f := &faulty{fs: dead.fs, dir: dead.dir}
		f.open(t)
		dead.put(t, 0, 20)
		dead.die(func(fs *faultfs.FS) *faultfs.FS { return fs })
		hold := make(chan struct{})
		f.fs.Inject(func(op faultfs.Op) error {
			if op.Kind == faultfs.Write && op.Segment() {
				<-hold
			}
			return nil
		})
		answer := make(chan error, 1)
		go func() { answer <- f.Answered(numbered(20, frameBytes), 1) }()
		synctest.Wait()
		f.store.adopt(t.Context())
		close(hold)
		if err := <-answer; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if s := check(t, f.Lane); s.Recovered != 20 || s.Dropped.Sum() != 0 {
			t.Errorf("%+v", s.Account)
		}
		same(t, drained(t, f.Lane), upTo(21))
		time.Sleep(time.Second)
		if n := len(entries(t, f.dir)); n != 1 {
			t.Errorf("%d folders when all of the dead process's is delivered", n)
		}
		leave(t, f.Lane)
	})
}

// The process had to end while the disk was full and a batch was not written
// yet: the keeper tried for ever to give that up.
func TestEndWithAFullDiskAndABatchThatIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		for i := range 20 {
			f.Datagram(numbered(i, frameBytes), 1, ledger.LeftOut{})
		}
		b, err := f.Take(t.Context()) // after 10 ms; it is written after 25
		if err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		f.answered.disk.limit = 1 // of both
		f.mu.Unlock()
		b.Dropped(ledger.Shutdown, b.Spans())
		b.Done()
		if s := leave(t, f.Lane); s.Buffered != 20 {
			t.Errorf("%+v", s.Account)
		}
		f.open(t)
		same(t, drained(t, f.Lane), upTo(20))
		leave(t, f.Lane)
	})
}

// Half of a batch was delivered, its segment was given up, and the process ends:
// what is left of it is not on disk, and not buffered.
func TestHalfDeliveredBatchWithoutItsSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.datagrams(0, 20)
		time.Sleep(100 * time.Millisecond)
		b, err := f.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.datagrams(20, 4000)
		b.Delivered(5)
		b.Dropped(ledger.Shutdown, b.Spans()-5)
		b.Done()
		last := leave(t, f.Lane)
		if got, want := last.Dropped[ledger.Shutdown], uint64(b.Spans()-5); got != want {
			t.Errorf("%d dropped at the end, want %d", got, want)
		}
		f.open(t)
		if s := check(t, f.Lane); s.Recovered != last.Buffered {
			t.Errorf("buffered at the end: %d; recovered: %d", last.Buffered, s.Recovered)
		}
		drained(t, f.Lane)
		leave(t, f.Lane)
	})
}

// Half of a batch stays, and was counted as buffered. What was to be written
// after that made room for itself, on a full disk, by giving up the batch.
func TestNothingIsGivenUpAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.datagrams(0, 20)
		time.Sleep(100 * time.Millisecond)
		b, err := f.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.datagrams(20, 30)
		f.mu.Lock()
		f.answered.disk.limit = 1 // of both
		f.mu.Unlock()
		b.Delivered(5)
		b.Dropped(ledger.Shutdown, b.Spans()-5)
		b.Done()
		if s := leave(t, f.Lane); s.Buffered != 25 {
			t.Errorf("%+v", s.Account)
		}
		f.open(t)
		same(t, drained(t, f.Lane), upTo(30)) // the half that was delivered again
		leave(t, f.Lane)
	})
}

// datagrams enters them so slowly that all of them get on disk.
func (f *faulty) datagrams(from, to int) {
	for i := from; i < to; i++ {
		f.Datagram(numbered(i, frameBytes), 1, ledger.LeftOut{})
		if i%50 == 49 {
			time.Sleep(writeAfter)
			synctest.Wait()
		}
	}
}

// A loss was counted by a process that was killed before anything else was
// acknowledged, and by the next one again.
func TestLossIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 20)
		leave(t, f.Lane)
		f.fs.Inject(func(op faultfs.Op) error {
			if op.Kind == faultfs.Read && op.Segment() && op.Off > 0 && op.Len > 1000 {
				return syscall.EIO
			}
			return nil
		})
		f.open(t)
		time.Sleep(time.Second)
		s := check(t, f.Lane)
		if s.Dropped[ledger.DiskLost] == 0 {
			t.Fatalf("nothing was lost, so that this test shows nothing: %+v", s.Account)
		}
		f.die((*faultfs.FS).Kill)
		f.open(t)
		if again := check(t, f.Lane); again.Recovered != s.Buffered {
			t.Errorf("%d lost, %d left; the next process finds %d", s.Dropped[ledger.DiskLost], s.Buffered, again.Recovered)
		}
		leave(t, f.Lane)
	})
}

// Each try to begin on a disk that fails left a folder more.
func TestFoldersDoNotPileUpWhileTheDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{fs: faultfs.New(), dir: t.TempDir()}
		f.fs.Inject(noWrites(syscall.ENOSPC))
		f.open(t)
		for range 20 { // something to write, so that it tries
			f.put(t, 0, 1)
			time.Sleep(retryAfter)
		}
		if n := len(entries(t, f.dir)); n > 1 {
			t.Errorf("%d folders", n)
		}
		if n := strings.Count(f.log.String(), "\n"); n != 1 {
			t.Errorf("%d lines in the log, want one:\n%s", n, f.log.String())
		}
		f.fs.Inject(nil)
		time.Sleep(retryAfter + time.Second)
		drained(t, f.Lane)
		leave(t, f.Lane)
		if left := entries(t, f.dir); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
}

func entries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, "default"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A folder that somebody else has made was taken for that of a dead process,
// used and removed.
func TestFolderOfSomebodyElseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"backup", "0-backup", "lost+found", "20261125T213000Z-5f0c2a91.old", "20269925T213000Z-5f0c2a91"} {
		if err := os.MkdirAll(filepath.Join(dir, "default", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l := onDisk(t, dir, nil)
	if err := l.Answered(numbered(0, frameBytes), 1); err != nil {
		t.Fatal(err)
	}
	if got := len(entries(t, dir)); got != 6 {
		t.Errorf("%d folders while it runs, want one more than there were", got)
	}
	same(t, drained(t, l), upTo(1))
	leave(t, l)
	for _, e := range entries(t, dir) {
		if inside, err := os.ReadDir(filepath.Join(dir, "default", e.Name())); err != nil || len(inside) > 0 {
			t.Errorf("%s: %v, %v", e.Name(), inside, err)
		}
	}
	if got := len(entries(t, dir)); got != 5 {
		t.Errorf("%d folders are left, want those of others", got)
	}
}

// The rest of a file could not be read, of which much was in memory as well: the
// log took all of it for lost, and the lane for kept on disk.
func TestWhatIsInMemoryIsNotLostWithTheDisk(t *testing.T) {
	for _, goesOn := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFaulty(t, SyncInterval)
			f.put(t, 0, 120) // in one segment; a part is in memory
			f.fs.Inject(func(op faultfs.Op) error {
				if op.Kind == faultfs.Read && op.Segment() {
					return syscall.EIO
				}
				return nil
			})
			var got []int
			for check(t, f.Lane).Dropped[ledger.DiskLost] == 0 {
				b, err := f.Take(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, numbersOf(t, b)...)
				deliver(b)
				synctest.Wait()
			}
			f.fs.Inject(nil)
			n := 120
			if goesOn {
				n = 300
				f.put(t, 120, n) // what was in memory has to go through the disk
			} else {
				last := leave(t, f.Lane)
				got = append(got, make([]int, last.Dropped[ledger.DiskLost])...)
				f.open(t)
				if s := check(t, f.Lane); s.Recovered != last.Buffered {
					t.Errorf("buffered at the end: %d; recovered: %d", last.Buffered, s.Recovered)
				}
			}
			got = append(got, drained(t, f.Lane)...)
			s := leave(t, f.Lane)
			if goesOn {
				got = append(got, make([]int, s.Dropped[ledger.DiskLost])...)
			}
			if len(got) != n || s.Dropped[ledger.Corrupt] != 0 {
				t.Errorf("%d of %d came out or were counted as lost; %+v", len(got), n, s.Account)
			}
			if slices.Sort(got); !slices.Equal(got[len(got)-40:], upTo(n)[n-40:]) {
				t.Errorf("the last ones that came out: %v", got[len(got)-40:])
			}
		})
	}
}

// What a collector refuses for good does not stay on disk; only what the process
// had no time for does.
func TestRejectedSpansDoNotStayOnDisk(t *testing.T) {
	dir := t.TempDir()
	l := onDisk(t, dir, nil)
	for i := range 10 {
		if err := l.Answered(numbered(i, frameBytes), 1); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; n < 10; {
		b, err := l.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += b.Spans()
		b.Dropped(ledger.Rejected, b.Spans())
		b.Done()
	}
	if s := leave(t, l); s.Dropped[ledger.Rejected] != 10 || s.Buffered != 0 {
		t.Errorf("%+v", s.Account)
	}
	if left := list(t, dir); left != nil {
		t.Errorf("left: %v", left)
	}
}

// Two processes are dead. The folder of one becomes the next one's own; what is
// read of both is acknowledged where it came from.
func TestFoldersOfTwoDeadProcesses(t *testing.T) {
	dir := t.TempDir()
	a, b := onDisk(t, dir, nil), onDisk(t, dir, nil)
	for i := range 10 {
		for j, l := range []*Lane{a, b} {
			if err := l.Answered(numbered(2*i+j, frameBytes), 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	leave(t, a)
	leave(t, b)
	l := onDisk(t, dir, nil)
	if s := check(t, l); s.Recovered != 20 {
		t.Errorf("%+v", s.Account)
	}
	got := drained(t, l)
	slices.Sort(got)
	same(t, got, upTo(20))
	leave(t, l)
	if left := list(t, dir); left != nil {
		t.Errorf("left: %v", left)
	}
}

// Many processes are dead: a few of their folders are open at a time, and all of
// them come to be delivered.
func TestFoldersOfManyDeadProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 3 * maxAdopted
		f := &faulty{fs: faultfs.New(), dir: t.TempDir()}
		var dead []*Lane
		for i := range n {
			f.open(t)
			f.put(t, i, i+1)
			dead = append(dead, f.Lane)
		}
		for _, l := range dead {
			leave(t, l)
		}
		f.open(t)
		time.Sleep(time.Minute) // nothing is delivered
		if s := check(t, f.Lane); s.Recovered != maxAdopted+1 {
			t.Errorf("%d folders are open", s.Recovered)
		}
		var got []int
		for len(got) < n {
			b, err := f.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, numbersOf(t, b)...)
			deliver(b)
		}
		slices.Sort(got)
		same(t, got, upTo(n))
		leave(t, f.Lane)
		if left := entries(t, f.dir); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
}
