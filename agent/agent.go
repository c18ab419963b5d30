// Package agent puts the parts of the agent together.
//
//	accept ──────────────────► buffer ───────────────► deliver
//	 UDP 6831, 6832  ┐ frames   lane "default"  batches  ┌ endpoint A
//	 OTLP 4317, 4318 ┼────────► answered, datagram ────► ┴ endpoint B
//	 Jaeger 14250/68 ┘
//	                           │
//	                        ledger ───► admin /status, /metrics; the last log line
//
//	control 5778, and 14250 by accept ──► tracers' sampling strategies
//
// The parts do not know each other: they meet here.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/agent/accept"
	"github.com/wayside-tracing/wayside/agent/admin"
	"github.com/wayside-tracing/wayside/agent/buffer"
	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/control"
	"github.com/wayside-tracing/wayside/agent/deliver"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/activation"
	"github.com/wayside-tracing/wayside/internal/task"
	"github.com/wayside-tracing/wayside/internal/version"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Agent is a trace agent: New opens its listeners, Run serves them.
type Agent struct {
	log       *slog.Logger
	started   time.Time
	softnet   uint64 // what the host had dropped when the agent began
	ready     atomic.Bool
	lane      *buffer.Lane
	door      atomic.Pointer[accept.Lane] // how frames enter the lane
	deliverer *deliver.Deliverer
	admin     *admin.Server
	sampling  *control.Sampling
	control   *control.Server
	requests  *accept.Server
	accepting *task.Group
	manager   *activation.Manager // its sockets are guarded by mu

	mu        sync.Mutex // guards what a reload changes
	running   bool       // between start and stop of the sockets
	cfg       *config.Config
	sockets   []*socket
	transport deliver.Transport
}

// New makes an agent and opens its listeners, so that an address that is taken
// is an error here.
func New(cfg *config.Config, log *slog.Logger) (*Agent, error) {
	return NewManaged(cfg, log, new(activation.Manager))
}

// NewManaged is New for an agent that a service manager has started: sockets that
// were handed over take the place of those that it would open.
func NewManaged(cfg *config.Config, log *slog.Logger, manager *activation.Manager) (*Agent, error) {
	a := &Agent{log: log, cfg: cfg, started: time.Now(), softnet: accept.SoftnetDrops(), accepting: task.NewGroup(), manager: manager}
	a.lane = buffer.NewLane("default", laneOptions(cfg))
	a.openDoor(cfg.Tags)
	var err error
	if a.transport, err = newTransport(cfg, log); err != nil {
		return nil, err
	}
	a.deliverer = deliver.New(a.deliverOptions(cfg), log, func(ctx context.Context) (deliver.Batch, error) {
		return a.lane.Take(ctx)
	})
	asking, err := samplingOptions(cfg, log)
	if err != nil {
		return nil, err
	}
	if err := openDisk(a.lane, cfg, log); err != nil {
		return nil, err
	}
	a.sampling = control.NewSampling(asking, log)
	a.requests = accept.NewServer(a.route, a.sampling, log)
	if err = a.requests.SetOptions(acceptOptions(cfg)); err == nil {
		err = a.listen(cfg)
	}
	if err == nil {
		a.admin, err = admin.New(admin.Options{
			Addresses: cfg.Admin.HTTP, Open: a.openTCP, PProf: cfg.Admin.PProf, Status: a.Status, Log: log,
		})
		if err != nil {
			err = listenError("admin.http", err)
		}
	}
	if err == nil {
		if a.control, err = control.NewServer(cfg.Control.HTTP, a.openTCP, a.sampling, log); err != nil {
			err = listenError("control.http", err)
			a.admin.Close()
		}
	}
	a.closeRest() // before an error of opening what it may explain
	if err != nil {
		a.sampling.Close()
		for _, s := range a.sockets {
			s.Close()
		}
		a.lane.Close()
		return nil, err
	}
	return a, nil
}

// listen opens the sockets.
func (a *Agent) listen(cfg *config.Config) error {
	for _, w := range wanted(cfg) {
		s, err := a.open(w, cfg)
		if err != nil {
			return err
		}
		a.sockets = append(a.sockets, s)
	}
	return nil
}

func (a *Agent) open(w wish, cfg *config.Config) (s *socket, err error) {
	s = &socket{wish: w}
	switch w.source {
	case "jaeger.compact", "jaeger.binary", "jaeger.zipkin_compact":
		encoding := strings.TrimPrefix(w.source, "jaeger.")
		s.listener, err = a.openUDP(w.address, encoding, cfg.Accept.Jaeger.SocketBuffer)
	default:
		s.listener, err = a.openRequests(w.address, w.source)
	}
	if err != nil {
		return nil, listenError("accept."+w.source, err)
	}
	return s, nil
}

// listenError adds to an error of listening what to do about it.
func listenError(key string, err error) error {
	fix := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		fix = "; stop what has it (another agent, such as the Jaeger Agent?), or set " + key
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		fix = "; it is no address of this machine: write one that is, or only :port for every interface"
	case errors.Is(err, fs.ErrPermission):
		fix = "; a port under 1024, or the folder of a socket, takes rights that this process has not: set " + key
	case errors.Is(err, fs.ErrNotExist):
		fix = "; make the socket's folder, or set " + key
	}
	return fmt.Errorf("%s: %w%s", key, err, fix)
}

