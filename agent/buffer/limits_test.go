package buffer

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// Datagrams had the disk to themselves and stopped; then answered spans took
// their half, and the files were half as large again as they may be.
func TestAnsweredPushesDatagramsFromAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.datagrams(0, 3000)    // 24 MB
		time.Sleep(time.Minute) // its keeper has nothing to do
		kept := 0
		for f.Answered(numbered(kept, frameBytes), 1) == nil {
			kept++
			synctest.Wait()
		}
		time.Sleep(time.Second)
		d := check(t, f.Lane).Buffer.Disk
		if d.Answered < MinDisk*3/8 {
			t.Errorf("only %d bytes of answered spans went to disk", d.Answered)
		}
		if d.Answered+d.Datagram > MinDisk {
			t.Errorf("%d + %d bytes on disk, at most %d", d.Answered, d.Datagram, MinDisk)
		}
		drained(t, f.Lane)
		leave(t, f.Lane)
	})
}

// The disk was full and turned read-only: segment after segment was given up to
// make room, though none came of it.
func TestReadOnlyDiskThatIsFullGivesUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.datagrams(0, 3000)
		for i := 0; f.state(t) == ledger.DiskOK && check(t, f.Lane).Buffer.Disk.Datagram < MinDisk-10*frameBytes; i++ {
			f.datagrams(3000+i, 3001+i)
			time.Sleep(time.Second)
		}
		before := check(t, f.Lane)
		f.fs.Inject(noWrites(syscall.EROFS))
		f.datagrams(4950, 5000) // more than there is room for
		for i := range 40 {
			f.datagrams(5000+i, 5001+i)
			time.Sleep(time.Second)
		}
		after := check(t, f.Lane)
		lost := after.Dropped[ledger.BufferFull] - before.Dropped[ledger.BufferFull]
		// The one for which it was tried, and what had been read ahead.
		if limit := uint64(MinDisk/16/frameBytes + diskOptions.Memory/8/frameBytes); lost > limit {
			t.Errorf("%d spans were given up, more than %d", lost, limit)
		}
		f.fs.Inject(nil)
		drained(t, f.Lane)
		leave(t, f.Lane)
	})
}

// While the disk failed, answered spans could take all of the memory, and every
// datagram was dropped.
func TestDatagramsKeepTheirHalfOfMemoryWhenTheDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 1)
		f.fs.Inject(noWrites(syscall.ENOSPC))
		var err error
		for err == nil {
			err = f.Answered(numbered(1, frameBytes), 1)
		}
		if !errors.Is(err, ErrFull) {
			t.Error(err)
		}
		for range 50 {
			f.Datagram(numbered(2, frameBytes), 1, ledger.LeftOut{})
		}
		s := check(t, f.Lane)
		if s.Dropped.Sum() != 0 {
			t.Errorf("%+v", s.Account)
		}
		// One that fits when the disk works again may come again.
		if err := enter(f.Lane, 12, 64<<10); !errors.Is(err, ErrFull) {
			t.Errorf("a request that fits into an empty buffer: %v", err)
		}
		f.fs.Inject(nil)
		time.Sleep(retryAfter + time.Second)
		if err := enter(f.Lane, 12, 64<<10); err != nil {
			t.Error(err)
		}
		f.Flush()
		for {
			b, err := f.Take(t.Context())
			if err != nil {
				break
			}
			deliver(b)
		}
		leave(t, f.Lane)
	})
}

// Spans of many ages are read into a chunk each: it is the chunks that were
// too many for the memory, not their bytes.
func TestMemoryOfWhatIsReadIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		opt := diskOptions
		opt.MaxAge = 64 * time.Second
		f.SetOptions(opt)
		const n = 50
		for range n {
			if err := f.Answered(numbered(0, 400), 1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1100 * time.Millisecond)
		}
		leave(t, f.Lane)
		f.openWith(t, opt) // reading begins at once
		time.Sleep(time.Second)
		s := check(t, f.Lane)
		if limit := opt.Memory/16 + 2*chunkBytes; s.Buffer.Answered > limit {
			t.Errorf("%d bytes of memory are taken by what is read ahead, at most %d", s.Buffer.Answered, limit)
		}
		f.Flush()
		chunks := 0
		for {
			b, err := f.Take(t.Context())
			if err != nil {
				break
			}
			chunks += len(b.Chunks())
			deliver(b)
		}
		if chunks != n {
			t.Errorf("%d spans of as many ages came in %d chunks", n, chunks)
		}
		if s := leave(t, f.Lane); s.Delivered != n {
			t.Errorf("%+v", s.Account)
		}
	})
}

