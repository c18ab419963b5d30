package buffer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

var diskOptions = Options{Memory: 2 << 20, MaxAge: 24 * time.Hour, BatchBytes: 256 << 10, BatchAge: 10 * time.Millisecond}

// onDisk returns a lane that is kept in a directory. It is closed at the end.
func onDisk(t *testing.T, dir string, change func(*DiskOptions)) *Lane {
	t.Helper()
	l := NewLane("default", diskOptions)
	opt := DiskOptions{Path: dir, Size: 64 << 20}
	if change != nil {
		change(&opt)
	}
	if err := l.OpenDisk(opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.mu.Lock()
		open := l.store.own != nil
		l.mu.Unlock()
		if open {
			leave(t, l)
		}
	})
	return l
}

// leave ends a lane, and checks its last account.
func leave(t *testing.T, l *Lane) ledger.Lane {
	t.Helper()
	l.Close()
	return check(t, l)
}

// numbered is a frame of n bytes that begins with a number, and holds it again
// and again, so that a piece of another one would show.
func numbered(i, n int) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint32(nil, uint32(i)), n/4)
}

// drained takes everything, delivers it and returns the frames' numbers.
func drained(t *testing.T, l *Lane) (numbers []int) {
	t.Helper()
	l.Flush()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		b, err := l.Take(ctx)
		cancel()
		if errors.Is(err, io.EOF) {
			return numbers
		}
		if err != nil {
			t.Fatalf("%v after %d frames; %+v", err, len(numbers), l.Snapshot().Account)
		}
		numbers = append(numbers, numbersOf(t, b)...)
		deliver(b)
		check(t, l)
	}
}

// frameBytes is the size of the frames of these tests.
const frameBytes = 8000

func numbersOf(t *testing.T, b *Batch) (numbers []int) {
	t.Helper()
	for _, c := range b.Chunks() {
		for len(c) > 0 {
			i := int(binary.BigEndian.Uint32(c))
			if len(c) < frameBytes || !bytes.Equal(c[:frameBytes], numbered(i, frameBytes)) {
				t.Fatalf("not a whole frame: %x", c[:min(len(c), 64)])
			}
			numbers = append(numbers, i)
			c = c[frameBytes:]
		}
	}
	return numbers
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

func same(t *testing.T, got, want []int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%d frames came out, %d were put in, or in another order: %v", len(got), len(want), got[:min(len(got), 50)])
	}
}

func TestSpansOutliveAProcess(t *testing.T) {
	for _, sync := range []Sync{SyncInterval, SyncAlways} {
		t.Run(sync.String(), func(t *testing.T) {
			dir := t.TempDir()
			set := func(o *DiskOptions) { o.Sync = sync }
			l := onDisk(t, dir, set)
			for i := range 300 {
				if err := l.Answered(numbered(i, frameBytes), 3); err != nil {
					t.Fatal(err)
				}
			}
			if s := leave(t, l); s.Buffered != 900 || s.Dropped.Sum() != 0 {
				t.Errorf("at the end: %+v", s.Account)
			}
			l = onDisk(t, dir, set)
			if s := check(t, l); s.Recovered != 900 || s.Buffered != 900 || s.Accepted != 0 {
				t.Errorf("at the next start: %+v", s.Account)
			}
			same(t, drained(t, l), upTo(300))
			if s := leave(t, l); s.Delivered != 900 || s.Buffered != 0 {
				t.Errorf("delivered: %+v", s.Account)
			}
			if left := list(t, dir); left != nil {
				t.Errorf("files of an empty buffer are left: %v", left)
			}
		})
	}
}

