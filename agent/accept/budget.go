package accept

import (
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Sizes in bytes. What is being received over all connections takes at most
// receiving + smalls of memory for its bytes, however many send.
const (
	// receiving bounds the requests that are being received: one of the
	// largest, or many small ones.
	receiving = otlp.MaxRequest
	// smalls is had by requests of up to smallRequest alone, so that large
	// ones, or those that are slow to come, don't keep them out.
	smalls       = 512 << 10
	smallRequest = 64 << 10
	// maxUnpacking bounds the requests that are being unpacked: each takes
	// about 48 KiB beside what is unpacked.
	maxUnpacking = 32
	// maxRequests bounds the requests that are being received: each has a
	// goroutine.
	maxRequests = 256
)

// budget is what may be received at one time, over all listeners.
type budget struct {
	bytes     atomic.Int64
	requests  atomic.Int64
	unpacking atomic.Int64

	gzips sync.Pool // of *gzip.Reader
	// blocks are of the sizes in blockSizes. Larger ones are few, and left
	// to the garbage collector.
	blocks [len(blockSizes)]sync.Pool // of *[]byte
}

var blockSizes = [...]int{16 << 10, 64 << 10, 256 << 10}

// enter lets a request in, if there is room for another one.
func (b *budget) enter() bool {
	if b.requests.Add(1) > maxRequests {
		b.requests.Add(-1)
		return false
	}
	return true
}

// take reserves n bytes for a request that will then have total.
func (b *budget) take(n, total int) bool {
	limit := int64(receiving)
	if total <= smallRequest {
		limit += smalls
	}
	if b.bytes.Add(int64(n)) > limit {
		b.bytes.Add(-int64(n))
		return false
	}
	return true
}

// block is an empty slice with a capacity of n bytes.
func (b *budget) block(n int) []byte {
	for i, size := range blockSizes {
		if n == size {
			if p, ok := b.blocks[i].Get().(*[]byte); ok {
				return (*p)[:0]
			}
		}
	}
	return make([]byte, 0, n)
}

// put takes back what block gave.
func (b *budget) put(block []byte) {
	for i, size := range blockSizes {
		if cap(block) == size {
			b.blocks[i].Put(&block)
		}
	}
}

// gzip is a reader to unpack with; nil if there are too many.
func (b *budget) gzip() *gzip.Reader {
	if b.unpacking.Add(1) > maxUnpacking {
		b.unpacking.Add(-1)
		return nil
	}
	if z, ok := b.gzips.Get().(*gzip.Reader); ok {
		return z
	}
	return new(gzip.Reader)
}

func (b *budget) putGzip(z *gzip.Reader) {
	b.gzips.Put(z)
	b.unpacking.Add(-1)
}
