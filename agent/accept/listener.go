package accept

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wayside-tracing/wayside/agent/accept/h2"
	"github.com/wayside-tracing/wayside/agent/ledger"
)

// What a peer, however slow or greedy, may take.
const (
	headerTimeout = 5 * time.Second
	// requestTimeout is for a whole request, from its headers to its end.
	requestTimeout = 10 * time.Second
	// largeTimeout is for the rest of a body that keeps other large ones out:
	// it begins when room is reserved for it (body.grow). 4 MiB in that time
	// are 1 MiB/s; from a tracer beside the agent they take milliseconds.
	largeTimeout = 4 * time.Second
	// answerTimeout is for a peer that does not read its answer; it counts
	// from the headers.
	answerTimeout = 2 * requestTimeout
	idleTimeout   = 5 * time.Minute
	// pingAfter is when a silent HTTP/2 connection is asked whether its peer
	// is still there.
	pingAfter = time.Minute
	// maxHeaderBytes is HTTP/1's; HTTP/2 has as much (h2/limits.go).
	maxHeaderBytes = 16 << 10
	// endTime is what running requests are given when a listener ends.
	endTime = 3 * time.Second
)

// Listener is an address of a Server. It is a task: Listen opens it, Run serves it.
type Listener struct {
	server   *Server
	services []service
	address  string
	source   string
	unix     bool
	listener net.Listener
	http1    *http.Server
	http2    *h2.Server
	// running is held for reading by each handler of HTTP/1, and for writing at the end.
	running sync.RWMutex
	ended   bool

	open         atomic.Int64 // connections
	requests     [protocols]atomic.Uint64
	bytes, spans atomic.Uint64
}

// Listen opens an address, "ip:port" or "unix:/path". source is what people
// know it by, the key that it is configured by without "accept."; it says what
// is served there.
func (s *Server) Listen(address, source string) (*Listener, error) {
	open, unix, err := openStream(address)
	if err != nil {
		return nil, err
	}
	if !unix {
		address = open.Addr().String()
	}
	return s.on(open, address, source, unix), nil
}

// Take is Listen with a listener that is open.
func (s *Server) Take(open net.Listener, address, source string) *Listener {
	if open.Addr().Network() == "unix" {
		return s.on(open, address, source, true)
	}
	return s.on(open, open.Addr().String(), source, false)
}

// on makes a Listener of one that is open.
func (s *Server) on(open net.Listener, address, source string, unix bool) *Listener {
	l := &Listener{server: s, services: s.served[source], source: source, address: address, unix: unix, listener: open}
	var only1 http.Protocols
	only1.SetHTTP1(true)
	l.http1 = &http.Server{
		Handler:           l,
		Protocols:         &only1,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withSender,
		ConnState:         func(c net.Conn, state http.ConnState) { s.conns.state(c, state) },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	l.http2 = &h2.Server{
		HeaderTimeout:  headerTimeout,
		RequestTimeout: requestTimeout,
		AnswerTimeout:  answerTimeout,
		IdleTimeout:    idleTimeout,
		PingAfter:      pingAfter,
		Log:            s.log,
	}
	return l
}

// String names the task.
func (l *Listener) String() string { return "accept " + l.source + " " + l.address }

// Address is where it listens, with a port that the system chose.
func (l *Listener) Address() string { return l.address }

// Close closes it, for those who do not Run it.
func (l *Listener) Close() { l.listener.Close() }

// Run serves until ctx is done. Then it takes in no more connections and gives
// requests that have begun a few seconds. When it returns, none is running.
func (l *Listener) Run(ctx context.Context) error {
	closed := sync.OnceFunc(l.Close)
	stop := context.AfterFunc(ctx, closed)
	defer stop()
	met := newMeeting(l)
	var serving sync.WaitGroup
	serving.Go(func() { _ = l.http1.Serve(met) }) // until met is closed
	err := met.accept(ctx)
	closed()
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	serving.Go(func() { l.http2.Shutdown(patience) })
	if l.http1.Shutdown(patience) != nil {
		l.http1.Close()
	}
	met.end()
	serving.Wait()
	l.running.Lock() // those that were cut off know it now
	l.ended = true
	l.running.Unlock()
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", l.address, err)
}

// Status is the listener as people see it.
func (l *Listener) Status() ledger.Listener {
	return ledger.Listener{
		Address: l.address, Source: l.source,
		TLS:         !l.unix && l.server.certs.Load() != nil,
		Connections: int(l.open.Load()),
		Requests: ledger.Requests{
			GRPC: l.requests[overGRPC].Load(), HTTP: l.requests[overHTTP].Load(),
			HTTPJSON: l.requests[overJSON].Load(), HTTPThrift: l.requests[overThrift].Load(),
		},
		Bytes: l.bytes.Load(), Spans: l.spans.Load(),
	}
}

// count counts a request that was taken: its size in bytes, uncompressed, and
// its spans.
func (l *Listener) count(p protocol, bytes, spans int) {
	l.requests[p].Add(1)
	l.bytes.Add(uint64(bytes))
	l.spans.Add(uint64(spans))
}