// route is where tenants will be told apart: today there is one lane.
func (a *Agent) route(accept.Origin) accept.Lane { return *a.door.Load() }

// openDoor lets frames enter the lane with the configured tags.
func (a *Agent) openDoor(tags []config.Tag) {
	var door accept.Lane = a.lane
	if len(tags) > 0 {
		list := make([]otlp.Tag, len(tags))
		for i, t := range tags {
			list[i] = otlp.Tag{Key: t.Key, Value: t.Value}
		}
		door = accept.Tagged(a.lane, otlp.NewTags(list))
	}
	a.door.Store(&door)
}

// Run serves until ctx is done, and then ends in order: it stops taking spans
// in, takes what is in the sockets already, delivers what it has for
// drain_timeout at most, and writes the account to the log. An error is of a
// part that could not go on, or of an account that does not add up.
func (a *Agent) Run(ctx context.Context) error {
	serving, delivering := task.NewGroup(), task.NewGroup()
	serving.Start(a.admin)
	serving.Start(a.control)
	serving.Start(&losses{lane: a.lane, poll: a.countDrops, log: a.log})
	delivering.Start(a.deliverer)
	a.mu.Lock()
	for _, s := range a.sockets {
		s.stop = a.accepting.Start(s.listener)
	}
	a.running = true
	endpoints, log := a.cfg.Deliver.Endpoints, a.log
	if d := a.cfg.Buffer.Disk; d.Path != "" {
		log = log.With("disk", d.Path, "sync", d.Sync)
	}
	a.mu.Unlock()
	a.ready.Store(true)
	a.tell(a.manager.Ready())
	if d := a.manager.Watchdog(); d > 0 {
		serving.Start(&watchdog{every: d / 2, feed: a.feed})
	}
	log.Info("ready", "version", version.Read().Version, "endpoints", endpoints, "listen", a.Addresses())

	var failure error
	select {
	case <-ctx.Done():
		a.log.Info("stopping", "drain_timeout", a.drainTimeout())
	case failure = <-a.accepting.Failed():
	case failure = <-delivering.Failed():
	case failure = <-serving.Failed():
	}

	a.ready.Store(false)
	a.mu.Lock()
	a.running = false // no reload from here on
	a.mu.Unlock()
	a.tell(a.manager.Stopping())
	a.accepting.Stop() // no more comes in; what the sockets held is in the buffer, and requests are answered
	a.lane.Flush()     // Take gives it all, and then io.EOF, which ends the deliverer
	late := time.AfterFunc(a.drainTimeout(), delivering.Cancel)
	delivering.Wait()
	late.Stop()
	a.lane.Close() // what could not be delivered stays on disk, or is counted
	serving.Stop()
	a.sampling.Close()
	return a.settle(failure)
}

// settle writes the account that the process ends with.
func (a *Agent) settle(failure error) error {
	lane := a.lane.Snapshot()
	level := slog.LevelInfo
	if lane.Dropped.Sum() > 0 {
		level = slog.LevelWarn
	}
	for !a.log.Enabled(context.Background(), level) && level < slog.LevelError {
		level += 4 // the account is written, however little else is wanted
	}
	// No key: its numbers have the names that they have in the line about losses.
	a.log.LogAttrs(context.Background(), level, "ledger", slog.String("lane", lane.Name), slog.Any("", lane.Account))
	if err := lane.Check(); err != nil {
		a.log.Error("the ledger does not add up: this is a bug", "error", err)
		if failure == nil {
			failure = err
		}
	}
	return failure
}

// countDrops brings the kernel's counters into the ledger.
func (a *Agent) countDrops() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sockets {
		if u, ok := s.listener.(*accept.UDP); ok {
			u.CountDrops()
		}
	}
}

func (a *Agent) drainTimeout() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg.DrainTimeout
}

// Addresses are where the agent listens, with ports that the system chose:
// what each is for, and the address.
func (a *Agent) Addresses() (list []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sockets {
		list = append(list, s.String())
	}
	for _, h := range a.control.Addresses() {
		list = append(list, "control "+h)
	}
	for _, h := range a.admin.Addresses() {
		list = append(list, "admin "+h)
	}
	return list
}

// Status is all that the agent tells of itself.
func (a *Agent) Status() ledger.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := ledger.Status{
		Version: version.Read().Version,
		Started: a.started,
		Ready:   a.ready.Load(),
		Config:  a.cfg.Effective(),

		Sampling: a.sampling.Status(),
	}
	for _, socket := range a.sockets {
		switch l := socket.listener.(type) {
		case *accept.UDP:
			s.Sockets = append(s.Sockets, l.Status()) // before the account: it brings the kernel's drops into it
		case *accept.Listener:
			s.Listeners = append(s.Listeners, l.Status())
		}
	}
	lane := a.lane.Snapshot()
	lane.Endpoints = a.deliverer.Endpoints()
	s.Lanes = []ledger.Lane{lane}
	if now := accept.SoftnetDrops(); now > a.softnet { // less, when a CPU went offline
		s.SoftnetDrops = now - a.softnet
	}
	return s
}
