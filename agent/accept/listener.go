package accept

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// What a peer, however slow or greedy, may take.
const (
	headerTimeout = 5 * time.Second
	// requestTimeout is for a whole request, from its headers to its end.
	requestTimeout = 10 * time.Second
	// answerTimeout is for a peer that does not read its answer; it counts
	// from the headers.
	answerTimeout = 2 * requestTimeout
	idleTimeout   = 5 * time.Minute
	// pingAfter is when a silent HTTP/2 connection is asked whether its peer
	// is still there.
	pingAfter      = time.Minute
	maxHeaderBytes = 16 << 10
	// window is HTTP/2's flow control window, in bytes, of a connection and
	// of a stream. Handlers read at once, so that it is rarely filled.
	window = 64 << 10
	// streams is how many calls a connection may have open.
	streams = 64
	// endTime is what running requests are given when a listener ends.
	endTime = 3 * time.Second
)

// Listener is an address of an OTLP. It is a task: Listen opens it, Run serves it.
type Listener struct {
	otlp     *OTLP
	address  string
	source   string
	unix     bool
	listener net.Listener
	server   *http.Server
	// running is held for reading by each handler, and for writing at the end.
	running sync.RWMutex
	ended   bool

	open             atomic.Int64 // connections
	grpc, http, json atomic.Uint64
	bytes, spans     atomic.Uint64
}

// Listen opens an address, "ip:port" or "unix:/path". source is what people
// know it by.
func (o *OTLP) Listen(address, source string) (*Listener, error) {
	open, unix, err := openStream(address)
	if err != nil {
		return nil, err
	}
	if !unix {
		address = open.Addr().String()
	}
	return o.on(open, address, source, unix), nil
}

// on makes a Listener of one that is open.
func (o *OTLP) on(open net.Listener, address, source string, unix bool) *Listener {
	l := &Listener{otlp: o, source: source, address: address, unix: unix, listener: open}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	l.server = &http.Server{
		Handler:           l,
		Protocols:         &protocols,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         func(c net.Conn, s http.ConnState) { l.otlp.conns.state(c, s) },
		ErrorLog:          slog.NewLogLogger(o.log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          streams,
			MaxReceiveBufferPerConnection: window,
			MaxReceiveBufferPerStream:     window,
			SendPingTimeout:               pingAfter,
			WriteByteTimeout:              answerTimeout,
		},
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
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
		defer cancel()
		if l.server.Shutdown(patience) != nil {
			l.server.Close()
		}
	})
	err := l.server.Serve(l.accepted())
	if !stop() {
		<-ended
	}
	l.server.Close()
	l.running.Lock() // those that were cut off know it now
	l.ended = true
	l.running.Unlock()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", l.address, err)
}

// accepted is the listener as the server sees it.
func (l *Listener) accepted() net.Listener { return accepting{l.listener, l} }

type accepting struct {
	net.Listener
	l *Listener
}

// Accept returns the next connection for which there is room.
func (a accepting) Accept() (net.Conn, error) {
	for {
		c, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		counted := a.l.otlp.conns.add(c, &a.l.open)
		if counted == nil {
			continue
		}
		if certs := a.l.otlp.certs.Load(); certs != nil && !a.l.unix {
			return tls.Server(counted, certs.server), nil
		}
		return counted, nil
	}
}

// Status is the listener as people see it.
func (l *Listener) Status() ledger.Listener {
	return ledger.Listener{
		Address: l.address, Source: l.source,
		TLS:         !l.unix && l.otlp.certs.Load() != nil,
		Connections: int(l.open.Load()),
		Requests:    ledger.Requests{GRPC: l.grpc.Load(), HTTP: l.http.Load(), HTTPJSON: l.json.Load()},
		Bytes:       l.bytes.Load(), Spans: l.spans.Load(),
	}
}
