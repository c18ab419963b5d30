package accept

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// Server takes in requests, each of which is answered, on all of its listeners,
// within one budget for all of them:
//
//	request ─► budget ─► uncompress ─► service: check, cut ─► lane ─► answer
//
// What a listener takes are its services (service.go). A success means that the
// spans are in the lane.
type Server struct {
	lanes   Lanes
	log     *slog.Logger
	budget  budget
	conns   connections
	certs   atomic.Pointer[certificates] // nil: no TLS
	origins atomic.Pointer[[]string]     // of browsers, that may send
	leaving atomic.Bool                  // senders are to go elsewhere

	large   sync.Mutex           // held by who makes frames of a large request (transcoded.go)
	answers Answers              // nil: nobody answers
	served  map[string][]service // by source; never changed
}

// Options may be changed while it runs.
type Options struct {
	// Origins are those of web pages that may send, such as
	// https://shop.example; "*" is any.
	Origins []string
	// TLS is for the TCP listeners.
	TLS TLSOptions
}

// Leave makes senders over HTTP/1 go elsewhere, each with its next answer: it says
// that it is the connection's last. One that is closed between two requests may
// have the next one on its way, and Go's client for one does not send that
// again. HTTP/2 has a way to end for itself (GOAWAY).
func (s *Server) Leave() { s.leaving.Store(true) }

// NewServer returns one without listeners. answers may be nil.
func NewServer(lanes Lanes, answers Answers, log *slog.Logger) *Server {
	s := &Server{lanes: lanes, answers: answers, log: log, conns: connections{limit: connectionLimit()}}
	otlp := new(otlpTaker).services()
	s.served = map[string][]service{
		"otlp.grpc": otlp, "otlp.http": otlp, "jaeger.grpc": s.jaegerGRPC(), "jaeger.http": s.jaegerHTTP(),
		"zipkin.http": s.zipkinHTTP(),
	}
	s.origins.Store(new([]string))
	return s
}

// SetOptions takes effect for requests and connections that come from now on.
// The error is of a certificate that can't be read; then nothing has changed.
func (s *Server) SetOptions(opt Options) error {
	certs, err := newCertificates(opt.TLS, s.log)
	if err != nil {
		return err
	}
	s.certs.Store(certs)
	origins := slices.Clone(opt.Origins)
	s.origins.Store(&origins)
	return nil
}
