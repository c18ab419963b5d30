package deliver

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression is how requests are compressed, by the name that gRPC and HTTP
// both have for it.
type Compression string

// The compressions.
const (
	Uncompressed Compression = ""
	Gzip         Compression = "gzip"
	Zstd         Compression = "zstd"
)

// newWriter makes the writer of a compression.
//
// Gzip's level 1 makes 28 % of a batch of spans at 1 µs a span; the highest
// that is not far slower makes 26 % at twice that. Its state is 0.8 MB.
//
// Zstd's is as large, with a window of 256 KiB, half a batch; the next level
// has 1.6 MB. A window of 8 MiB at most is what every receiver takes (RFC
// 8878, section 3.1.1.1.2). One encoder at a time has no goroutines.
func (c Compression) newWriter() resetWriter {
	if c == Zstd {
		// It fails for wrong options only.
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(256<<10),
			zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
		return w
	}
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for unknown levels only
	return w
}

type resetWriter interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// compressor compresses requests, one at a time: that bounds its state.
type compressor struct {
	name    Compression
	mu      sync.Mutex
	idle    sync.Pool // of resetWriter, one at most; it is let go when nothing is sent for long
	outputs sync.Pool // of *bytes.Buffer, as many as exports at once
}

// newCompressor returns nil for no compression.
func newCompressor(name Compression) *compressor {
	if name == Uncompressed {
		return nil
	}
	return &compressor{name: name}
}

// compress makes one gzip member or zstd frame of the chunks. The buffer is
// given back with release.
func (c *compressor) compress(chunks [][]byte) *bytes.Buffer {
	out, ok := c.outputs.Get().(*bytes.Buffer)
	if !ok {
		out = &bytes.Buffer{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.idle.Get().(resetWriter)
	if !ok {
		w = c.name.newWriter()
	}
	w.Reset(out)
	for _, chunk := range chunks {
		_, _ = w.Write(chunk) // a bytes.Buffer takes everything
	}
	_ = w.Close()
	w.Reset(nil)
	c.idle.Put(w)
	return out
}

func (c *compressor) release(out *bytes.Buffer) {
	out.Reset()
	c.outputs.Put(out)
}
