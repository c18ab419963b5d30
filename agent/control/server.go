package control

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/wayside-tracing/wayside/internal/httpserver"
)

// Server answers tracers by HTTP. It is a task: NewServer opens the addresses,
// Run serves them.
type Server struct {
	addresses []string
	http      *httpserver.Server
}

// NewServer opens the addresses; without an Opener they are TCP's.
func NewServer(addresses []string, open httpserver.Opener, s *Sampling, log *slog.Logger) (*Server, error) {
	h, err := httpserver.New(addresses, open, nil, s, log)
	if err != nil {
		return nil, err
	}
	return &Server{addresses, h}, nil
}

// String names the task.
func (s *Server) String() string { return "control " + strings.Join(s.addresses, ", ") }

// Addresses are where it listens, with ports that the system chose.
func (s *Server) Addresses() []string { return s.http.Addresses() }

// Close closes the addresses of a server that is not run.
func (s *Server) Close() { s.http.Close() }

// Run serves until ctx is done.
func (s *Server) Run(ctx context.Context) error {
	failed := s.http.Start()
	defer s.http.Stop(ctx)
	select {
	case err := <-failed:
		return fmt.Errorf("control.http: %w", err)
	case <-ctx.Done():
		return nil
	}
}
