package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// A Sink takes frames that otlp.Check has passed, from many goroutines at once.
type Sink interface {
	// Put takes a frame of so many spans. When it returns nil, the spans are
	// the sink's to answer for, and the frame is the caller's again. An error
	// that wraps ErrOverloaded asks the sender to come again; any other one
	// too, but is the collector's fault.
	Put(ctx context.Context, frame []byte, spans int) error
}

// ErrOverloaded is wrapped by the error of a sink that has no room now.
var ErrOverloaded = errors.New("overloaded")

// Limits.
const (
	// MaxMessage is the size of a request, in bytes, unpacked.
	MaxMessage = otlp.MaxRequest
	// DefaultMemory bounds what is being received, in bytes.
	DefaultMemory = 4 * MaxMessage
	// retryDelay is when a sender that was refused may come again.
	retryDelay = time.Second
	// bodyTimeout is how long the body of a request may take.
	bodyTimeout = 15 * time.Second
	// window is the HTTP/2 flow control window of a connection, in bytes.
	window = 256 << 10
	// streams is how many calls a connection may have open.
	streams = 64
)

// Stats are totals since the server began.
type Stats struct {
	Requests, Spans, Bytes       uint64 // that the sink took; bytes are unpacked
	Malformed, TooBig, Overload  uint64 // requests that were refused
	Failed                       uint64 // requests that the sink failed to take
	Unimplemented, NotGRPC, Lost uint64 // other calls; requests that broke off
}

// Server serves OTLP over gRPC.
type Server struct {
	sink   Sink
	budget budget
	stats  struct {
		requests, spans, bytes       atomic.Uint64
		malformed, tooBig, overload  atomic.Uint64
		failed                       atomic.Uint64
		unimplemented, notGRPC, lost atomic.Uint64
	}
}

// New returns a server that hands frames to sink and holds at most memory
// bytes of requests that are being received; 0 is DefaultMemory.
func New(sink Sink, memory int) *Server {
	if memory == 0 {
		memory = DefaultMemory
	}
	s := &Server{sink: sink}
	s.budget.limit = int64(memory)
	return s
}

// Stats returns the totals.
func (s *Server) Stats() Stats {
	c := &s.stats
	return Stats{
		Requests: c.requests.Load(), Spans: c.spans.Load(), Bytes: c.bytes.Load(),
		Malformed: c.malformed.Load(), TooBig: c.tooBig.Load(), Overload: c.overload.Load(),
		Failed:        c.failed.Load(),
		Unimplemented: c.unimplemented.Load(), NotGRPC: c.notGRPC.Load(), Lost: c.lost.Load(),
	}
}

// Serve serves calls on a listener, without TLS, until ctx is done; then it
// answers those that have begun, for a few seconds at most, and returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:           s,
		Protocols:         &protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          streams,
			MaxReceiveBufferPerConnection: window,
			MaxReceiveBufferPerStream:     window,
			SendPingTimeout:               time.Minute,
		},
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if server.Shutdown(patience) != nil {
			server.Close()
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("ingest: %w", err)
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !grpc.IsContentType(r.Header.Get("Content-Type")) {
		s.stats.notGRPC.Add(1)
		http.Error(w, "this port takes spans: OTLP over gRPC", http.StatusUnsupportedMediaType)
		return
	}
	if r.URL.Path != grpc.TracePath {
		s.stats.unimplemented.Add(1)
		answer(w, grpc.Status{Code: grpc.Unimplemented, Message: "this collector takes traces only: " + grpc.TracePath})
		return
	}
	// An error means that there is no way to set a deadline; the body is
	// read all the same.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	answer(w, s.export(r))
}

// export takes in one request and says how it went.
func (s *Server) export(r *http.Request) grpc.Status {
	m, err := s.budget.read(r.Body, r.Header.Get("Grpc-Encoding"))
	defer m.free()
	if err != nil {
		return s.refuse(err)
	}
	spans, err := otlp.Check(m.bytes)
	if err != nil {
		return s.refuse(err)
	}
	if err := s.sink.Put(r.Context(), m.bytes, spans); err != nil {
		return s.refuse(err)
	}
	s.stats.requests.Add(1)
	s.stats.spans.Add(uint64(spans))
	s.stats.bytes.Add(uint64(len(m.bytes)))
	return grpc.Status{Code: grpc.OK}
}

// refuse counts a request that was not taken.
func (s *Server) refuse(err error) grpc.Status {
	switch {
	case errors.Is(err, ErrOverloaded):
		s.stats.overload.Add(1)
		return grpc.Status{Code: grpc.ResourceExhausted, Message: err.Error(), RetryDelay: retryDelay}
	case errors.Is(err, grpc.ErrTooLarge):
		s.stats.tooBig.Add(1)
		return grpc.Status{Code: grpc.ResourceExhausted, Message: err.Error()}
	case errors.Is(err, errEncoding):
		s.stats.unimplemented.Add(1)
		return grpc.Status{Code: grpc.Unimplemented, Message: err.Error()}
	case errors.Is(err, grpc.ErrMalformed), errors.Is(err, otlp.ErrMalformed):
		s.stats.malformed.Add(1)
		return grpc.Status{Code: grpc.InvalidArgument, Message: err.Error()}
	case errors.Is(err, errBroken):
		s.stats.lost.Add(1)
		return grpc.Status{Code: grpc.Cancelled, Message: err.Error()}
	}
	s.stats.failed.Add(1)
	return grpc.Status{Code: grpc.Unavailable, Message: err.Error(), RetryDelay: retryDelay}
}

// success is the empty ExportTraceServiceResponse.
var success = grpc.AppendPrefix(nil, false, 0)

// answer writes the status: in trailers after a message, or, when there is no
// message, as the only headers.
func answer(w http.ResponseWriter, st grpc.Status) {
	h := w.Header()
	h.Set("Content-Type", grpc.ContentType)
	prefix := ""
	if st.Code == grpc.OK {
		if _, err := w.Write(success); err != nil {
			return // the caller has gone
		}
		prefix = http.TrailerPrefix
	}
	h.Set(prefix+"Grpc-Status", fmt.Sprint(uint8(st.Code)))
	if st.Message != "" {
		h.Set(prefix+"Grpc-Message", grpc.EncodeMessage(st.Message))
	}
	if d := st.Details(); d != "" {
		h.Set(prefix+"Grpc-Status-Details-Bin", d)
	}
}
