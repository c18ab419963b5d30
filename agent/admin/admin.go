// Package admin shows people and machines how the agent is: a status page,
// the same as JSON, health, and metrics for Prometheus.
//
// It reads the status that it is given and reaches into nothing.
package admin

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	_ "embed"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/httpserver"
)

// sampleEvery is how often the status is looked at for the rates of the page.
const sampleEvery = 5 * time.Second

// Options are what a Server needs. Log may be nil.
type Options struct {
	Addresses []string // TCP
	// Open opens one; nil is net.Listen.
	Open   httpserver.Opener
	TLS    *tls.Config // nil: without
	PProf  bool        // serve /debug/pprof/
	Status func() ledger.Status
	Log    *slog.Logger
}

// Server serves the admin addresses. It is a task: New opens the listeners,
// Run serves them.
type Server struct {
	opt     Options
	http    *httpserver.Server
	history *history
	csp     string
	ready   chan struct{}
}

// New opens the addresses.
func New(opt Options) (*Server, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{opt: opt, history: newHistory(), csp: contentPolicy(), ready: make(chan struct{})}
	var err error
	if s.http, err = httpserver.New(opt.Addresses, opt.Open, opt.TLS, s.routes(), opt.Log); err != nil {
		return nil, err
	}
	return s, nil
}

// String names the task.
func (s *Server) String() string { return "admin " + strings.Join(s.opt.Addresses, ", ") }

// Ready is closed when the addresses are served.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addresses are where it listens, with ports that the system chose.
func (s *Server) Addresses() []string { return s.http.Addresses() }

// Close closes the addresses of a server that is not run.
func (s *Server) Close() { s.http.Close() }

// Run serves until ctx is done, then lets running requests end for a second.
func (s *Server) Run(ctx context.Context) error {
	failed := s.http.Start()
	defer s.http.Stop(ctx)
	close(s.ready)
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		s.history.add(time.Now(), s.opt.Status())
		select {
		case <-tick.C:
		case err := <-failed:
			return fmt.Errorf("admin.http: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
}

// routes is everything that is served.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", s.health)
	mux.HandleFunc("/healthz", s.alive)
	mux.HandleFunc("/readyz", s.readyz)
	mux.HandleFunc("/version", s.version)
	mux.HandleFunc("/metrics", s.metrics)
	mux.HandleFunc("/status", s.status)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "not found; here are /status, /metrics, /healthz, /readyz, /version and / (health as JSON)", http.StatusNotFound)
	})
	var debug http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "off; set admin.pprof: true and restart", http.StatusNotFound)
	})
	if s.opt.PProf {
		debug = profiles()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if strings.HasPrefix(r.URL.Path, "/debug/pprof/") {
			debug.ServeHTTP(w, r) // as long as the profile takes
			return
		}
		// Not every ResponseWriter has a deadline (those of tests don't).
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(httpserver.RequestTimeout))
		mux.ServeHTTP(w, r)
	})
}

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// contentPolicy lets the page have its own style and script and nothing else.
func contentPolicy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" +
		"; style-src " + hash(pageCSS) + "; script-src " + hash(pageJS)
}
