package accept

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// What can be wrong with a body before it is looked into.
var (
	errOverloaded = errors.New("too much is being received at once")
	errTooLarge   = fmt.Errorf("request larger than max (%d bytes, uncompressed)", otlp.MaxRequest)
	errEncoding   = errors.New("compression that is not understood; gzip is")
	errMalformed  = errors.New("malformed request")
	errSlow       = errors.New("the request did not come in time")
)

// body is the content of a request, uncompressed. Its memory grows as bytes
// come in, so that who promises much and sends little takes little; every byte
// of it is reserved before it is allocated. It comes from a reader (readHTTP),
// or in pieces (push).
type body struct {
	budget  *budget
	bytes   []byte
	entered bool
	share   share
	unpack  *unpacking // what comes in pieces is compressed
}

// free gives the memory back. The bytes are not valid any more.
func (b *body) free() {
	if b.unpack != nil {
		b.unpack.stop()
	}
	b.budget.put(b.bytes)
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
		if size > otlp.MaxRequest {
			return errTooLarge
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

// grow makes room for more of a body of size bytes; -1 is unknown.
func (b *body) grow(size int) error {
	have := cap(b.bytes)
	next := have * 2
	switch {
	case have == 0:
		next = blockSizes[0]
	case have < 1<<20:
		next = have * 4
	}
	if size > have && size < next && next > blockSizes[len(blockSizes)-1] {
		next = size
	}
	next = min(next, otlp.MaxRequest)
	if !b.budget.take(&b.share, next-have) {
		return errOverloaded
	}
	more := append(b.budget.block(next), b.bytes...)
	b.budget.put(b.bytes)
	b.bytes = more
	return nil
}

// broken tells a body that is slow from one that is cut off or damaged.
func broken(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlow
	}
	return fmt.Errorf("%w: %w", errMalformed, err)
}
