package buffer

import (
	"context"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// No file can be opened for a while: reading is tried every second and no more
// often, said once, and nothing is lost.
func TestReadingIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 300) // in three files, of which one will be open
		leave(t, f.Lane)
		f.open(t)
		synctest.Wait()
		var tries atomic.Int32
		f.fs.Inject(func(op faultfs.Op) error {
			if op.Kind == faultfs.Open && op.Segment() {
				tries.Add(1)
				return syscall.EMFILE
			}
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var got []int
		for b, err := f.Take(ctx); err == nil; b, err = f.Take(ctx) {
			got = append(got, numbersOf(t, b)...)
			deliver(b)
		}
		if n := tries.Load(); n < 50 || n > 70 {
			t.Errorf("%d tries in a minute", n)
		}
		if n := strings.Count(f.log.String(), "can't be read now"); n != 1 {
			t.Errorf("the log says so %d times", n)
		}
		f.fs.Inject(nil)
		time.Sleep(2 * rereadAfter)
		same(t, append(got, drained(t, f.Lane)...), upTo(300))
		leave(t, f.Lane)
	})
}

// Nothing can be synced, and everything can be written: the disk does not work,
// for as long as that lasts, and it is tried every 5 s and no more often.
func TestDiskThatCannotBeSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 10)
		time.Sleep(time.Second)
		var tries atomic.Int32
		f.fs.Inject(func(op faultfs.Op) error {
			if op.Kind == faultfs.Sync || op.Kind == faultfs.SyncDir {
				tries.Add(1)
				return syscall.EIO
			}
			return nil
		})
		f.put(t, 10, 20)
		time.Sleep(time.Minute)
		if n := strings.Count(f.log.String(), "does not work"); n != 1 {
			t.Errorf("the log says %d times that it does not work:\n%s", n, f.log.String())
		}
		if n := tries.Load(); n > 3*2*13 { // a file, its copy and the directory; by write and by save
			t.Errorf("%d tries in a minute", n)
		}
		f.fs.Inject(nil)
		time.Sleep(2 * retryAfter)
		same(t, drained(t, f.Lane), upTo(20))
		leave(t, f.Lane)
	})
}

// While a batch is on its way the next is read.
func TestReadingGoesOnWhileABatchIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, SyncInterval)
		f.put(t, 0, 100)
		leave(t, f.Lane)
		f.open(t)
		var flying []*Batch
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			b, err := f.Take(ctx)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			flying = append(flying, b)
		}
		for _, b := range flying {
			deliver(b)
		}
		drained(t, f.Lane)
		leave(t, f.Lane)
	})
}
