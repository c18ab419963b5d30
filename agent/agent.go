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
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wayside-tracing/wayside/agent/accept"
	"github.com/wayside-tracing/wayside/agent/admin"
	"github.com/wayside-tracing/wayside/agent/buffer"
	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/control"
	"github.com/wayside-tracing/wayside/agent/deliver"
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
	lenient   bool                // Options.Degraded
	late      []*lateListener     // of admin and control; not changed after New

	mu        sync.Mutex // guards what a reload changes
	running   bool       // between start and stop of the sockets
	cfg       *config.Config
	sockets   []*socket
	missing   []missing // that could not be opened
	wrong     []string  // why cfg is not what was asked for
	transport deliver.Transport
}

// New makes an agent and opens its listeners, so that an address that is taken
// is an error here.
func New(cfg *config.Config, log *slog.Logger) (*Agent, error) {
	return NewWith(cfg, log, Options{})
}

// NewWith is New with options.
func NewWith(cfg *config.Config, log *slog.Logger, opt Options) (*Agent, error) {
	if opt.Manager == nil {
		opt.Manager = new(activation.Manager)
	}
	a, err := build(cfg, log, opt.Manager)
	if err != nil {
		return nil, err
	}
	a.lenient, a.wrong = opt.Degraded, opt.Wrong
	if err := openDisk(a.lane, cfg, a.lenient, log); err != nil {
		a.sampling.Close()
		return nil, err
	}
	err = a.listen()
	a.closeRest() // before an error of opening what it may explain
	if err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// build makes the parts. It reads the files that the configuration names, and
// opens nothing.
func build(cfg *config.Config, log *slog.Logger, manager *activation.Manager) (*Agent, error) {
	transport, err := newTransport(cfg, log)
	if err != nil {
		return nil, err
	}
	asking, err := samplingOptions(cfg, log)
	if err != nil {
		return nil, err
	}
	a := &Agent{
		log: log, cfg: cfg, manager: manager, started: time.Now(), softnet: accept.SoftnetDrops(),
		accepting: task.NewGroup(),
		lane:      buffer.NewLane("default", laneOptions(cfg)),
		transport: transport,
		sampling:  control.NewSampling(asking, log),
	}
	a.openDoor(cfg.Tags)
	a.requests = accept.NewServer(a.route, a.sampling, log)
	a.deliverer = deliver.New(a.deliverOptions(cfg), log, func(ctx context.Context) (deliver.Batch, error) {
		return a.lane.Take(ctx)
	})
	return a, nil
}

// listen opens the addresses.
func (a *Agent) listen() (err error) {
	if err := a.requests.SetOptions(acceptOptions(a.cfg)); err != nil {
		return err
	}
	for _, w := range wanted(a.cfg) {
		s, err := a.open(w, a.cfg)
		switch {
		case err == nil:
			a.sockets = append(a.sockets, s)
		case a.goesWithout(w, err):
			a.missing = append(a.missing, missing{w, err})
		default:
			return err
		}
	}
	secure, err := accept.ServerTLS("admin.tls", accept.TLSOptions(a.cfg.Admin.TLS), a.log, "http/1.1")
	if err != nil {
		return err
	}
	a.admin, err = admin.New(admin.Options{
		Addresses: a.cfg.Admin.HTTP, Open: a.openHTTP("admin.http"), TLS: secure, PProf: a.cfg.Admin.PProf, Status: a.Status, Log: a.log,
	})
	if err != nil {
		return listenError("admin.http", err)
	}
	a.control, err = control.NewServer(a.cfg.Control.HTTP, a.openHTTP("control.http"), a.sampling, a.log)
	if err != nil {
		return listenError("control.http", err)
	}
	return nil
}

// close gives up what was opened, of an agent that is not run.
func (a *Agent) close() {
	for _, s := range a.sockets {
		s.Close()
	}
	if a.admin != nil {
		a.admin.Close()
	}
	a.sampling.Close()
	a.lane.Close()
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

// Run serves until ctx is done, and then ends in order: it says that it is not
// ready, and after stop_delay stops taking spans in, takes what is in the sockets
// already, delivers what it has for drain_timeout at most, and writes the account to
// the log. An error is of a part that could not go on, or of an account that does not
// add up.
func (a *Agent) Run(ctx context.Context) error {
	serving, delivering := task.NewGroup(), task.NewGroup()
	serving.Start(a.admin)
	serving.Start(a.control)
	serving.Start(&losses{lane: a.lane, poll: a.countDrops, log: a.log})
	if a.lenient {
		serving.Start(&retries{a.retry})
	}
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
	case failure = <-a.accepting.Failed():
	case failure = <-delivering.Failed():
	case failure = <-serving.Failed():
	}

	a.ready.Store(false)
	a.requests.Leave()
	if d := a.stopDelay(); d > 0 && failure == nil {
		a.log.Info("not ready any more, and stopping later", "stop_delay", d)
		select {
		case <-time.After(d):
		case failure = <-a.accepting.Failed():
		case failure = <-delivering.Failed():
		case failure = <-serving.Failed():
		}
	}
	if failure == nil {
		a.log.Info("stopping", "drain_timeout", a.drainTimeout())
	}
	a.mu.Lock()
	a.running = false // no reload from here on
	a.mu.Unlock()
	a.tell(a.manager.Stopping())
	a.sampling.Stop()  // no tracer waits for a source that hangs
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

func (a *Agent) stopDelay() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg.StopDelay
}

func (a *Agent) drainTimeout() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.cfg.Deliver.Endpoints) == 0 { // nobody is there to take anything
		return 0
	}
	return a.cfg.DrainTimeout
}
