package h2

import (
	"errors"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// block is a block of headers that is being received: HEADERS and what
// CONTINUATION frames follow. No frame of another stream comes between them.
type block struct {
	decoder  *hpack.Decoder
	id       uint32 // 0: there is none
	begun    time.Time
	end      bool // of the stream
	selfish  bool // the stream depends on itself
	size     int  // as it came, in bytes
	frames   int  // CONTINUATION
	list     int  // as in section 6.5.2, in bytes
	wrong    bool // malformed (section 8.1.1)
	regular  bool // a field that is no pseudo-header has come
	pseudo   bool // one that is has come
	connect  bool
	promised bool // content-length
	expects  bool // to be told to go on
	req      Request
}

func (b *block) init() {
	b.decoder = hpack.NewDecoder(tableSize, b.field)
	b.decoder.SetMaxStringLength(maxHeaderList)
}

// headers begins a block.
func (c *conn) headers(f *http2.HeadersFrame) error {
	if f.StreamID%2 == 0 {
		return connError{http2.ErrCodeProtocol, "a client's streams have odd numbers"} // section 5.1.1
	}
	b := &c.block
	*b = block{decoder: b.decoder, id: f.StreamID, begun: c.now, end: f.StreamEnded(), req: Request{Header: b.req.Header[:0], ContentLength: -1}}
	b.selfish = f.HasPriority() && f.Priority.StreamDep == f.StreamID
	if !f.HeadersEnded() {
		c.mu.Lock()
		c.by(c.now.Add(c.srv.HeaderTimeout))
		c.mu.Unlock()
	}
	return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
}

// continuation goes on with it; the framer sees to it that it does.
func (c *conn) continuation(f *http2.ContinuationFrame) error {
	if c.block.frames++; c.block.frames > maxContinuations {
		return connError{http2.ErrCodeEnhanceYourCalm, "too many CONTINUATION frames"}
	}
	return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
}

func (c *conn) fragment(p []byte, last bool) error {
	b := &c.block
	if b.size += len(p); b.size > maxHeaderBlock {
		return connError{http2.ErrCodeEnhanceYourCalm, "headers that are too long"}
	}
	_, err := b.decoder.Write(p)
	if err == nil && last {
		err = b.decoder.Close()
	}
	switch {
	case errors.Is(err, hpack.ErrStringLength):
		return connError{http2.ErrCodeEnhanceYourCalm, "a header that is too long"}
	case err != nil:
		return connError{http2.ErrCodeCompression, err.Error()} // section 4.3
	case !last:
		return nil
	}
	id := b.id
	b.id = 0
	c.mu.Lock()
	s := c.streams[id]
	switch {
	case id > c.lastID:
		c.mu.Unlock()
		return c.begin(id)
	case s != nil && s.state == receiving:
		c.mu.Unlock()
		return c.trailers(s)
	}
	defer c.mu.Unlock()
	switch {
	case s != nil && s.complete:
		return streamError(id, http2.ErrCodeStreamClosed) // section 5.1, half-closed (remote)
	case s != nil:
		s.complete = b.end
		return nil // the answer was known before all was heard
	case c.ours.has(id):
		return nil // it was on its way
	case c.ended.has(id):
		return connError{http2.ErrCodeStreamClosed, "HEADERS of a stream that is closed"} // section 5.1
	}
	return connError{http2.ErrCodeProtocol, "a stream's number is lower than that of one before"} // section 5.1.1
}

// begin makes a stream of a block.
func (c *conn) begin(id uint32) error {
	b := &c.block
	c.mu.Lock()
	if c.leaving {
		c.mu.Unlock()
		return nil // section 6.8: it was told which is the last
	}
	c.lastID = id
	full := len(c.streams) >= maxStreams
	c.mu.Unlock()
	switch {
	case b.selfish, b.list <= maxHeaderList && !b.request():
		return streamError(id, http2.ErrCodeProtocol)
	case full:
		return streamError(id, http2.ErrCodeRefusedStream) // section 5.1.2
	}
	s := &stream{id: id, begun: c.now, length: b.req.ContentLength, complete: b.end, head: b.req.Method == "HEAD"}
	if b.list > maxHeaderList {
		s.receiver = tooLong{}
	} else {
		s.receiver = c.handler(&b.req)
	}
	c.mu.Lock()
	c.open(s)
	if b.expects && !b.end {
		c.writeHeaders(id, 100, nil, false)
	}
	c.mu.Unlock()
	switch {
	case b.end:
		return c.complete(s)
	case b.list > maxHeaderList:
		c.handle(s)
	}
	return nil
}

// trailers end a stream. What is in them means nothing here.
func (c *conn) trailers(s *stream) error {
	if b := &c.block; !b.end || b.wrong || b.pseudo || b.selfish {
		return streamError(s.id, http2.ErrCodeProtocol) // section 8.1
	}
	return c.complete(s)
}

// tooLong answers a request with too many or too long headers (RFC 6585,
// section 5).
type tooLong struct{}

func (tooLong) Data([]byte) bool    { return false }
func (tooLong) Missing() int        { return 0 }
func (tooLong) Quick() bool         { return true }
func (tooLong) Deadline() time.Time { return time.Time{} }
func (tooLong) End(error) Reply     { return Reply{Status: 431} }

// field takes a field.
func (b *block) field(f hpack.HeaderField) {
	if b.list += int(f.Size()); b.list > maxHeaderList || b.wrong {
		return
	}
	if len(f.Name) > 0 && f.Name[0] == ':' {
		b.wrong = b.regular || !b.setPseudo(f)
		b.pseudo = true
		return
	}
	b.regular = true
	if !validName(f.Name) || !validValue(f.Value) {
		b.wrong = true
		return
	}
	switch f.Name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		b.wrong = true // section 8.2.2
	case "te":
		b.wrong = f.Value != "trailers"
	case "content-length":
		n, err := strconv.ParseUint(f.Value, 10, 63)
		b.wrong = err != nil || b.promised && b.req.ContentLength != int64(n)
		b.req.ContentLength, b.promised = int64(n), true
	case "expect":
		b.expects = f.Value == "100-continue"
	}
	if len(b.req.Header) < maxFields {
		b.req.Header = append(b.req.Header, f)
	}
}