// list are the files below a directory.
func list(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Ten times as much as there is memory for goes through the disk, in order.
func TestMoreThanMemory(t *testing.T) {
	l := onDisk(t, t.TempDir(), nil)
	const n = 2500 // 20 MB
	for i := range n {
		if err := l.Answered(numbered(i, frameBytes), 1); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if s := check(t, l); s.Buffer.Answered > diskOptions.Memory {
			t.Fatalf("%d bytes of memory", s.Buffer.Answered)
		}
	}
	settled(t, l, &l.answered)
	s := check(t, l)
	if most := diskOptions.Memory/4 + diskOptions.Memory/16 + 2*chunkBytes; s.Buffer.Answered > most {
		t.Errorf("%d bytes of memory when all is on disk, at most %d", s.Buffer.Answered, most)
	}
	same(t, drained(t, l), upTo(n))
}

// Datagrams come in faster than they are written: nobody waits, and what finds
// no room is counted.
func TestDatagramsThroughTheDisk(t *testing.T) {
	l := onDisk(t, t.TempDir(), nil)
	const n = 2500
	for i := range n {
		l.Datagram(numbered(i, frameBytes), 1, ledger.LeftOut{})
	}
	got := drained(t, l)
	s := check(t, l)
	if len(got)+int(s.Dropped[ledger.BufferFull]) != n || !slices.IsSorted(got) {
		t.Errorf("%d of %d frames came out, %d were counted as dropped", len(got), n, s.Dropped[ledger.BufferFull])
	}
}

func TestAnsweredRefusesWhenItsHalfOfTheDiskIsFull(t *testing.T) {
	l := onDisk(t, t.TempDir(), func(o *DiskOptions) { o.Size = MinDisk })
	kept := 0
	for ; kept < 10_000; kept++ {
		if err := l.Answered(numbered(kept, frameBytes), 1); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	s := check(t, l)
	if got := s.Buffer.Disk.Answered; got > MinDisk/2 || got < MinDisk/2-(256<<10) {
		t.Errorf("%d bytes on disk when it refuses, want just under %d", got, MinDisk/2)
	}
	if s.Refused[ledger.QueueFull] != 1 || s.Dropped.Sum() != 0 {
		t.Errorf("%+v", s.Account)
	}
	same(t, drained(t, l), upTo(kept))
}

func TestDatagramsGiveUpTheirOldestSegment(t *testing.T) {
	l := onDisk(t, t.TempDir(), func(o *DiskOptions) { o.Size = MinDisk })
	const n = 4000 // 32 MB
	for i := range n {
		l.Datagram(numbered(i, frameBytes), 1, ledger.LeftOut{})
		if i%100 == 99 {
			settled(t, l, &l.datagram)
		}
	}
	s := check(t, l)
	if used := s.Buffer.Disk.Datagram; used > MinDisk || used < MinDisk*3/4 {
		t.Errorf("%d bytes on disk, want up to %d", used, MinDisk)
	}
	got := drained(t, l)
	s = check(t, l)
	first := n - len(got)
	if s.Dropped[ledger.BufferFull] != uint64(first) {
		t.Errorf("%d dropped as buffer_full, %d did not come out", s.Dropped[ledger.BufferFull], first)
	}
	for i, number := range got {
		if number != first+i {
			t.Fatalf("frame %d came out in place of %d: not the oldest were given up", number, first+i)
		}
	}
}

// settled waits until all of a queue is on disk.
func settled(t *testing.T, l *Lane, q *queue) {
	t.Helper()
	for {
		l.mu.Lock()
		done := q.disk.dirtyBytes == 0 && q.disk.writing == 0
		l.mu.Unlock()
		if done {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the keeper does not get on")
		case <-time.After(time.Millisecond):
		}
	}
}

// What is in flight when the process ends stays on disk.
func TestInFlightStaysOnDiskAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	l := onDisk(t, dir, nil)
	for i := range 40 {
		if err := l.Answered(numbered(i, frameBytes), 2); err != nil {
			t.Fatal(err)
		}
	}
	b, err := l.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.Dropped(ledger.Shutdown, b.Spans())
	check(t, l)
	b.Done()
	if s := leave(t, l); s.Buffered != 80 || s.Dropped.Sum() != 0 {
		t.Errorf("%+v", s.Account)
	}
	l = onDisk(t, dir, nil)
	same(t, drained(t, l), upTo(40))
}

// Half of a batch was delivered when the process had to end. Records are
// delivered as a whole, so that half comes again.
func TestHalfDeliveredBatchComesAgain(t *testing.T) {
	dir := t.TempDir()
	l := onDisk(t, dir, nil)
	for i := range 4 {
		if err := l.Answered(numbered(i, frameBytes), 1); err != nil {
			t.Fatal(err)
		}
	}
	b, err := l.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.Delivered(1)
	b.Dropped(ledger.Shutdown, b.Spans()-1)
	b.Done()
	if s := leave(t, l); s.Delivered != 1 || s.Buffered != 3 {
		t.Errorf("%+v", s.Account)
	}
	l = onDisk(t, dir, nil)
	if s := check(t, l); s.Recovered != 4 {
		t.Errorf("%+v", s.Account)
	}
	same(t, drained(t, l), upTo(4))
}

func TestOldSpansExpireOnDisk(t *testing.T) {
	dir := t.TempDir()
	l := onDisk(t, dir, nil)
	for i := range 10 {
		if err := l.Answered(numbered(i, frameBytes), 1); err != nil {
			t.Fatal(err)
		}
	}
	leave(t, l)
	opt := diskOptions
	opt.MaxAge = time.Nanosecond
	l = NewLane("default", opt)
	if err := l.OpenDisk(DiskOptions{Path: dir, Size: 64 << 20}); err != nil {
		t.Fatal(err)
	}
	if got := drained(t, l); len(got) != 0 {
		t.Errorf("%v came out", got)
	}
	if s := leave(t, l); s.Dropped[ledger.Expired] != 10 {
		t.Errorf("%+v", s.Account)
	}
	if left := list(t, dir); left != nil {
		t.Errorf("left: %v", left)
	}
}

// A byte of a record in the middle is changed: its spans are counted, and
// nothing else is lost.
func TestDamageOnDiskIsCounted(t *testing.T) {
	dir := t.TempDir()
	l := onDisk(t, dir, nil)
	for i := range 100 {
		if err := l.Answered(numbered(i, frameBytes), 2); err != nil { // a record each
			t.Fatal(err)
		}
	}
	leave(t, l)
	files := slices.DeleteFunc(list(t, dir), func(s string) bool { return !strings.HasSuffix(s, ".seg") })
	path := filepath.Join(dir, files[0])
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, numbered(50, 64))] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	l = onDisk(t, dir, nil)
	if s := check(t, l); s.Recovered != 200 {
		t.Errorf("%+v", s.Account)
	}
	same(t, drained(t, l), slices.Delete(upTo(100), 50, 51))
	if s := leave(t, l); s.Dropped[ledger.Corrupt] != 2 || s.Delivered != 198 {
		t.Errorf("%+v", s.Account)
	}
}