// A smaller memory is one for what is read ahead as well.
func TestSmallerMemoryReadsLessAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 400)
		leave(t, f.Lane)
		f.Lane = NewLane("default", Options{Memory: 8 << 20, MaxAge: time.Hour, BatchBytes: 256 << 10, BatchAge: time.Second})
		if err := f.OpenDisk(DiskOptions{Path: f.dir, Size: MinDisk, FS: inMemory{f.fs}}); err != nil {
			t.Fatal(err)
		}
		f.SetOptions(diskOptions)
		f.Flush()
		for {
			synctest.Wait()
			if s := check(t, f.Lane); s.Buffer.Answered-s.Buffer.InFlight > diskOptions.Memory/8+2*chunkBytes && s.Delivered > 200 {
				t.Fatalf("%d bytes are read ahead of Take", s.Buffer.Answered-s.Buffer.InFlight)
			}
			b, err := f.Take(t.Context())
			if err != nil {
				break
			}
			deliver(b)
		}
		leave(t, f.Lane)
	})
}

// A request that waited for 2 s found the disk too slow just when the pass it
// waited for had ended: from then on all were refused, and nothing was left to
// do for the keeper that could have ended it.
func TestSlownessThatNothingFollowsIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncAlways)
		f.put(t, 0, 1)
		deliverOne(t, f.Lane)
		time.Sleep(time.Second)
		if err := f.await(newPass()); !errors.Is(err, ErrUnsure) {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := f.state(t); got != ledger.DiskOK {
			t.Errorf("the disk's state is %s", got)
		}
		if err := f.Answered(numbered(1, frameBytes), 1); err != nil {
			t.Error(err)
		}
		leave(t, f.Lane)
	})
}

func deliverOne(t *testing.T, l *Lane) {
	t.Helper()
	b, err := l.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deliver(b)
}

// What was delivered had not been removed yet, and what was not was given up to
// make room.
func TestRoomOfWhatIsDeliveredIsUsedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.datagrams(0, 3000)
		for i := 0; check(t, f.Lane).Buffer.Disk.Datagram < MinDisk-10*frameBytes; i++ {
			f.datagrams(3000+i, 3001+i)
			time.Sleep(time.Second)
		}
		before := check(t, f.Lane)
		deliverOne(t, f.Lane) // which is saved at once, so that the next one's turn comes later
		synctest.Wait()
		for check(t, f.Lane).Delivered-before.Delivered < 2*MinDisk/16/frameBytes {
			deliverOne(t, f.Lane)
		}
		f.datagrams(5000, 5050)
		time.Sleep(time.Second)
		if after := check(t, f.Lane); after.Dropped != before.Dropped {
			t.Errorf("dropped before: %v, after: %v", before.Dropped, after.Dropped)
		}
		drained(t, f.Lane)
		leave(t, f.Lane)
	})
}

// What is in memory as well is not given up on disk.
func TestNothingInMemoryIsGivenUpOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.datagrams(0, 20)
		time.Sleep(time.Second)
		f.mu.Lock()
		f.answered.disk.limit = 1 // of both
		f.mu.Unlock()
		f.datagrams(20, 30)
		time.Sleep(time.Second)
		if s := leave(t, f.Lane); s.Buffered != 30 {
			t.Errorf("%+v", s.Account)
		}
		f.open(t)
		same(t, drained(t, f.Lane), upTo(30))
		leave(t, f.Lane)
	})
}

// A chunk that was too old was being written, to a disk that hung: Take looked
// for it a thousand times a second.
func TestTakeDoesNotSpinBehindADiskThatHangs(t *testing.T) {
	l := NewLane("default", options)
	l.Datagram(frame(1, 100), 7, ledger.LeftOut{})
	old := time.Now().Add(2 * options.MaxAge)
	l.datagram.chunks.list[0].busy = true
	l.inFlight = options.Memory / 4 // so that it is not taken either
	if b, wait, err := l.take(old); b != nil || wait < 50*time.Millisecond || err != nil {
		t.Errorf("%v, waits %v, %v", b, wait, err)
	}
	l.inFlight = 0
	l.datagram.chunks.list[0].busy = false
	if b, _, _ := l.take(old); b != nil || check(t, l).Dropped[ledger.Expired] != 7 {
		t.Errorf("it did not expire: %+v", check(t, l))
	}
}
