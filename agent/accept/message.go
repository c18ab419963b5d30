package accept

import (
	"errors"
	"fmt"
	"io"

	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// message takes the one message of a unary call out of its body, as that comes.
type message struct {
	prefix [grpc.PrefixLen]byte
	have   int // of prefix
	size   int // of the message, as it comes, in bytes
	left   int // of it
}

// push takes the next bytes of a call's body. encoding is its grpc-encoding.
func (m *message) push(b *body, p []byte, encoding string) error {
	if m.have < len(m.prefix) {
		n := copy(m.prefix[m.have:], p)
		m.have += n
		p = p[n:]
		if m.have < len(m.prefix) {
			return nil
		}
		size, compressed, err := grpc.ReadPrefix(m.prefix, otlp.MaxRequest)
		switch {
		case errors.Is(err, grpc.ErrTooLarge):
			return errTooLarge
		case err != nil:
			return fmt.Errorf("%w: %w", errMalformed, err)
		case compressed && encoding != "gzip":
			return errEncoding
		case compressed:
			err = b.begin(encoding)
		default:
			err = b.announced(size)
		}
		if m.size, m.left = size, size; err != nil {
			return err
		}
	}
	if len(p) > m.left {
		return fmt.Errorf("%w: more than one message in a call", errMalformed)
	}
	m.left -= len(p)
	return b.push(p, m.size)
}

// end is called after the last push.
func (m *message) end(b *body) error {
	switch {
	case m.have < len(m.prefix):
		return broken(io.ErrUnexpectedEOF)
	case m.left > 0:
		return fmt.Errorf("%w: a message that is shorter than it says", errMalformed)
	}
	return b.end()
}