// setPseudo takes a pseudo-header; false: it is none of a request, or there
// twice.
func (b *block) setPseudo(f hpack.HeaderField) bool {
	var to *string
	switch f.Name {
	case ":method":
		to = &b.req.Method
		b.connect = f.Value == "CONNECT"
	case ":scheme":
		to = &b.req.Scheme
	case ":authority":
		to = &b.req.Authority
	case ":path":
		to = &b.req.Path
	}
	if to == nil || *to != "" || f.Value == "" || !validValue(f.Value) {
		return to == &b.req.Authority && *to == "" && f.Value == ""
	}
	*to = f.Value
	return true
}

// request says whether the block is one (section 8.3.1).
func (b *block) request() bool {
	r := &b.req
	if b.wrong || r.Method == "" || b.end && b.promised && r.ContentLength != 0 {
		return false
	}
	if b.connect { // section 8.5
		return r.Authority != "" && r.Scheme == "" && r.Path == ""
	}
	return r.Scheme != "" && r.Path != ""
}

// validName says whether a name may be a field's: a token without capitals
// (sections 8.2.1 and RFC 9110, 5.6.2).
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		case c == '!', c >= '#' && c <= '\'', c == '*', c == '+', c == '^', c == '`', c == '|', c == '~':
		default:
			return false
		}
	}
	return s != ""
}

// validValue says whether a value may be a field's (section 8.2.1).
func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return s == "" || !blank(s[0]) && !blank(s[len(s)-1])
}

func blank(c byte) bool { return c == ' ' || c == '\t' }
