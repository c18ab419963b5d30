package deliver

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"github.com/wayside-tracing/wayside/wire/zstd"
)

// maxAnswer bounds what is read of an answer, in bytes: an
// ExportTraceServiceResponse is a number and a line of text.
const maxAnswer = 64 << 10

// unpack unpacks the message of an answer, of up to maxAnswer bytes.
func (c Compression) unpack(packed []byte) ([]byte, error) {
	switch c {
	case Gzip:
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(io.LimitReader(r, maxAnswer))
	case Zstd:
		return zstd.Decode(packed, maxAnswer)
	case Uncompressed:
	}
	return nil, fmt.Errorf("compression %q is not understood", string(c))
}
