// Package agent puts the parts of the agent together.
//
//	accept ────────────► buffer ───────────────► deliver
//	 UDP 6831 ┐ frames   lane "default"  batches  ┌ endpoint A
//	 UDP 6832 ┴────────► answered, datagram ────► ┴ endpoint B
//	                          │
//	                       ledger ───► admin /status, /metrics; the last log line
//
// The parts do not know each other: they meet here.
package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/wayside-tracing/wayside/agent/accept"
	"github.com/wayside-tracing/wayside/agent/admin"
	"github.com/wayside-tracing/wayside/agent/buffer"
	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/deliver"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/task"
	"github.com/wayside-tracing/wayside/internal/version"
)

// Agent is a trace agent: New opens its listeners, Run serves them.
type Agent struct {
	log       *slog.Logger
	cfg       *config.Config
	started   time.Time
	softnet   uint64 // what the host had dropped when the agent began
	lane      *buffer.Lane
	transport *deliver.GRPC
	deliverer *deliver.Deliverer
	sockets   []*accept.UDP
	admin     *admin.Server
	ready     atomic.Bool
}

// New makes an agent and opens its listeners, so that an address that is taken
// is an error here.
func New(cfg *config.Config, log *slog.Logger) (*Agent, error) {
	a := &Agent{log: log, cfg: cfg, started: time.Now(), softnet: accept.SoftnetDrops()}
	a.lane = buffer.NewLane("default", buffer.Options{
		Memory:     cfg.Buffer.Memory,
		MaxAge:     cfg.Buffer.MaxAge,
		BatchBytes: cfg.Deliver.Batch.Bytes,
		BatchAge:   cfg.Deliver.Batch.Age,
	})
	a.transport = deliver.NewGRPC(deliver.GRPCOptions{
		Gzip: cfg.Deliver.Compression == "gzip", UserAgent: "wayside-agent/" + version.Read().Version,
	})
	a.deliverer = deliver.New(deliver.Options{
		Endpoints: cfg.Deliver.Endpoints,
		Timeout:   cfg.Deliver.Timeout,
		MaxAge:    cfg.Buffer.MaxAge,
		Transport: a.transport,
	}, log, func(ctx context.Context) (deliver.Batch, error) { return a.lane.Take(ctx) })

	err := a.listen(cfg)
	if err == nil {
		a.admin, err = admin.New(admin.Options{
			Addresses: cfg.Admin.HTTP, PProf: cfg.Admin.PProf, Status: a.Status, Log: log,
		})
	}
	if err != nil {
		for _, u := range a.sockets {
			u.Close()
		}
		return nil, err
	}
	return a, nil
}

// listen opens the sockets.
func (a *Agent) listen(cfg *config.Config) error {
	jaeger := &cfg.Accept.Jaeger
	for _, l := range []struct {
		encoding  string
		addresses []string
	}{
		{"compact", jaeger.Compact},
		{"binary", jaeger.Binary},
	} {
		for _, address := range l.addresses {
			u, err := accept.ListenUDP(address, l.encoding, jaeger.SocketBuffer, a.route, a.log)
			if err != nil {
				return fmt.Errorf("accept.jaeger.%s: %w", l.encoding, err)
			}
			a.sockets = append(a.sockets, u)
		}
	}
	return nil
}

// route is where tenants will be told apart: today there is one lane.
func (a *Agent) route(accept.Origin) accept.Lane { return a.lane }

// Run serves until ctx is done, and then ends in order: it stops taking spans
// in, takes what is in the sockets already, delivers what it has for
// drain_timeout at most, and writes the account to the log. An error is of a
// part that could not go on, or of an account that does not add up.
func (a *Agent) Run(ctx context.Context) error {
	serving, delivering, accepting := task.NewGroup(), task.NewGroup(), task.NewGroup()
	serving.Start(a.admin)
	delivering.Start(a.deliverer)
	for _, u := range a.sockets {
		accepting.Start(u)
	}
	a.ready.Store(true)
	a.log.Info("ready", "version", version.Read().Version, "endpoints", a.cfg.Deliver.Endpoints, "listen", a.Addresses())

	var failure error
	select {
	case <-ctx.Done():
		a.log.Info("stopping", "drain_timeout", a.cfg.DrainTimeout)
	case failure = <-accepting.Failed():
	case failure = <-delivering.Failed():
	case failure = <-serving.Failed():
	}

	a.ready.Store(false)
	accepting.Stop() // no more comes in; what the sockets held is in the buffer
	a.lane.Flush()   // Take gives it all, and then io.EOF, which ends the deliverer
	late := time.AfterFunc(a.cfg.DrainTimeout, delivering.Cancel)
	delivering.Wait()
	late.Stop()
	a.transport.Close()
	a.lane.Close() // what could not be delivered is counted
	serving.Stop()
	return a.settle(failure)
}

// settle writes the account that the process ends with.
func (a *Agent) settle(failure error) error {
	lane := a.lane.Snapshot()
	a.log.Info("ledger", "lane", lane.Name, "spans", lane.Account)
	if err := lane.Check(); err != nil {
		a.log.Error("the ledger does not add up: this is a bug", "error", err)
		if failure == nil {
			failure = err
		}
	}
	return failure
}

// Addresses are where the agent listens, with ports that the system chose:
// what each is for, and the address.
func (a *Agent) Addresses() (list []string) {
	for _, u := range a.sockets {
		list = append(list, u.String())
	}
	for _, h := range a.admin.Addresses() {
		list = append(list, "admin "+h)
	}
	return list
}

// Status is all that the agent tells of itself.
func (a *Agent) Status() ledger.Status {
	s := ledger.Status{
		Version: version.Read().Version,
		Started: a.started,
		Ready:   a.ready.Load(),
		Config:  a.cfg.Effective(),
	}
	for _, u := range a.sockets {
		s.Sockets = append(s.Sockets, u.Status()) // before the account: it brings the kernel's drops into it
	}
	lane := a.lane.Snapshot()
	lane.Endpoints = a.deliverer.Endpoints()
	s.Lanes = []ledger.Lane{lane}
	s.SoftnetDrops = accept.SoftnetDrops() - a.softnet
	return s
}
