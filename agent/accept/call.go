package accept

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
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
	service   *service // what is asked; nil: something that this listener does not take
	grpc      bool
	mediaType string    // of a body that is no gRPC; "": one that this listener does not take
	query     string    // of its target over HTTP
	encoding  string    // how the body is compressed
	size      int       // of the body, as it comes, in bytes; -1: not known
	header    h2.Header // of the answer, beside what is in each
	answer    *h2.Reply // to what is not taken, without a look at its body
	err       error     // why it is refused
	unwanted  int       // what has come of a body since it was known not to be taken, in bytes
	message   message   // gRPC's
	body      body
}

// begin looks at what is asked. two says that it is HTTP/2.
func (l *Listener) begin(r *h2.Request, from sender, two bool) *call {
	c := &call{l: l, lane: l.server.lanes(Origin{Listener: l.address, Peer: from.address, Process: from.process}), size: int(r.ContentLength)}
	c.body.budget = &l.server.budget
	contentType := r.Header.Get("content-type")
	c.grpc = two && r.Method == http.MethodPost && grpc.IsContentType(contentType)
	if c.grpc {
		c.beginGRPC(r)
	} else {
		c.beginHTTP(r, contentType)
	}
	if c.answer != nil || c.err != nil {
		return c
	}
	if c.err = c.body.enter(); c.err == nil && !c.grpc && two {
		if c.err = c.body.begin(c.encoding); c.err == nil && c.body.unpack == nil {
			c.err = c.body.announced(c.size)
		}
	}
	return c
}

func (c *call) beginGRPC(r *h2.Request) {
	c.encoding = r.Header.Get("grpc-encoding")
	if c.service = find(c.l.services, true, r.Path, ""); c.service == nil {
		c.lane.Refuse(ledger.Unimplemented)
		c.answer = new(replyGRPC(grpc.Status{Code: grpc.Unimplemented, Message: takes(c.l.services, true)}))
	}
}

// beginHTTP is for what is not gRPC.
func (c *call) beginHTTP(r *h2.Request, contentType string) {
	c.mediaType = c.l.mediaType(contentType)
	c.encoding = strings.ToLower(r.Header.Get("content-encoding"))
	var status int
	if c.header, status = c.l.server.cors(r); status != 0 {
		c.answer = &h2.Reply{Status: status, Header: c.header}
		return
	}
	if c.service = find(c.l.services, false, r.Path, c.mediaType); c.service == nil {
		var path string
		path, c.query = split(r.Path)
		c.service = find(c.l.services, false, path, c.mediaType)
	}
	switch {
	case c.service == nil:
		if r.Method == http.MethodPost {
			c.lane.Refuse(ledger.Unimplemented)
		}
		c.answer = new(c.withHeader(replyHTTP(c.mediaType, refusal{
			Status: grpc.Status{Code: grpc.NotFound, Message: takes(c.l.services, false)}, http: http.StatusNotFound,
		})))
	case r.Method != c.service.method:
		c.header = append(c.header, hpack.HeaderField{Name: "allow", Value: c.service.method})
		c.answer = new(c.withHeader(replyHTTP(c.mediaType, refusal{
			Status: grpc.Status{Code: grpc.Unimplemented, Message: "only " + c.service.method}, http: http.StatusMethodNotAllowed,
		})))
	case c.service.mediaType != c.mediaType && c.service.take != nil:
		c.err = fmt.Errorf("%w: %.100q; %s", errType, contentType, understood(types(c.l.services, c.service.path)))
	}
}

// mediaType is a content type that is taken, without its parameters, or "".
func (l *Listener) mediaType(contentType string) string {
	if contentType == "" {
		return ""
	}
	for i := range l.services {
		if contentType == l.services[i].mediaType {
			return contentType
		}
	}
	t, _, _ := mime.ParseMediaType(contentType)
	for i := range l.services {
		if t == l.services[i].mediaType {
			return t
		}
	}
	return ""
}

// split cuts a request's target into its path and its query.
func split(target string) (path, query string) {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return target, ""
	}
	return u.Path, u.RawQuery
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

// Missing is how much is to come yet of a message that is wanted, in bytes.
func (c *call) Missing() int {
	if c.answer != nil || c.err != nil {
		return 0
	}
	return c.message.left
}

// Quick says that End takes less than a millisecond, and does not wait.
func (c *call) Quick() bool {
	return c.answer != nil || c.err != nil ||
		c.service.take != nil && len(c.body.bytes) <= quickRequest && c.body.unpack == nil && !c.lane.Waits()
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
	if c.err == nil && c.service.ask != nil {
		return c.ask()
	}
	if c.err == nil {
		var spans int
		if spans, c.err = c.service.take(c.lane, c.body.bytes); c.err == nil {
			c.l.count(c.service.protocol, len(c.body.bytes), spans)
			if c.grpc {
				return grpcSuccess
			}
			return c.withHeader(reply(c.service.done, c.service.in, c.service.says))
		}
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
			hpack.HeaderField{Name: "accept-post", Value: strings.Join(types(c.l.services, c.service.path), ", ")})
	}
	return c.withHeader(replyHTTP(c.mediaType, no))
}

// ask has a question answered.
func (c *call) ask() h2.Reply {
	a := c.service.ask(question{path: c.service.path, query: c.query, body: c.body.bytes})
	if !c.grpc {
		return c.withHeader(reply(a.status, a.mediaType, a.body))
	}
	if a.err != nil {
		st, ok := errors.AsType[grpc.Status](a.err)
		if !ok {
			st = grpc.Status{Code: grpc.Unavailable, Message: a.err.Error()}
		}
		return replyGRPC(st)
	}
	r := grpcSuccess
	r.Body = append(grpc.AppendPrefix(make([]byte, 0, grpc.PrefixLen+len(a.body)), false, len(a.body)), a.body...)
	return r
}

func (c *call) withHeader(r h2.Reply) h2.Reply {
	r.Header = append(r.Header, c.header...)
	return r
}
