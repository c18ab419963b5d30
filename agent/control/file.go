package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/sampling"
)

const (
	// lookEvery is how often at most a file is looked at. A change is taken up
	// when it is settled old, or has been the same twice, so that a file that is
	// being written is not taken.
	lookEvery = time.Second
	settled   = time.Second
	// maxFile is in bytes: a file with 10,000 operations has about half of it.
	maxFile = 1 << 20
	// maxWarnings is how many the log is told of one file.
	maxWarnings = 10
)

// file has strategies from a file. It follows symbolic links each time it looks,
// so that it sees what Kubernetes does to a ConfigMap that has changed.
type file struct {
	path string
	log  *slog.Logger

	mu            sync.Mutex
	lookedAt      time.Time
	seen          os.FileInfo // in the last look; nil: there was none
	taken         os.FileInfo // what was read last, right or wrong
	wrong         error       // with that
	strategies    *sampling.Strategies
	err           error // why strategies are not those of the file
	said          string
	reads, failed uint64
	errAt, goodAt time.Time
}

func newFile(path string, log *slog.Logger) *file {
	f := &file{path: path, log: log}
	f.refresh()
	return f
}

func (f *file) stop() {}

func (f *file) close() {}

func (f *file) strategy(_ context.Context, service string) (*sampling.Strategy, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look(false)
	if f.strategies == nil {
		return nil, false, f.err
	}
	return f.strategies.For(service), f.err != nil, nil
}

// refresh reads the file, whether it seems to have changed or not.
func (f *file) refresh() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look(true)
}

// look takes the file up if it has changed. mu is held.
func (f *file) look(now bool) {
	if !now && time.Since(f.lookedAt) < lookEvery {
		return
	}
	f.lookedAt = time.Now()
	info, err := os.Stat(f.path)
	before := f.seen
	f.seen = info
	switch {
	case err != nil:
		f.fail(err)
		return
	case !info.Mode().IsRegular():
		f.fail(errors.New(f.path + " is not a file"))
		return
	case now:
	case same(info, f.taken):
		f.fail(f.wrong) // it may have been away meanwhile
		return
	case !same(info, before) && time.Since(info.ModTime()) < settled:
		return
	}
	f.taken = info
	f.reads++
	f.wrong = f.read()
	f.fail(f.wrong)
}

// read reads the file. mu is held.
func (f *file) read() error {
	text, err := readLimited(f.path)
	if err != nil {
		return err
	}
	strategies, warnings, err := sampling.ParseStrategies(text)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.strategies, f.goodAt = strategies, time.Now()
	f.log.Info("sampling strategies are in force", "file", f.path, "services", strategies.Services())
	for i, w := range warnings {
		if i == maxWarnings {
			f.log.Warn("sampling strategies have more of that kind", "file", f.path, "warnings", len(warnings))
			break
		}
		f.log.Warn("sampling strategies are not quite what they seem", "file", f.path, "that", w)
	}
	return nil
}

// fail notes why the strategies are not those of the file, or with nil that they
// are. mu is held.
func (f *file) fail(err error) {
	f.err = err
	if err == nil {
		f.said = ""
		return
	}
	if err.Error() == f.said {
		return
	}
	f.said = err.Error()
	f.failed++
	f.errAt = time.Now()
	if f.strategies == nil {
		f.log.Warn("there are no sampling strategies: tracers keep to their own", "error", err)
	} else {
		f.log.Warn("changed sampling strategies can't be used: the old ones stay in force", "error", err)
	}
}

func (f *file) status() ledger.Sampling {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look(false) // who looks at the status wants to know whether the file is right
	s := ledger.Sampling{
		Source: f.path, State: ledger.SamplingOK, Requests: f.reads, Failures: f.failed,
		LastErrorAt: moment(f.errAt), LastOKAt: moment(f.goodAt), LastError: f.said,
	}
	if f.err != nil {
		s.State = ledger.SamplingFailing
	}
	if f.strategies != nil {
		s.Services = f.strategies.Services()
	}
	return s
}

func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New(path + " is larger than 1 MiB")
	}
	return b, err
}
