package accept

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/agent/accept/h2"
)

// senderKey is where the context of a request over HTTP/1 has its sender.
type senderKey struct{}

// withSender makes the context of a connection.
func withSender(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if n, ok := c.(*connection); ok {
		return context.WithValue(ctx, senderKey{}, n.sender)
	}
	return ctx
}

// ServeHTTP answers a request over HTTP/1 as one over HTTP/2.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.running.RLock()
	defer l.running.RUnlock()
	if l.ended {
		return // its connection is closed
	}
	if l.server.leaving.Load() {
		w.Header().Set("Connection", "close")
	}
	req := h2.Request{Method: r.Method, Path: r.RequestURI, ContentLength: r.ContentLength}
	for name, values := range r.Header {
		req.Header = append(req.Header, hpack.HeaderField{Name: strings.ToLower(name), Value: values[0]})
	}
	from, _ := r.Context().Value(senderKey{}).(sender)
	c := l.begin(&req, from, false)
	reply := c.read(w, r)
	h := w.Header()
	for _, f := range reply.Header {
		h.Add(f.Name, f.Value)
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body) // the client went away
}

// read receives and answers a request of which nothing has come yet.
func (c *call) read(w http.ResponseWriter, r *http.Request) h2.Reply {
	if c.answer != nil {
		return *c.answer
	}
	defer c.body.free()
	if c.err == nil {
		last := time.Now().Add(requestTimeout) // or before: the server's timeout, from the first byte of its headers
		c.body.hurry = func(until time.Time) {
			if until.Before(last) {
				_ = http.NewResponseController(w).SetReadDeadline(until) // else the other one stands
			}
		}
		c.err = c.body.readHTTP(r.Body, c.encoding, r.ContentLength)
	}
	return c.finish()
}
