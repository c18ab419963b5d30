package h2

import (
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// answer writes an answer, as much of it as the peer's windows take. mu is held.
func (c *conn) answer(s *stream, r Reply) {
	if s.head {
		r.Body = nil
	}
	end := len(r.Body) == 0 && len(r.Trailer) == 0
	c.writeHeaders(s.id, r.Status, r.Header, end)
	if end {
		c.answered(s)
		return
	}
	s.state, s.rest = answering, r
	c.resume(s)
}

// resume goes on with an answer. mu is held.
func (c *conn) resume(s *stream) {
	r := &s.rest
	for len(r.Body) > 0 {
		n := int(min(int64(len(r.Body)), frameSize, s.sendWindow, c.sendWindow))
		if n <= 0 {
			c.by(s.begun.Add(c.srv.AnswerTimeout))
			return
		}
		p := r.Body[:n]
		r.Body = r.Body[n:]
		s.sendWindow -= int64(n)
		c.sendWindow -= int64(n)
		_ = c.framer.WriteData(s.id, len(r.Body) == 0 && len(r.Trailer) == 0, p)
	}
	if len(r.Trailer) > 0 {
		c.writeHeaders(s.id, 0, r.Trailer, true)
	}
	c.answered(s)
}

// resumeAll goes on with all answers that wait for room. mu is held.
func (c *conn) resumeAll() {
	for _, s := range c.streams {
		if s.state == answering && s.sendWindow > 0 && c.sendWindow > 0 {
			c.resume(s)
		}
	}
}

// answered ends a stream whose answer is written. A peer that has more to send
// may leave it (section 8.1). mu is held.
func (c *conn) answered(s *stream) {
	if !s.complete {
		c.reset(s.id, http2.ErrCodeNo)
	}
	c.remove(s)
}

// statusField is a :status without an allocation for what HPACK has in its
// static table (RFC 7541, appendix A).
func statusField(status int) hpack.HeaderField {
	f := hpack.HeaderField{Name: ":status"}
	switch status {
	case 200:
		f.Value = "200"
	case 204:
		f.Value = "204"
	case 400:
		f.Value = "400"
	case 404:
		f.Value = "404"
	default:
		f.Value = strconv.Itoa(status)
	}
	return f
}
