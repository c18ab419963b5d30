package accept

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// What can be wrong with a body before it is looked into.
var (
	errOverloaded = errors.New("too much is being received at once")
	errTooLarge   = fmt.Errorf("request larger than max (%d bytes, uncompressed)", otlp.MaxRequest)
	errType       = errors.New("content type that is not understood")
	errEncoding   = errors.New("compression that is not understood; gzip is")
	errMalformed  = errors.New("malformed request")
	errSlow       = errors.New("the request did not come in time")
)

// body is the content of a request, uncompressed. Every byte of its memory is
// reserved before it is allocated. It begins with one block, so that who promises
// much and sends little takes little. When that is full, a body whose size is
// known takes all that it needs at once, and has room to its end: of many that
// come together, one comes through. Of another one the memory grows as bytes come.
// It comes from a reader (readHTTP), or in pieces (push).
type body struct {
	budget  *budget
	bytes   []byte
	entered bool
	share   share
	unpack  *unpacking // what comes in pieces is compressed
	// until is when a body has to be there that others have to wait for; zero:
	// none does. hurry, if not nil, is told.
	until time.Time
	hurry func(until time.Time)
}

// free gives the memory back. The bytes are not valid any more.
func (b *body) free() {
	if b.unpack != nil {
		b.unpack.stop()
	}
	b.budget.blocks.put(b.bytes)
	b.budget.give(b.share)
	if b.entered {
		b.budget.requests.Add(-1)
	}
	*b = body{budget: b.budget}
}

// enter is the first thing to do.
func (b *body) enter() error {
	if b.entered = b.budget.enter(); !b.entered {
		return errOverloaded
	}
	return nil
}

// begin is called before the first push.
func (b *body) begin(encoding string) error {
	switch encoding {
	case "", "identity":
		return nil
	case "gzip":
		b.unpack = unpackInto(b)
		return nil
	}
	return errEncoding
}

// push takes the next bytes of a body of about size bytes; -1 is unknown.
func (b *body) push(p []byte, size int) error {
	if b.unpack != nil {
		return b.unpack.push(p)
	}
	if len(b.bytes)+len(p) > otlp.MaxRequest {
		return errTooLarge
	}
	for len(p) > 0 {
		if len(b.bytes) == cap(b.bytes) {
			if err := b.grow(size); err != nil {
				return err
			}
		}
		n := copy(b.bytes[len(b.bytes):cap(b.bytes)], p)
		b.bytes = b.bytes[:len(b.bytes)+n]
		p = p[n:]
	}
	return nil
}

// end is called after the last push.
func (b *body) end() error {
	if b.unpack != nil {
		return b.unpack.end()
	}
	return nil
}

// readHTTP reads a body of so many bytes; -1 means that nobody said.
func (b *body) readHTTP(r io.Reader, encoding string, size int64) error {
	switch encoding {
	case "", "identity":
		if err := b.announced(int(size)); err != nil {
			return err
		}
		return b.readPlain(r, int(size))
	case "gzip":
		return b.readGzip(r)
	}
	return errEncoding
}

// readPlain reads all of r, which has about size bytes; -1 is unknown.
func (b *body) readPlain(r io.Reader, size int) error {
	for {
		if len(b.bytes) == cap(b.bytes) {
			if size == len(b.bytes) || cap(b.bytes) == otlp.MaxRequest {
				// There should be no more. Ask, and do not grow for the answer.
				var one [1]byte
				n, err := r.Read(one[:])
				switch {
				case n > 0 && len(b.bytes) == otlp.MaxRequest:
					return errTooLarge
				case n > 0:
					return fmt.Errorf("%w: longer than it says", errMalformed)
				case errors.Is(err, io.EOF):
					return nil
				case err != nil:
					return broken(err)
				}
				continue
			}
			if err := b.grow(size); err != nil {
				return err
			}
		}
		n, err := r.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(err)
		}
	}
}

// readGzip unpacks r as it comes.
func (b *body) readGzip(r io.Reader) error {
	z := b.budget.gzip()
	if z == nil {
		return errOverloaded
	}
	defer b.budget.putGzip(z)
	if err := z.Reset(r); err != nil {
		return broken(err)
	}
	return b.readPlain(z, -1)
}

// announced is told the size of a body, in bytes; -1 is unknown. What has no
// room now need not come.
func (b *body) announced(size int) error {
	if size > otlp.MaxRequest {
		return errTooLarge
	}
	if size > smallRequest && !b.budget.room(blockFor(size)) {
		return errOverloaded
	}
	return nil
}

// grow makes room for more of a body of size bytes; -1 is unknown.
func (b *body) grow(size int) error {
	have := cap(b.bytes)
	var next int
	switch {
	case have == 0:
		next = blockSize
	case size > have:
		next = blockFor(size)
	case have < 1<<20:
		next = have * 4
	default:
		next = otlp.MaxRequest
	}
	if !b.budget.take(&b.share, next-have) {
		return errOverloaded
	}
	b.bytes = b.budget.blocks.move(b.bytes, next)
	if b.until.IsZero() && b.share.large && next > smallRequest {
		b.until = time.Now().Add(largeTimeout)
		if b.hurry != nil {
			b.hurry(b.until)
		}
	}
	return nil
}

// broken tells a body that is slow from one that is cut off or damaged.
func broken(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlow
	}
	return fmt.Errorf("%w: %w", errMalformed, err)
}
