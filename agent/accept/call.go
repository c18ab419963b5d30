package accept

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/agent/accept/h2"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// call is a request that is taken in. Over HTTP/2 it is an h2.Receiver, to
// which its body comes in pieces; over HTTP/1 its body is read (http1.go).
//
// A grpc-timeout is not looked at: what is here when the caller's time is over
// is as good as before, and the caller, who resets the stream then, sends it
// again either way.
type call struct {
	l         *Listener
	lane      Lane
	grpc      bool
	mediaType string    // of OTLP over HTTP; "": one that is not known
	encoding  string    // how the body is compressed
	size      int       // of the body, as it comes, in bytes; -1: not known
	header    h2.Header // of the answer, beside what is in each
	answer    *h2.Reply // to what is no export
	err       error     // why it is refused
	unwanted  int       // what has come of a body since it was known not to be taken, in bytes
	message   message   // gRPC's
	body      body
}

// begin looks at what is asked. two says that it is HTTP/2.
func (l *Listener) begin(r *h2.Request, peer netip.AddrPort, two bool) *call {
	c := &call{l: l, lane: l.otlp.lanes(Origin{Listener: l.address, Peer: peer}), size: int(r.ContentLength)}
	c.body.budget = &l.otlp.budget
	contentType := r.Header.Get("content-type")
	c.grpc = two && r.Method == http.MethodPost && grpc.IsContentType(contentType)
	if c.grpc {
		c.encoding = r.Header.Get("grpc-encoding")
		if r.Path != grpc.TracePath {
			c.lane.Refuse(ledger.Unimplemented)
			c.answer = new(replyGRPC(grpc.Status{Code: grpc.Unimplemented, Message: "this agent takes traces only: " + grpc.TracePath}))
			return c
		}
	} else if c.beginHTTP(r, contentType); c.answer != nil || c.err != nil {
		return c
	}
	if c.err = c.body.enter(); c.err == nil && !c.grpc && two {
		if c.err = c.body.begin(c.encoding); c.err == nil && c.body.unpack == nil {
			c.err = c.body.announced(c.size)
		}
	}
	return c
}

// beginHTTP is for what is not gRPC.
func (c *call) beginHTTP(r *h2.Request, contentType string) {
	c.mediaType = mediaType(contentType)
	c.encoding = strings.ToLower(r.Header.Get("content-encoding"))
	var status int
	if c.header, status = c.l.otlp.cors(r); status != 0 {
		c.answer = &h2.Reply{Status: status, Header: c.header}
		return
	}
	switch {
	case pathOf(r.Path) != tracesPath:
		if r.Method == http.MethodPost {
			c.lane.Refuse(ledger.Unimplemented)
		}
		c.answer = new(c.withHeader(replyHTTP(c.mediaType, refusal{
			Status: grpc.Status{Code: grpc.NotFound, Message: "this agent takes traces only: POST " + tracesPath}, http: http.StatusNotFound,
		})))
	case r.Method != http.MethodPost:
		c.header = append(c.header, hpack.HeaderField{Name: "allow", Value: http.MethodPost})
		c.answer = new(c.withHeader(replyHTTP(c.mediaType, refusal{
			Status: grpc.Status{Code: grpc.Unimplemented, Message: "only POST"}, http: http.StatusMethodNotAllowed,
		})))
	case c.mediaType == "":
		c.err = fmt.Errorf("%w: %.100q; %s and %s are", errType, contentType, typeProtobuf, typeJSON)
	}
}

// mediaType is a content type that is understood, without its parameters, or "".
func mediaType(contentType string) string {
	if contentType == typeProtobuf || contentType == typeJSON {
		return contentType
	}
	t, _, _ := mime.ParseMediaType(contentType)
	if t != typeProtobuf && t != typeJSON {
		return ""
	}
	return t
}

// pathOf is the path of a request's target.
func pathOf(target string) string {
	if target == tracesPath {
		return target
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return target
	}
	return u.Path
}

// maxUnwanted is in bytes. So much more of a body that is not taken is let come
// to its end, before it is answered in the middle: not every HTTP client looks
// for an answer while it sends, and some take the reset that follows for a
// failure. gRPC clients do look, and may send without end.
const maxUnwanted = 64 << 10

// Data takes the next bytes of the body.
func (c *call) Data(p []byte) (more bool) {
	switch {
	case c.answer != nil || c.err != nil:
	case c.grpc:
		c.err = c.message.push(&c.body, p, c.encoding)
	default:
		c.err = c.body.push(p, c.size)
	}
	if c.answer == nil && c.err == nil {
		return true
	}
	c.body.free()
	c.unwanted += len(p)
	return !c.grpc && c.unwanted <= maxUnwanted
}

// Deadline is when the body has to be complete that keeps others out.
func (c *call) Deadline() time.Time { return c.body.until }

// Quick says that End takes less than a millisecond, and does not wait.
func (c *call) Quick() bool {
	return c.answer != nil || c.err != nil || len(c.body.bytes) <= quickRequest && c.body.unpack == nil && !c.lane.Waits()
}

// quickRequest is in bytes: what is checked, as JSON made protobuf, and copied
// in less than a millisecond.
const quickRequest = smallJSON

// End checks what has come, puts it into the lane, and answers.
func (c *call) End(cause error) h2.Reply {
	if c.answer != nil {
		return *c.answer
	}
	defer c.body.free()
	switch {
	case c.err != nil:
	case errors.Is(cause, h2.ErrSlow):
		c.err = errSlow
	case cause != nil:
		c.err = broken(io.ErrUnexpectedEOF)
	case c.grpc:
		c.err = c.message.end(&c.body)
	default:
		c.err = c.body.end()
	}
	return c.finish()
}

// finish takes what was received, if there is no error, and answers.
func (c *call) finish() h2.Reply {
	switch {
	case c.err != nil:
	case c.mediaType == typeJSON:
		c.err = c.l.takeJSON(c.lane, c.body.bytes)
	case c.grpc:
		c.err = c.l.take(c.lane, c.body.bytes, &c.l.grpc)
	default:
		c.err = c.l.take(c.lane, c.body.bytes, &c.l.http)
	}
	if c.err == nil {
		if c.grpc {
			return grpcSuccess
		}
		return c.withHeader(replyHTTP(c.mediaType, refusal{http: http.StatusOK}))
	}
	no := refuse(c.err)
	if !no.counted {
		c.lane.Refuse(no.reason)
	}
	if c.grpc {
		return replyGRPC(no.Status)
	}
	if no.http == http.StatusUnsupportedMediaType {
		c.header = append(c.header, hpack.HeaderField{Name: "accept-encoding", Value: "gzip"},
			hpack.HeaderField{Name: "accept-post", Value: typeProtobuf + ", " + typeJSON})
	}
	return c.withHeader(replyHTTP(c.mediaType, no))
}

func (c *call) withHeader(r h2.Reply) h2.Reply {
	r.Header = append(r.Header, c.header...)
	return r
}
