package accept

import (
	"io"
	"iter"
)

// unpacking unpacks a body that comes in pieces. It reads as from a reader, in
// a coroutine that goes on when there is another piece and runs until it wants
// the next: so no piece is kept, and no goroutine wakes another.
type unpacking struct {
	piece []byte
	last  bool
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	err   error // when it has ended
	ended bool
}

// unpackInto begins. stop is to be called at the end.
func unpackInto(b *body) *unpacking {
	u := new(unpacking)
	u.next, u.stop = iter.Pull(func(yield func(struct{}) bool) {
		u.yield = yield
		u.err = b.readGzip(u)
		u.ended = true
	})
	return u
}

// push unpacks what there is in a piece.
func (u *unpacking) push(p []byte) error {
	u.piece = p
	u.next()
	if u.ended && u.err == nil {
		return nil // end says what is wrong, if it was not the end
	}
	return u.err
}

// end unpacks the rest.
func (u *unpacking) end() error {
	u.last = true
	u.next()
	return u.err
}

// Read is how the coroutine gets the pieces.
func (u *unpacking) Read(p []byte) (int, error) {
	for len(u.piece) == 0 {
		if u.last {
			return 0, io.EOF
		}
		if !u.yield(struct{}{}) {
			return 0, io.ErrUnexpectedEOF // stopped
		}
	}
	n := copy(p, u.piece)
	u.piece = u.piece[n:]
	return n, nil
}
