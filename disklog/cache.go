package disklog

import (
	"sync"
	"sync/atomic"
)

// The page cache counts towards the memory of the pod whose process has filled
// it, and with a tight limit the kernel drops packets before it drops pages. So
// what was written is brought to the disk and out of the cache behind the
// writer, in steps:
//
//	    out of the cache      │ being written, not waited for │ just written
//	──────────────────────────┼───────────────────────────────┼────────
//	                      forgotten                        started    end
//
// Writing waits for the disk only if that is more than cacheLag behind. Every
// Sync catches up without that.
const (
	cacheStep = 256 << 10 // in bytes
	cacheLag  = 3 * cacheStep
)

// cache is how far the file of a segment has come on its way to the disk.
type cache struct {
	started   int64        // in bytes: where the writer has begun to write, or the reader to read
	forgotten atomic.Int64 // in bytes; Sync raises it too

	writing sync.Mutex // held while writing is started or waited for
	failed  error      // of that
}

// failure is what starting to write or waiting for it has failed with. It waits
// for a call that is under way: that may have taken the error with it which a
// Sync, called meanwhile, should have been told.
func (c *cache) failure() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.failed
}

// wrote is told that the file ends at end. An error is that of the disk, and as
// bad as one of fsync.
func (c *cache) wrote(f File, end int64) error {
	cached, ok := f.(Cached)
	if !ok || end-c.started < cacheStep {
		return nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.failed = c.write(cached, end)
	return c.failed
}

func (c *cache) write(cached Cached, end int64) error {
	if err := cached.StartWrite(c.started, end-c.started); err != nil {
		return err
	}
	c.started = end
	for {
		off, n := c.forgotten.Load(), int64(cacheStep)
		if end-off <= cacheLag {
			return nil
		}
		if err := cached.FinishWrite(off, n); err != nil {
			return err
		}
		cached.Forget(off + n)
		c.forgotten.CompareAndSwap(off, off+n)
	}
}

// synced is told that all up to end is on the disk.
func (c *cache) synced(f File, end int64) {
	off := c.forgotten.Load()
	if end > off {
		if cached, ok := f.(Cached); ok {
			cached.Forget(end)
		}
		c.forgotten.CompareAndSwap(off, end) // the writer has come further if it fails
	}
}

// willRead is told that a reader goes on at off: one to two steps are read ahead.
func (c *cache) willRead(f File, off int64) {
	cached, ok := f.(Cached)
	if !ok || off+cacheStep <= c.started {
		return
	}
	from := max(off, c.started)
	c.started = off + 2*cacheStep
	cached.WillRead(from, c.started-from)
}

// read is told that a reader has come to off, and that all before it is on the
// disk. Of what is not, the page cache may have the only copy: after a failed
// fsync it is copied from there.
func (c *cache) read(f File, off int64) {
	if off-c.forgotten.Load() >= cacheStep {
		c.synced(f, off)
	}
}
