package buffer

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// held makes each write wait until something is sent, or the channel is closed.
func (f *faulty) held() chan struct{} {
	hold := make(chan struct{})
	f.fs.Inject(func(op faultfs.Op) error {
		if op.Kind == faultfs.Write && op.Segment() {
			<-hold
		}
		return nil
	})
	return hold
}

// A chunk is delivered while it is being written: its memory is not used again
// before that ends.
func TestMemoryThatIsBeingWrittenIsNotUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		hold := f.held()
		f.datagrams(0, 8)
		time.Sleep(writeAfter)
		synctest.Wait() // it is being written
		b, err := f.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		deliver(b)
		f.datagrams(8, 16)
		close(hold)
		time.Sleep(time.Second)
		if s := leave(t, f.Lane); s.Buffered != 8 {
			t.Errorf("%+v", s.Account)
		}
		f.open(t)
		got := drained(t, f.Lane)
		same(t, got, upTo(16)[8:])
		leave(t, f.Lane)
	})
}

// Datagrams flood in while the disk hangs: what is being written can't make room.
func TestFloodWhileTheDiskHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		hold := f.held()
		flood := func() {
			for i := range 400 { // 3 MB
				f.Datagram(numbered(i, frameBytes), 1, ledger.LeftOut{})
			}
			time.Sleep(writeAfter)
			synctest.Wait()
			check(t, f.Lane) // of the memory that is held, too
		}
		flood()
		hold <- struct{}{} // the next pass writes all that is in memory
		flood()
		flood()
		close(hold)
		time.Sleep(time.Minute)
		drained(t, f.Lane)
		leave(t, f.Lane)
	})
}

// The disk was full: datagrams that were on it and in memory were dropped to make
// room for more.
func TestDatagramsThatAreOnAFullDiskAreNotDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.datagrams(0, 150)
		time.Sleep(time.Second)
		f.fs.Inject(noSpace)
		for i := range 300 {
			f.Datagram(numbered(150+i, frameBytes), 1, ledger.LeftOut{})
		}
		check(t, f.Lane)
		f.fs.Inject(nil)
		time.Sleep(2 * retryAfter)
		got := drained(t, f.Lane)
		for i := range 150 - 8 { // the last chunk is on disk in part
			if !slices.Contains(got, i) {
				t.Fatalf("frame %d was on disk, and was dropped", i)
			}
		}
		leave(t, f.Lane)
	})
}

// A request made room for itself and failed then: what gave up its memory for it
// is read again all the same.
func TestRequestThatFailsWhenItHasMadeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 60)
		time.Sleep(time.Second)
		late := errors.New("the rest never came")
		err := f.AnsweredAll(1<<20, func(put func([]byte, int) error) error {
			for range 17 {
				if err := put(make([]byte, 60<<10), 1); err != nil {
					return err
				}
			}
			return late
		})
		if !errors.Is(err, late) {
			t.Fatal(err)
		}
		f.mu.Lock()
		evicted := f.answered.disk.behind.sum() + f.answered.disk.fetched.spans()
		f.mu.Unlock()
		if evicted == 0 {
			t.Fatal("nothing was evicted: this test shows nothing")
		}
		same(t, drained(t, f.Lane), upTo(60))
		leave(t, f.Lane)
	})
}

// What could not be written is written later, and counts until then.
func TestWhatIsToBeWrittenAddsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.fs.Inject(noWrites(syscall.EIO))
		f.put(t, 0, 30)
		f.datagrams(30, 60)
		time.Sleep(time.Second)
		sums := func(when string) {
			t.Helper()
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, q := range f.queues() {
				sum := 0
				for _, c := range q.disk.dirty {
					sum += c.dirty()
				}
				if sum != q.disk.dirtyBytes {
					t.Errorf("%s: %d bytes are to be written, %d are counted", when, sum, q.disk.dirtyBytes)
				}
			}
		}
		sums("failed")
		b, err := f.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		deliver(b)
		sums("delivered")
		f.fs.Inject(nil)
		time.Sleep(2 * retryAfter)
		sums("written")
		drained(t, f.Lane)
		leave(t, f.Lane)
	})
}

// The process has to end while the disk hangs: it waits for 2 s, and says what
// that costs. That the disk comes back then changes nothing in the account.
func TestEndWhileTheDiskHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 20)
		hold := f.held()
		f.datagrams(20, 30)
		answer := make(chan error, 1)
		go func() { answer <- f.Answered(numbered(30, frameBytes), 1) }()
		time.Sleep(writeAfter)
		synctest.Wait()
		began := time.Now()
		s := leave(t, f.Lane)
		if took := time.Since(began); took != closeTimeout {
			t.Errorf("it took %v", took)
		}
		if s.Buffered != 20 || s.Dropped[ledger.Shutdown] != 11 {
			t.Errorf("%+v", s.Account)
		}
		if err := <-answer; err != nil {
			t.Error(err)
		}
		close(hold)
		time.Sleep(time.Minute)
		if again := check(t, f.Lane); again.Account != s.Account {
			t.Errorf("%+v, and then %+v", s.Account, again.Account)
		}
	})
}
