// Package receive is the end that all agents deliver to: a server that takes OTLP
// over gRPC and HTTP and Jaeger's PostSpans, counts the spans and throws them away.
// Beside it is a TCP port that counts bytes, for the floor program.
package receive

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Counts is what arrived since the receiver began.
type Counts struct {
	Spans     uint64 `json:"spans"`
	IDSum     uint64 `json:"id_sum"` // of all span ids, modulo 2^64
	Requests  uint64 `json:"requests"`
	Bytes     uint64 `json:"bytes"`   // of requests as they came, without gRPC's 5-byte prefix
	Refused   uint64 `json:"refused"` // requests that were wrong, or broke off
	SinkBytes uint64 `json:"sink_bytes"`
}

// Server counts. Its methods may be called at any time from anywhere.
type Server struct {
	// Encoding is what requests must be compressed with, gzip or zstd, or ""
	// for not at all. Others are refused, so that nothing else is measured than
	// what was meant. It is set before the first request.
	Encoding string

	spans, ids, requests, bytes, refused, sink atomic.Uint64
	away                                       atomic.Bool
	buffers                                    sync.Pool // *buffers
}

// Counts returns the counts now.
func (s *Server) Counts() Counts {
	return Counts{s.spans.Load(), s.ids.Load(), s.requests.Load(), s.bytes.Load(), s.refused.Load(), s.sink.Load()}
}

// HTTP is a server for this receiver: HTTP/2 without TLS, and HTTP/1.1 for /counts.
func (s *Server) HTTP() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           s,
		Protocols:         &protocols,
		ReadHeaderTimeout: 10 * time.Second,
		HTTP2: &http.HTTP2Config{
			// What a client meets at a usual gRPC server: frames of at most
			// 16 KiB (RFC 9113, section 6.5.2, initial value), and windows
			// between gRPC-Go's first 64 KiB and what its estimate of the
			// bandwidth-delay product grows them to.
			MaxReadFrameSize:              16 << 10,
			MaxReceiveBufferPerStream:     256 << 10,
			MaxReceiveBufferPerConnection: 1 << 20,
		},
	}
}

// ServeHTTP answers the two gRPC methods, OTLP over HTTP, and /counts with the counts as JSON.
// After /away it refuses every call unread, as UNAVAILABLE or 503, until /back.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/opentelemetry.proto.collector.trace.v1.TraceService/Export":
		s.unary(w, r, otlpPath)
	case "/jaeger.api_v2.CollectorService/PostSpans":
		s.unary(w, r, jaegerPath)
	case "/v1/traces":
		s.post(w, r)
	case "/counts":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Counts())
	case "/away", "/back":
		s.away.Store(r.URL.Path == "/away")
		_, _ = io.WriteString(w, "{}")
	default:
		s.answer(w, unimplemented, "no such method: "+r.URL.Path)
	}
}

// The gRPC status codes used here (grpc/doc/statuscodes.md).
const (
	ok                = 0
	invalidArgument   = 3
	resourceExhausted = 8
	unimplemented     = 12
	internal          = 13
	unavailable       = 14
)

// maxMessage is in bytes. gRPC servers take 4 MiB unless told otherwise; the
// Collector's batches are larger where its clients' requests are large, and what
// is measured is not how it fails then.
const maxMessage = 64 << 20

func (s *Server) unary(w http.ResponseWriter, r *http.Request, path []uint64) {
	if s.away.Load() {
		s.answer(w, unavailable, "told to be away")
		return
	}
	b := s.buffer()
	defer s.buffers.Put(b)
	message, code, err := s.readMessage(r, b)
	if err != nil {
		s.answer(w, code, err.Error())
		return
	}
	if err := s.count(message, path, b); err != nil {
		s.answer(w, invalidArgument, err.Error())
		return
	}
	s.answer(w, ok, "")
}

// post is OTLP over HTTP (opentelemetry-proto, docs/specification.md, "OTLP/HTTP").
func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, text string) {
		s.refused.Add(1)
		http.Error(w, text, status)
	}
	if s.away.Load() {
		refuse(http.StatusServiceUnavailable, "told to be away")
		return
	}
	b := s.buffer()
	defer s.buffers.Put(b)
	switch got := r.Header.Get("Content-Encoding"); {
	case got != s.Encoding:
		refuse(http.StatusUnsupportedMediaType, fmt.Sprintf("compressed as %q, not %q", got, s.Encoding))
		return
	case r.ContentLength < 0 || r.ContentLength > maxMessage:
		refuse(http.StatusRequestEntityTooLarge, "a request has a length, of 64 MiB at most")
		return
	}
	message, err := b.read(r.Body, int(r.ContentLength))
	if err == nil {
		err = s.count(message, otlpPath, b)
	}
	if err != nil {
		refuse(http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// count counts a message, which is compressed if messages are.
func (s *Server) count(message []byte, path []uint64, b *buffers) error {
	size := len(message)
	message, err := b.unpack(message, s.Encoding)
	if err != nil {
		return err
	}
	spans, ids, err := tally(message, path)
	if err != nil {
		return err
	}
	s.spans.Add(spans)
	s.ids.Add(ids)
	s.bytes.Add(uint64(size))
	s.requests.Add(1)
	return nil
}

// readMessage reads the one message of a unary call.
func (s *Server) readMessage(r *http.Request, b *buffers) (message []byte, code int, err error) {
	var prefix [5]byte
	if _, err := io.ReadFull(r.Body, prefix[:]); err != nil {
		return nil, internal, err
	}
	got := ""
	if prefix[0] != 0 {
		got = r.Header.Get("Grpc-Encoding")
	}
	if got != s.Encoding || prefix[0] != 0 && got == "" {
		return nil, unimplemented, fmt.Errorf("compressed as %q, not %q", got, s.Encoding)
	}
	size := int(binary.BigEndian.Uint32(prefix[1:]))
	if size > maxMessage {
		return nil, resourceExhausted, errors.New("grpc: received message larger than max")
	}
	if message, err = b.read(r.Body, size); err != nil {
		return nil, internal, err
	}
	return message, ok, nil
}

// answer ends a call: an empty message when all is well, and the status as trailers.
func (s *Server) answer(w http.ResponseWriter, code int, text string) {
	h := w.Header()
	h["Content-Type"] = []string{"application/grpc"}
	if code != ok {
		s.refused.Add(1)
		h["Grpc-Status"] = []string{strconv.Itoa(code)}
		h["Grpc-Message"] = []string{text}
		return
	}
	_, _ = w.Write(make([]byte, 5))
	h[http.TrailerPrefix+"Grpc-Status"] = []string{"0"}
}

// Sink accepts connections and counts the bytes that come, until l is closed.
func (s *Server) Sink(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			b := make([]byte, 64<<10)
			for {
				n, err := conn.Read(b)
				s.sink.Add(uint64(n))
				if err != nil {
					return
				}
			}
		}()
	}
}
