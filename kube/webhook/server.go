package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Limits of the server. Who calls is the API server, or somebody who wants to know
// what it would be told.
const (
	requestTimeout = 10 * time.Second // an API server waits for 2 s
	idleTimeout    = 90 * time.Second
	maxHeaderBytes = 16 << 10
	stopTimeout    = 5 * time.Second
)

// Server serves a handler over HTTPS.
type Server struct {
	listener net.Listener
	http     *http.Server
	leaving  atomic.Bool
}

// NewServer opens the address. HTTP/1.1 is all that API servers speak to webhooks,
// so that their calls are spread over replicas; HTTP/2 is off.
func NewServer(address string, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), h http.Handler, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the webhook's address: %w", err)
	}
	mux := http.NewServeMux()
	s := &Server{listener: tls.NewListener(l, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: certificate,
	})}
	mux.Handle("POST "+Path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	}))
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: requestTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Leave has every connection end with its next answer, so that API servers go to
// another replica before this one ends. A question that is on its way when a
// connection is closed would be lost.
func (s *Server) Leave() { s.leaving.Store(true) }

// Address is where it listens.
func (s *Server) Address() net.Addr { return s.listener.Addr() }

// NeedLeaderElection is false: every replica serves.
func (s *Server) NeedLeaderElection() bool { return false }

// Start serves until the context ends, and then answers what has been asked.
func (s *Server) Start(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(s.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("the webhook's server: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := s.http.Shutdown(stop)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	return err
}