// Two processes share a path; one ends, and the other one takes over.
func TestFolderOfAnEndedProcessIsAdopted(t *testing.T) {
	dir := t.TempDir()
	a, b := onDisk(t, dir, nil), onDisk(t, dir, nil)
	for i := range 50 {
		if err := a.Answered(numbered(i, frameBytes), 1); err != nil {
			t.Fatal(err)
		}
		a.Datagram(numbered(1000+i, frameBytes), 1, ledger.LeftOut{})
	}
	b.store.adopt(t.Context())
	if s := check(t, b); s.Recovered != 0 {
		t.Errorf("the folder of a process that lives was adopted: %+v", s.Account)
	}
	leave(t, a)
	b.store.adopt(t.Context())
	if s := check(t, b); s.Recovered != 100 || s.Buffered != 100 {
		t.Errorf("%+v", s.Account)
	}
	got := drained(t, b)
	slices.Sort(got)
	same(t, got, append(upTo(50), func() (l []int) {
		for i := range 50 {
			l = append(l, 1000+i)
		}
		return l
	}()...))
	leave(t, b)
	if left := list(t, dir); left != nil {
		t.Errorf("left: %v", left)
	}
}

func TestPathThatCanNeverBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := NewLane("default", diskOptions)
	if err := l.OpenDisk(DiskOptions{Path: file, Size: 64 << 20}); err == nil {
		t.Error("a file was taken for a directory")
	}
}

// Random traffic, with deliveries and restarts: the account adds up after every
// step, and at the end every answered frame has come out once, in order.
func TestRandomTraffic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	var in, out []int
	next := 0
	for round := range 3 {
		l := onDisk(t, dir, func(o *DiskOptions) { o.Sync = Sync(r.IntN(2)) })
		var flying []*Batch
		for range 1500 {
			switch r.IntN(10) {
			case 0, 1, 2, 3, 4:
				if err := l.Answered(numbered(next, frameBytes), 1+next%3); err == nil {
					in = append(in, next)
				}
				next++
			case 5, 6, 7:
				l.Datagram(numbered(1<<20+next, frameBytes), 1, ledger.LeftOut{})
			case 8:
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				if b, err := l.Take(ctx); err == nil {
					flying = append(flying, b)
				}
				cancel()
			case 9:
				if len(flying) > 0 {
					i := r.IntN(len(flying))
					out = append(out, numbersOf(t, flying[i])...)
					deliver(flying[i])
					flying = slices.Delete(flying, i, i+1)
				}
			}
			check(t, l)
		}
		for _, b := range flying {
			b.Dropped(ledger.Shutdown, b.Spans())
			b.Done()
		}
		if s := leave(t, l); s.Dropped[ledger.Shutdown] != 0 {
			t.Errorf("round %d: %+v", round, s.Account)
		}
	}
	l := onDisk(t, dir, nil)
	out = append(out, drained(t, l)...)
	out = slices.DeleteFunc(out, func(i int) bool { return i >= 1<<20 })
	slices.Sort(out)
	if !slices.Equal(in, out) {
		once := slices.Compact(slices.Clone(out))
		t.Errorf("%d answered frames went in, %d came out, %d of them for the first time", len(in), len(out), len(once))
	}
}
