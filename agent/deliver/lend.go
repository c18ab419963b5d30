package deliver

import (
	"errors"
	"io"
	"sync"
)

// lent is the body of a request whose chunks belong to somebody else. net/http
// may read a body after the answer to it; a body that was taken back can't be.
type lent struct {
	mu     sync.Mutex
	chunks [][]byte
	taken  bool
}

var errTakenBack = errors.New("the request has ended")

// takeBack ends the reading of it.
func (l *lent) takeBack() {
	l.mu.Lock()
	l.chunks, l.taken = nil, true
	l.mu.Unlock()
}

func (l *lent) size() (n int64) {
	for _, c := range l.chunks {
		n += int64(len(c))
	}
	return n
}

// reader reads it from its begin.
func (l *lent) reader() io.ReadCloser { return &lentReader{lent: l} }

type lentReader struct {
	lent      *lent
	chunk, at int
}

func (r *lentReader) Read(b []byte) (int, error) {
	r.lent.mu.Lock()
	defer r.lent.mu.Unlock()
	if r.lent.taken {
		return 0, errTakenBack
	}
	for ; r.chunk < len(r.lent.chunks); r.chunk, r.at = r.chunk+1, 0 {
		if n := copy(b, r.lent.chunks[r.chunk][r.at:]); n > 0 {
			r.at += n
			return n, nil
		}
		if len(b) == 0 {
			return 0, nil
		}
	}
	return 0, io.EOF
}

func (*lentReader) Close() error { return nil }
