package receive

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// buffers are what one request at a time is read into and unpacked with.
type buffers struct {
	in   []byte
	out  bytes.Buffer
	gzip *gzip.Reader
	zstd *zstd.Decoder
}

// buffer is one that is free. It is to be put back.
func (s *Server) buffer() *buffers {
	if b, ok := s.buffers.Get().(*buffers); ok {
		return b
	}
	return &buffers{in: make([]byte, 64<<10)}
}

// read reads so many bytes. They are valid until it is called again.
func (b *buffers) read(from io.Reader, size int) ([]byte, error) {
	if size > len(b.in) {
		b.in = make([]byte, size)
	}
	_, err := io.ReadFull(from, b.in[:size])
	return b.in[:size], err
}

// unpack returns the message that is packed, or packed itself with no encoding. It
// is valid until unpack is called again.
func (b *buffers) unpack(packed []byte, encoding string) (message []byte, err error) {
	var from io.Reader
	switch encoding {
	case "":
		return packed, nil
	case "gzip":
		if b.gzip == nil {
			b.gzip = new(gzip.Reader)
		}
		from, err = b.gzip, b.gzip.Reset(bytes.NewReader(packed))
	case "zstd":
		if b.zstd == nil {
			// One at a time: without goroutines, it needs no Close.
			if b.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)); err != nil {
				return nil, err
			}
		}
		from, err = b.zstd, b.zstd.Reset(bytes.NewReader(packed))
	default:
		return nil, errors.New("receive: no encoding " + encoding)
	}
	if err != nil {
		return nil, err
	}
	b.out.Reset()
	n, err := b.out.ReadFrom(io.LimitReader(from, maxMessage+1))
	if n > maxMessage {
		return nil, errors.New("receive: over 64 MiB when unpacked")
	}
	return b.out.Bytes(), err
}
