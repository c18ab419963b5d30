package ingest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

var (
	errEncoding = errors.New("only gzip and identity are understood")
	errBroken   = errors.New("request broke off")
)

// step is how much memory is asked for at a time when the size of a message is
// not known, in bytes.
const step = 64 << 10

// budget bounds the bytes of all messages that are being received.
type budget struct {
	limit int64
	used  atomic.Int64
	gzips sync.Pool // of *gzip.Reader
}

func (b *budget) reserve(n int) error {
	if b.used.Add(int64(n)) > b.limit {
		b.used.Add(int64(-n))
		return fmt.Errorf("%w: %d bytes are being received", ErrOverloaded, b.used.Load())
	}
	return nil
}

// message is what was received. Its bytes are valid until free.
type message struct {
	bytes    []byte
	budget   *budget
	reserved int
}

func (m *message) free() {
	if m.budget != nil {
		m.budget.used.Add(int64(-m.reserved))
	}
}

// read reads the one message of a body, and unpacks it. What it returns is to
// be freed also when there is an error.
func (b *budget) read(body io.Reader, encoding string) (m *message, err error) {
	m = &message{budget: b}
	var p [grpc.PrefixLen]byte
	if _, err := io.ReadFull(body, p[:]); err != nil {
		return m, broken(err)
	}
	n, compressed, err := grpc.ReadPrefix(p, MaxMessage)
	if err != nil {
		return m, err
	}
	content := &io.LimitedReader{R: body, N: int64(n)}
	switch {
	case !compressed:
		err = m.readPlain(content, n)
	case encoding == "gzip":
		err = m.readGzip(content)
	default:
		err = fmt.Errorf("%w, not %q", errEncoding, encoding)
	}
	if err != nil {
		return m, err
	}
	// A unary call is one message.
	if k, err := io.ReadFull(body, p[:1]); k > 0 {
		return m, fmt.Errorf("%w: more than one message in a call", grpc.ErrMalformed)
	} else if !errors.Is(err, io.EOF) {
		return m, broken(err)
	}
	return m, nil
}

// readPlain reserves what the sender says it will send; a sender that does not
// is cut off by the server's read deadline.
func (m *message) readPlain(r io.Reader, n int) error {
	if err := m.grow(n); err != nil {
		return err
	}
	m.bytes = make([]byte, n)
	if _, err := io.ReadFull(r, m.bytes); err != nil {
		return broken(err)
	}
	return nil
}

func (m *message) readGzip(r *io.LimitedReader) error {
	z, _ := m.budget.gzips.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	defer m.budget.gzips.Put(z)
	if err := z.Reset(r); err != nil {
		return unpackError(r, err)
	}
	for {
		if len(m.bytes) == cap(m.bytes) {
			if len(m.bytes) > MaxMessage {
				return fmt.Errorf("%w (unpacked, over %d)", grpc.ErrTooLarge, MaxMessage)
			}
			more := min(max(len(m.bytes), step), MaxMessage+1-len(m.bytes))
			if err := m.grow(more); err != nil {
				return err
			}
			grown := make([]byte, len(m.bytes), len(m.bytes)+more)
			copy(grown, m.bytes)
			m.bytes = grown
		}
		n, err := z.Read(m.bytes[len(m.bytes):cap(m.bytes)])
		m.bytes = m.bytes[:len(m.bytes)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return unpackError(r, err)
		}
	}
	if len(m.bytes) > MaxMessage {
		return fmt.Errorf("%w (unpacked, over %d)", grpc.ErrTooLarge, MaxMessage)
	}
	if r.N > 0 {
		return fmt.Errorf("%w: %d bytes after the gzip stream", grpc.ErrMalformed, r.N)
	}
	return nil
}

func (m *message) grow(n int) error {
	if err := m.budget.reserve(n); err != nil {
		return err
	}
	m.reserved += n
	return nil
}

// unpackError tells a bad stream, which came whole, from one that broke off.
func unpackError(r *io.LimitedReader, err error) error {
	if r.N > 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return broken(err)
	}
	return fmt.Errorf("%w: %w", grpc.ErrMalformed, err)
}

func broken(err error) error { return fmt.Errorf("%w: %w", errBroken, err) }
