package h2

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// maxWrite bounds what of a body is written at once, in bytes. So long, on a
// slow line, pings and other calls may have to wait for the write lock.
const maxWrite = 256 << 10

// writeGrace is how long a write may go on when its call's time is over. Cut off,
// it would leave half a frame, and the connection would be lost for all its
// calls; a connection that moves at all ends it within this time.
const writeGrace = 250 * time.Millisecond

// send writes a call. It returns nil when all is written, and also when the
// stream has ended before that.
func (c *conn) send(ctx context.Context, s *stream, req Request) error {
	stop := context.AfterFunc(ctx, func() { c.interrupt(s) })
	defer stop()
	rest := newBody(req.Body)
	for !s.sentAll {
		select {
		case c.writing <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		n, changed, err := c.turn(ctx, s, rest.left)
		if err == nil && changed == nil {
			err = c.writeCall(ctx, s, req, rest, n)
		}
		<-c.writing
		c.flush()
		if err != nil {
			return err
		}
		if changed == nil {
			continue
		}
		select {
		case <-changed:
		case <-s.done:
		case <-ctx.Done():
		}
		c.mu.Lock()
		c.waiting--
		c.mu.Unlock()
		select {
		case <-s.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
	}
	return nil
}

// turn says how much of a body may be written now; the first time it makes the
// stream. If nothing may, it returns a channel that is closed when that may
// have changed, and counts the caller among those who wait for it.
func (c *conn) turn(ctx context.Context, s *stream, left int) (n int, changed <-chan struct{}, err error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.id == 0 {
		switch {
		case c.err != nil:
			return 0, nil, fmt.Errorf("%w: %w", errNotProcessed, c.err)
		case c.leaving || c.lastID > maxWindow-2: // there are no more stream ids
			if !c.leaving {
				c.leave(errLeaving)
			}
			return 0, nil, fmt.Errorf("%w: %w", errNotProcessed, errLeaving)
		case uint32(len(c.streams)) >= c.peer.streams:
			c.waiting++
			return 0, c.changed, nil
		}
		c.lastID += 2
		if c.lastID == 2 {
			c.lastID = 1 // clients' streams are odd (section 5.1.1)
		}
		s.id, s.window = c.lastID, c.peer.window
		c.streams[s.id] = s
		n = c.reserve(s, left)
		return n, nil, nil
	}
	if n = c.reserve(s, left); n == 0 {
		c.waiting++
		return 0, c.changed, nil
	}
	return n, nil, nil
}

// reserve takes from the windows what of a body may be sent. It takes nothing
// rather than a little, so that a peer which gives room in small pieces is sent
// large ones: a quarter of the window that it began with is what any peer comes
// to give, whatever it holds back. mu is held.
func (c *conn) reserve(s *stream, left int) int {
	all := int64(left)
	n := max(min(all, s.window, c.window, maxWrite), 0)
	if s.ended() || s.window < min(all, c.peer.window/4, maxWrite/4) || c.window < min(all, firstWindow/4) {
		n = 0
	}
	s.window -= n
	c.window -= n
	s.sentAll = n == all
	return int(n)
}

// writeCall writes the next n bytes of a body, and before its first its
// headers. The write lock is held.
func (c *conn) writeCall(ctx context.Context, s *stream, req Request, rest *body, n int) error {
	c.mu.Lock()
	c.begin()
	size := int(c.peer.frame)
	if !rest.begun {
		c.resizeTable()
	}
	now := time.Now()
	if !c.lastSent.After(c.lastRead) {
		c.asked = now
	}
	c.lastSent = now
	c.writer = s // from here on, interrupt ends the write
	c.mu.Unlock()
	if ctx.Err() != nil {
		c.interrupt(s) // it may have come before
	}
	if !rest.begun {
		rest.begun = true
		c.writeHeaders(s.id, req.Header, rest.left == 0, size)
	}
	for n > 0 {
		m := min(n, size)
		n -= m
		var flags http2.Flags
		if m == rest.left {
			flags = http2.FlagDataEndStream
		}
		c.frames = appendFrame(c.frames, http2.FrameData, flags, s.id, m)
		c.cut()
		c.vector = rest.take(c.vector, m)
	}
	c.cut()
	err := c.write()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writer = nil
	if c.interrupted {
		c.interrupted = false
		_ = c.nc.SetWriteDeadline(time.Time{})
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// resizeTable gives the encoder's table the size that the peer wants. mu and
// the write lock are held, and a block of headers follows.
func (c *conn) resizeTable() {
	least, now := min(c.peer.headerLeast, tableSize), min(c.peer.headerSize, tableSize)
	c.peer.headerLeast = c.peer.headerSize
	if least < c.tableNow {
		c.encoder.SetMaxDynamicTableSize(least)
	}
	if least < c.tableNow || now != c.tableNow {
		c.encoder.SetMaxDynamicTableSize(now)
	}
	c.tableNow = now
}

// writeHeaders adds the frames of a block of headers to what is written next.
func (c *conn) writeHeaders(id uint32, fields []hpack.HeaderField, end bool, size int) {
	c.block.Reset()
	for _, f := range fields {
		_ = c.encoder.WriteField(f) // a bytes.Buffer takes everything
	}
	kind, block := http2.FrameHeaders, c.block.Bytes()
	var flags http2.Flags
	if end {
		flags = http2.FlagHeadersEndStream
	}
	for {
		m := min(len(block), size)
		if m == len(block) {
			flags |= http2.FlagHeadersEndHeaders // the same bit in CONTINUATION
		}
		c.frames = appendFrame(c.frames, kind, flags, id, m)
		c.frames = append(c.frames, block[:m]...)
		if block = block[m:]; len(block) == 0 {
			return
		}
		kind, flags = http2.FrameContinuation, 0
	}
}

// begin starts with what is written next: the control frames that wait. The
// write lock and mu are held.
func (c *conn) begin() {
	c.frames, c.cutAt, c.vector = append(c.frames[:0], c.pending...), 0, c.vector[:0]
	c.pending = c.pending[:0]
}

// cut puts what was added to frames since the last cut into the vector. When
// frames grows, what was cut off stays where it was.
func (c *conn) cut() {
	if end := len(c.frames); end > c.cutAt {
		c.vector = append(c.vector, c.frames[c.cutAt:end])
		c.cutAt = end
	}
}

// flush writes the control frames that wait; unless somebody else writes, who
// does it then.
func (c *conn) flush() {
	for {
		c.mu.Lock()
		none := len(c.pending) == 0 || c.err != nil
		c.mu.Unlock()
		if none {
			return
		}
		select {
		case c.writing <- struct{}{}:
		default:
			return
		}
		c.mu.Lock()
		c.begin()
		c.mu.Unlock()
		c.cut()
		_ = c.nc.SetWriteDeadline(time.Now().Add(pingTimeout))
		_ = c.write() // fails the connection, which tells everybody
		_ = c.nc.SetWriteDeadline(time.Time{})
		<-c.writing
	}
}

// write writes the vector. If it can't, there is half a frame on the
// connection, which is lost with it.
func (c *conn) write() error {
	err := c.writeVector()
	clear(c.vector) // the body belongs to the caller
	if err == nil {
		return nil
	}
	c.fail(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err // that may be older
}

// writeVector writes with one system call; with TLS, with one for each record.
func (c *conn) writeVector() error {
	if c.records == nil {
		v := net.Buffers(c.vector)
		_, err := v.WriteTo(c.nc)
		return err
	}
	for _, p := range c.vector {
		if _, err := c.records.Write(p); err != nil {
			return err
		}
	}
	return c.records.Flush()
}

// interrupt ends the write of a call whose time is over, with some grace.
func (c *conn) interrupt(s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writer == s {
		c.interrupted = true
		_ = c.nc.SetWriteDeadline(time.Now().Add(writeGrace))
	}
}

// body is what is left of a request's body.
type body struct {
	begun  bool // its headers are written
	chunks [][]byte
	at     int // in chunks[0]
	left   int // bytes
}

func newBody(chunks [][]byte) *body {
	b := &body{chunks: chunks}
	for _, p := range chunks {
		b.left += len(p)
	}
	return b
}

// take adds the next n bytes to a vector.
func (b *body) take(vector [][]byte, n int) [][]byte {
	b.left -= n
	for n > 0 {
		p := b.chunks[0][b.at:]
		if len(p) > n {
			p = p[:n]
			b.at += n
		} else {
			b.chunks, b.at = b.chunks[1:], 0
		}
		vector = append(vector, p)
		n -= len(p)
	}
	return vector
}

// appendFrame appends the header of a frame of n bytes (section 4.1).
func appendFrame(dst []byte, kind http2.FrameType, flags http2.Flags, id uint32, n int) []byte {
	dst = append(dst, byte(n>>16), byte(n>>8), byte(n), byte(kind), byte(flags))
	return binary.BigEndian.AppendUint32(dst, id)
}

func appendSettings(dst []byte, settings ...http2.Setting) []byte {
	dst = appendFrame(dst, http2.FrameSettings, 0, 0, 6*len(settings))
	for _, s := range settings {
		dst = binary.BigEndian.AppendUint16(dst, uint16(s.ID))
		dst = binary.BigEndian.AppendUint32(dst, s.Val)
	}
	return dst
}

// reset adds a RST_STREAM to what is pending. mu is held.
func (c *conn) reset(id uint32, code http2.ErrCode) {
	c.pending = appendFrame(c.pending, http2.FrameRSTStream, 0, id, 4)
	c.pending = binary.BigEndian.AppendUint32(c.pending, uint32(code))
}
