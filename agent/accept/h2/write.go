package h2

import (
	"time"

	"golang.org/x/net/http2"
)

// outbox is what waits to be written. It takes everything; what bounds it is
// that no frame is read while it is over maxOutbox.
type outbox struct{ bytes []byte }

func (o *outbox) Write(p []byte) (int, error) {
	o.bytes = append(o.bytes, p...)
	return len(p), nil
}

// flush writes what is in the outbox, unless somebody else writes, who takes it
// along. The goroutine that reads waits for that when there is much, so that a
// peer which does not read is not read from.
//
// There are peers that read no further while they wait for us to read. They are
// owed the answers to maxStreams calls at most, and some control frames: that
// must have room in the socket's buffers, which take 64 KiB and more. So
// answers have to be short.
func (c *conn) flush(reads bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for reads && c.writing && len(c.out.bytes) > maxOutbox && c.err == nil {
		c.room.Wait()
	}
	if c.writing {
		return c.err
	}
	c.writing = true
	var spare []byte
	for len(c.out.bytes) > 0 && c.err == nil {
		p := c.out.bytes
		c.out.bytes = spare[:0]
		now := time.Now()
		if c.writeBy.Before(now.Add(c.srv.AnswerTimeout / 2)) {
			c.writeBy = now.Add(c.srv.AnswerTimeout)
			_ = c.nc.SetWriteDeadline(c.writeBy)
		}
		c.mu.Unlock()
		_, err := c.nc.Write(p)
		c.mu.Lock()
		if err != nil && c.err == nil {
			c.err = err
			c.wake()
		}
		if spare = p; cap(p) > maxOutbox {
			spare = nil
		}
		c.room.Broadcast()
	}
	if c.out.bytes == nil {
		c.out.bytes = spare[:0]
	}
	c.writing = false
	c.room.Broadcast()
	return c.err
}

// flushAll returns when everything is written, whoever writes it, or nothing can
// be.
func (c *conn) flushAll() error {
	for {
		if err := c.flush(true); err != nil {
			return err
		}
		c.mu.Lock()
		for c.writing && c.err == nil {
			c.room.Wait()
		}
		written, err := len(c.out.bytes) == 0, c.err
		c.mu.Unlock()
		if written || err != nil {
			return err
		}
	}
}

// writeHeaders encodes a block of headers. A status of 0 is for trailers. mu is
// held: blocks are read in the order in which they were encoded.
func (c *conn) writeHeaders(id uint32, status int, h Header, end bool) {
	c.encoded.Reset()
	if status != 0 {
		_ = c.encoder.WriteField(statusField(status)) // a bytes.Buffer takes everything
	}
	for _, f := range h {
		_ = c.encoder.WriteField(f)
	}
	b := c.encoded.Bytes()
	first := b[:min(len(b), frameSize)]
	b = b[len(first):]
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: first, EndStream: end, EndHeaders: len(b) == 0,
	})
	for len(b) > 0 {
		next := b[:min(len(b), frameSize)]
		b = b[len(next):]
		_ = c.framer.WriteContinuation(id, len(b) == 0, next)
	}
}
