package h2

import (
	"errors"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// maxBody bounds the body of an answer, in bytes, and what is taken in for all
// answers without being given back: it is the window that streams and
// connections begin with (section 6.9.2).
const maxBody = 65_535

// Response is an answer.
type Response struct {
	Status  int
	Header  Header
	Trailer Header // nil when there is none
	Body    []byte
}

// Header are header fields, names in lower case.
type Header []hpack.HeaderField

// Get returns the first value of a name, or "".
func (h Header) Get(name string) string {
	for _, f := range h {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// stream is a call whose answer is awaited. Its fields are guarded by the
// connection's lock until done is closed.
type stream struct {
	id       uint32 // 0 until its headers are written
	window   int64  // what the peer takes of its body, in bytes; may be negative
	sentAll  bool
	received int // of its answer's body, padding included, in bytes
	resp     *Response
	err      error
	done     chan struct{} // closed when resp or err is final
}

// ended says whether the answer is there, or will never be.
func (s *stream) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// Errors of an answer that is not one.
var (
	errMalformed = errors.New("malformed answer")
	errTooLong   = errors.New("the answer is longer than 64 KiB")
)

// headers takes a block of header fields. It says whether the answer is
// complete with it.
func (s *stream) headers(f *http2.MetaHeadersFrame) (end bool, err error) {
	if f.Truncated {
		return false, errTooLong
	}
	end = f.StreamEnded()
	if s.resp != nil {
		if !end || len(f.PseudoFields()) > 0 {
			return false, errMalformed
		}
		s.resp.Trailer = Header(f.RegularFields())
		return true, nil
	}
	status, err := strconv.Atoi(f.PseudoValue("status"))
	switch {
	case err != nil || status < 100 || status > 999:
		return false, errMalformed
	case status < 200 && end:
		return false, errMalformed
	case status < 200:
		return false, nil // informational (section 8.1); the answer is to come
	}
	s.resp = &Response{Status: status, Header: Header(f.RegularFields())}
	return end, nil
}

// data takes a piece of the body.
func (s *stream) data(f *http2.DataFrame) (end bool, err error) {
	s.received += int(f.Length)
	end = f.StreamEnded()
	switch {
	case s.resp == nil:
		return false, errMalformed
	case s.received > maxBody || s.received == maxBody && !end:
		return false, errTooLong // the peer could never send the end
	}
	s.resp.Body = append(s.resp.Body, f.Data()...)
	return end, nil
}
