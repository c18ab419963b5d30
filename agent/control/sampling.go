package control

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/sampling"
)

// Options say where strategies come from.
type Options struct {
	// Sources are none; or one file, by its path; or URLs, "http://…"; or
	// collectors, "host:port". The first that answers counts.
	Sources []string
	// TLS is for collectors; a URL says it itself.
	TLS bool
	// Dial opens connections to URLs and collectors.
	Dial Dialer
	// UserAgent is sent with every question.
	UserAgent string
}

// A Dialer opens a connection to host:port. With secure it shakes hands, and
// the peer must choose the protocol if one is given (ALPN).
type Dialer func(ctx context.Context, address string, secure bool, protocol string) (net.Conn, error)

var (
	// ErrOff is the error while no source is configured.
	ErrOff = errors.New("this agent has no strategies: sampling.source is not set")
	// errLongName protects what is kept by service.
	errLongName = errors.New("the name of the service is longer than 1 KiB")
)

// maxName is in bytes. Names that people give are under a hundred.
const maxName = 1 << 10

// provider is where a Sampling has its strategies from.
type provider interface {
	// strategy finds the one of a service, and says whether it may be out of
	// date. It may wait for the source, until ctx ends.
	strategy(ctx context.Context, service string) (s *sampling.Strategy, stale bool, err error)
	// refresh makes everything be asked for anew.
	refresh()
	status() ledger.Sampling
	// stop ends what is being asked, and asks no more.
	stop()
	close()
}

// Sampling knows the strategy of every service. It may be used by any goroutine.
type Sampling struct {
	log *slog.Logger

	mu       sync.Mutex
	provider provider // nil: none is configured
	answers  ledger.SamplingAnswers
}

// NewSampling returns one that is to be closed after use. That a source does not
// answer, or a file is wrong, is told in the log and when somebody asks: it never
// keeps an agent from starting.
func NewSampling(opt Options, log *slog.Logger) *Sampling {
	s := &Sampling{log: log}
	s.Configure(opt)
	return s
}

// Configure takes strategies from elsewhere from now on. What was kept of the
// old source is forgotten.
func (s *Sampling) Configure(opt Options) {
	var p provider
	switch {
	case len(opt.Sources) == 0:
	case strings.HasPrefix(opt.Sources[0], "/"):
		p = newFile(opt.Sources[0], s.log)
	case strings.Contains(opt.Sources[0], "://"):
		p = newRemote(strings.Join(opt.Sources, ", "), newWeb(opt), s.log)
	default:
		p = newRemote(strings.Join(opt.Sources, ", "), newCollector(opt), s.log)
	}
	s.mu.Lock()
	old := s.provider
	s.provider = p
	s.mu.Unlock()
	if old != nil {
		old.close()
	}
}

// Stop ends what is being asked, so that nobody waits for a source any more. What is
// known is still told.
func (s *Sampling) Stop() {
	if p := s.current(); p != nil {
		p.stop()
	}
}

// Close ends what is being asked, and forgets what is known.
func (s *Sampling) Close() { s.Configure(Options{}) }

// Refresh has a file read again, and a source asked again, whatever is known.
func (s *Sampling) Refresh() {
	if p := s.current(); p != nil {
		p.refresh()
	}
}

func (s *Sampling) current() provider {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.provider
}

// strategy finds the strategy of a service. counts is the part of s.answers for
// the way in which it is asked for.
func (s *Sampling) strategy(ctx context.Context, counts *ledger.SamplingCounts, service string) (*sampling.Strategy, error) {
	var strategy *sampling.Strategy
	stale, err := false, ErrOff
	if p := s.current(); p != nil {
		if len(service) > maxName {
			err = errLongName
		} else {
			strategy, stale, err = p.strategy(ctx, service)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, ErrOff):
		counts.Off++
	case err != nil:
		counts.Failed++
	case stale:
		counts.Stale++
	default:
		counts.Fresh++
	}
	return strategy, err
}

// Status is how it is.
func (s *Sampling) Status() ledger.Sampling {
	st := ledger.Sampling{State: ledger.SamplingNoSource}
	if p := s.current(); p != nil {
		st = p.status()
	}
	s.mu.Lock()
	st.Answers = s.answers
	s.mu.Unlock()
	return st
}
