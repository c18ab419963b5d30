package deliver

import (
	"errors"
	"io"
	"sync"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// errRevoked is what net/http reads of a body after its call has ended.
var errRevoked = errors.New("export has ended")

// body is a request: the prefix and the message, read without putting them
// together. net/http may still read it when RoundTrip has returned, and may
// read it again from the start; but the chunks belong to the caller, so revoke
// ends all that.
type body struct {
	size   int64
	pieces [][]byte

	mu   sync.Mutex // held while a reader copies
	gone bool
}

// newBody makes a request of chunks.
func newBody(chunks [][]byte, gzip *compressor) *body {
	if gzip != nil {
		chunks = [][]byte{gzip.compress(chunks)}
	}
	n := 0
	for _, c := range chunks {
		n += len(c)
	}
	prefix := grpc.AppendPrefix(make([]byte, 0, grpc.PrefixLen), gzip != nil, n)
	return &body{size: int64(grpc.PrefixLen + n), pieces: append([][]byte{prefix}, chunks...)}
}

// reader reads the body from its start.
func (b *body) reader() io.ReadCloser { return &bodyReader{body: b, left: b.pieces} }

// revoke ends all reading. When it has returned, the chunks are not used.
func (b *body) revoke() {
	b.mu.Lock()
	b.gone = true
	b.mu.Unlock()
}

type bodyReader struct {
	body *body
	left [][]byte
	at   int // in left[0]
}

func (r *bodyReader) Read(p []byte) (n int, err error) {
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	if r.body.gone {
		return 0, errRevoked
	}
	for n < len(p) && len(r.left) > 0 {
		m := copy(p[n:], r.left[0][r.at:])
		n += m
		r.at += m
		if r.at == len(r.left[0]) {
			r.left, r.at = r.left[1:], 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (r *bodyReader) Close() error { return nil }
