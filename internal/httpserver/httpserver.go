// Package httpserver serves the agent's small pages and answers: on several
// addresses at once, and so that no client, however slow or greedy, takes more
// than its part.
package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// maxConnections bounds those of each address. They hold about 10 KiB each;
	// who comes when there are so many waits in the kernel's queue.
	maxConnections = 64
	maxHeaderBytes = 8 << 10
	// RequestTimeout is how long reading a request may take.
	RequestTimeout = 10 * time.Second
	stopTimeout    = time.Second
)

// Server has its addresses open from New on.
type Server struct {
	listeners []net.Listener
	http      *http.Server
	failed    chan error
}

// An Opener opens an address to listen on.
type Opener func(address string) (net.Listener, error)

// New opens the addresses; without an Opener they are TCP's, and without a
// tls.Config without TLS. Stop or Close closes them.
func New(addresses []string, open Opener, secure *tls.Config, handler http.Handler, log *slog.Logger) (*Server, error) {
	if open == nil {
		open = func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	}
	s := &Server{failed: make(chan error, len(addresses))}
	for _, a := range addresses {
		l, err := open(a)
		if err != nil {
			s.Close()
			return nil, err
		}
		l = netutil.LimitListener(l, maxConnections)
		if secure != nil {
			l = tls.NewListener(l, secure) // the server shakes hands, within ReadHeaderTimeout
		}
		s.listeners = append(s.listeners, l)
	}
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: RequestTimeout,
		ReadTimeout:       RequestTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	// Clients that keep connections for later would keep others, such as
	// probes, from getting one.
	s.http.SetKeepAlivesEnabled(false)
	return s, nil
}

// Close closes the addresses of a server that is not started.
func (s *Server) Close() {
	for _, l := range s.listeners {
		l.Close()
	}
}

// Addresses are where it listens, with ports that the system chose.
func (s *Server) Addresses() []string {
	list := make([]string, len(s.listeners))
	for i, l := range s.listeners {
		list[i] = l.Addr().String()
	}
	return list
}

// Start begins to serve. What is received from the channel is why an address is
// served no more.
func (s *Server) Start() (failed <-chan error) {
	for _, l := range s.listeners {
		go func() { s.failed <- s.http.Serve(l) }()
	}
	return s.failed
}

// Stop lets running requests end for a second.
func (s *Server) Stop(ctx context.Context) {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := s.http.Shutdown(stop); errors.Is(err, context.DeadlineExceeded) {
		s.http.Close()
	}
}
