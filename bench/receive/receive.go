// Package receive is the end that all agents deliver to: a gRPC server that
// takes OTLP and Jaeger's PostSpans, counts the spans and throws them away.
// Beside it is a TCP port that counts bytes, for the floor program.
package receive

import (
	"encoding/binary"
	"encoding/json"
	"errors"
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
	Bytes     uint64 `json:"bytes"`   // of requests, without gRPC's 5-byte prefix
	Refused   uint64 `json:"refused"` // requests that were wrong, or broke off
	SinkBytes uint64 `json:"sink_bytes"`
}

// Server counts. Its methods may be called at any time from anywhere.
type Server struct {
	spans, ids, requests, bytes, refused, sink atomic.Uint64
	away                                       atomic.Bool
	buffers                                    sync.Pool // *[]byte
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

// ServeHTTP answers the two gRPC methods, and /counts with the counts as JSON.
// After /away it refuses every call unread, as UNAVAILABLE, until /back.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/opentelemetry.proto.collector.trace.v1.TraceService/Export":
		s.unary(w, r, otlpPath)
	case "/jaeger.api_v2.CollectorService/PostSpans":
		s.unary(w, r, jaegerPath)
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
	buf, _ := s.buffers.Get().(*[]byte)
	if buf == nil {
		buf = new(make([]byte, 64<<10))
	}
	defer s.buffers.Put(buf)
	message, code, err := readMessage(r.Body, buf)
	if err != nil {
		s.answer(w, code, err.Error())
		return
	}
	spans, ids, err := tally(message, path)
	if err != nil {
		s.answer(w, invalidArgument, err.Error())
		return
	}
	s.spans.Add(spans)
	s.ids.Add(ids)
	s.bytes.Add(uint64(len(message)))
	s.requests.Add(1)
	s.answer(w, ok, "")
}

// readMessage reads the one message of a unary call into *buf, which grows.
func readMessage(r io.Reader, buf *[]byte) (message []byte, code int, err error) {
	var prefix [5]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, internal, err
	}
	if prefix[0] != 0 {
		return nil, unimplemented, errors.New("compressed: the runs are made without compression")
	}
	size := int(binary.BigEndian.Uint32(prefix[1:]))
	if size > maxMessage {
		return nil, resourceExhausted, errors.New("grpc: received message larger than max")
	}
	if size > len(*buf) {
		*buf = make([]byte, size)
	}
	message = (*buf)[:size]
	if _, err := io.ReadFull(r, message); err != nil {
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
