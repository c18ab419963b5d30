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
	// largest, or several smaller ones.
	receiving = otlp.MaxRequest
	// smalls is for those of up to smallRequest, and for the first block of
	// each, so that large ones don't keep small ones out, nor those that are
	// slow to come large ones. What finds no room there takes it of receiving.
	smalls       = 1 << 20
	smallRequest = 64 << 10
	// maxUnpacking bounds the requests that are being unpacked: each takes
	// about 48 KiB beside what is unpacked.
	maxUnpacking = 32
	// maxRequests bounds the requests that are being received: each has a
	// goroutine.
	maxRequests = 256
)

// Receiving is what is taken at most by what is being received, in bytes.
const Receiving = receiving + smalls

// budget is what may be received at one time, over all listeners.
type budget struct {
	large     atomic.Int64 // bytes, up to receiving
	small     atomic.Int64 // bytes, up to smalls
	requests  atomic.Int64
	unpacking atomic.Int64

	gzips  sync.Pool // of *gzip.Reader
	blocks blocks
}

// enter lets a request in, if there is room for another one.
func (b *budget) enter() bool {
	if b.requests.Add(1) > maxRequests {
		b.requests.Add(-1)
		return false
	}
	return true
}

// share is what a request has of a budget.
type share struct {
	bytes int
	large bool
}

// take reserves n more bytes.
func (b *budget) take(s *share, n int) bool {
	switch {
	case s.large:
		if !take(&b.large, n, receiving) {
			return false
		}
	case s.bytes+n <= smallRequest && take(&b.small, n, smalls):
	case take(&b.large, s.bytes+n, receiving):
		b.small.Add(-int64(s.bytes))
		s.large = true
	default:
		return false
	}
	s.bytes += n
	return true
}

// room says whether so many bytes more could be reserved for one large request
// now. Another one may be faster.
func (b *budget) room(n int) bool { return b.large.Load()+int64(n) <= receiving }

func take(used *atomic.Int64, n int, limit int64) bool {
	if used.Add(int64(n)) <= limit {
		return true
	}
	used.Add(-int64(n))
	return false
}

// give takes back all that a request has.
func (b *budget) give(s share) {
	if s.large {
		b.large.Add(-int64(s.bytes))
	} else {
		b.small.Add(-int64(s.bytes))
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
