package deliver

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// compressor makes gzip of requests, one at a time: its state is 0.8 MB. Level
// 1 makes 28 % of a batch of spans at 1 µs a span; the highest that is not far
// slower makes 26 % at twice that.
type compressor struct {
	mu   sync.Mutex
	idle sync.Pool // of *gzip.Writer, one at most; the collector takes it when nothing is sent for long
}

// compress returns the chunks as one gzip member, in memory of its own.
func (c *compressor) compress(chunks [][]byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out bytes.Buffer
	w, ok := c.idle.Get().(*gzip.Writer)
	if ok {
		w.Reset(&out)
	} else {
		w, _ = gzip.NewWriterLevel(&out, gzip.BestSpeed) // fails for unknown levels only
	}
	for _, chunk := range chunks {
		_, _ = w.Write(chunk) // a bytes.Buffer takes everything
	}
	_ = w.Close()
	w.Reset(nil)
	c.idle.Put(w)
	return out.Bytes()
}
