package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/wayside-tracing/wayside/agent/accept"
	"github.com/wayside-tracing/wayside/agent/buffer"
	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/control"
	"github.com/wayside-tracing/wayside/agent/deliver"
	"github.com/wayside-tracing/wayside/internal/task"
	"github.com/wayside-tracing/wayside/internal/version"
)

// Reload makes a running agent go by another configuration. New addresses are
// opened before old ones are closed; on an error nothing has changed. Some keys
// are read at start only: restart names those of them that have changed.
func (a *Agent) Reload(cfg *config.Config) (restart []string, err error) {
	closed, restart, err := a.change(cfg)
	for _, s := range closed {
		// It takes what is in the socket first, and lets requests end. That
		// may last seconds, in which probes are answered and people are shown
		// the status: the lock is free.
		s.stop()
	}
	return restart, err
}

// change puts a configuration in force. The sockets that are not in it any
// more are left to be stopped.
func (a *Agent) change(cfg *config.Config) (closed []*socket, restart []string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.running {
		return nil, nil, errors.New("the agent is starting or stopping")
	}
	a.tell(a.manager.Reloading())
	defer func() { a.tell(a.manager.Ready()) }()
	changed := !reflect.DeepEqual(transportOptions(cfg), transportOptions(a.cfg))
	transport := a.transport
	if changed {
		if transport, err = newTransport(cfg, a.log); err != nil {
			return nil, nil, err
		}
	}
	var asking control.Options
	elsewhere := !reflect.DeepEqual(cfg.Sampling, a.cfg.Sampling)
	if elsewhere {
		if asking, err = samplingOptions(cfg, a.log); err != nil {
			return nil, nil, err
		}
	}
	kept, opened, closed, err := a.reopen(cfg)
	if err == nil {
		if err = a.requests.SetOptions(acceptOptions(cfg)); err != nil {
			for _, s := range opened {
				s.listener.Close()
			}
		}
	}
	if err != nil {
		return nil, nil, err
	}
	for _, s := range opened {
		s.stop = a.accepting.Start(s.listener)
	}
	a.sockets = append(kept, opened...)
	a.lane.SetOptions(laneOptions(cfg))
	a.openDoor(cfg.Tags)
	a.transport = transport // the old one's connections end when they are idle
	a.deliverer.Configure(a.deliverOptions(cfg))
	if elsewhere {
		a.sampling.Configure(asking)
	} else {
		a.sampling.Refresh()
	}

	a.cfg, restart = inForce(cfg, a.cfg)
	return closed, restart, nil
}

// inForce is cfg, but for the keys that are read at start only, which stay as
// they were, and the names of those of them that differ.
func inForce(cfg, was *config.Config) (now *config.Config, restart []string) {
	c := *cfg
	keep := func(key string, same bool) {
		if !same {
			restart = append(restart, key)
		}
	}
	keep("accept.jaeger.socket_buffer", c.Accept.Jaeger.SocketBuffer == was.Accept.Jaeger.SocketBuffer)
	keep("buffer.disk.path", c.Buffer.Disk.Path == was.Buffer.Disk.Path)
	keep("buffer.disk.size", c.Buffer.Disk.Size == was.Buffer.Disk.Size)
	keep("buffer.disk.sync", c.Buffer.Disk.Sync == was.Buffer.Disk.Sync)
	keep("control.http", slices.Equal(c.Control.HTTP, was.Control.HTTP))
	keep("admin.http", slices.Equal(c.Admin.HTTP, was.Admin.HTTP))
	keep("admin.pprof", c.Admin.PProf == was.Admin.PProf)
	keep("log.level", c.Log.Level == was.Log.Level)
	keep("log.format", c.Log.Format == was.Log.Format)
	c.Accept.Jaeger.SocketBuffer, c.Buffer.Disk, c.Control, c.Admin, c.Log = was.Accept.Jaeger.SocketBuffer, was.Buffer.Disk, was.Control, was.Admin, was.Log
	return &c, restart
}

// reopen opens the sockets of cfg that are not open yet.
func (a *Agent) reopen(cfg *config.Config) (kept, opened, closed []*socket, err error) {
	closed = slices.Clone(a.sockets)
	for _, w := range wanted(cfg) {
		i := slices.IndexFunc(closed, func(s *socket) bool { return s.wish == w })
		if i >= 0 {
			kept = append(kept, closed[i])
			closed = slices.Delete(closed, i, i+1)
			continue
		}
		s, err := a.open(w, cfg)
		if err != nil {
			for _, s := range opened {
				s.listener.Close()
			}
			if errors.Is(err, syscall.EADDRINUSE) {
				err = fmt.Errorf("%w (if it is this agent's own, because one address includes the other, restart it)", err)
			}
			return nil, nil, nil, err
		}
		opened = append(opened, s)
	}
	return kept, opened, closed, nil
}

// wish is a socket as the configuration asks for it.
type wish struct {
	source  string // the key, without "accept."
	address string
}

// socket is one that is open.
type socket struct {
	listener
	wish wish
	stop func() // nil until it is run
}

// listener is an *accept.UDP or an *accept.Listener.
type listener interface {
	task.Task
	Address() string
	Close() // for one that is not run
}

func wanted(cfg *config.Config) (list []wish) {
	add := func(source string, addresses []string) {
		for _, address := range addresses {
			list = append(list, wish{source, address})
		}
	}
	add("jaeger.compact", cfg.Accept.Jaeger.Compact)
	add("jaeger.binary", cfg.Accept.Jaeger.Binary)
	add("jaeger.zipkin_compact", cfg.Accept.Jaeger.ZipkinCompact)
	add("jaeger.grpc", cfg.Accept.Jaeger.GRPC)
	add("jaeger.http", cfg.Accept.Jaeger.HTTP)
	add("otlp.grpc", cfg.Accept.OTLP.GRPC)
	add("otlp.http", cfg.Accept.OTLP.HTTP)
	add("zipkin.http", cfg.Accept.Zipkin.HTTP)
	return list
}

func acceptOptions(cfg *config.Config) accept.Options {
	return accept.Options{Origins: cfg.Accept.OTLP.CORS, TLS: accept.TLSOptions(cfg.Accept.TLS)}
}

func laneOptions(cfg *config.Config) buffer.Options {
	return buffer.Options{
		Memory:     cfg.Buffer.Memory,
		MaxAge:     cfg.Buffer.MaxAge,
		BatchBytes: cfg.Deliver.Batch.Bytes,
		BatchAge:   cfg.Deliver.Batch.Age,
	}
}

// openDisk puts the lane on disk, if it is to be there.
func openDisk(lane *buffer.Lane, cfg *config.Config, log *slog.Logger) error {
	d := cfg.Buffer.Disk
	if d.Path == "" {
		return nil
	}
	opt := buffer.DiskOptions{Path: d.Path, Size: int64(d.Size), Log: log}
	if d.Sync == "always" {
		opt.Sync = buffer.SyncAlways
	}
	if err := lane.OpenDisk(opt); err != nil {
		return fmt.Errorf("buffer.disk.path: %s: %w; give it to the user that the agent runs as, mode 0700, or name another directory", d.Path, err)
	}
	return nil
}

func (a *Agent) deliverOptions(cfg *config.Config) deliver.Options {
	return deliver.Options{
		Endpoints: cfg.Deliver.Endpoints,
		Timeout:   cfg.Deliver.Timeout,
		MaxAge:    cfg.Buffer.MaxAge,
		Transport: a.transport,
		Proxy:     deliver.EnvironmentProxy,
	}
}

// transportChoice is what a transport is made from.
type transportChoice struct {
	protocol, compression string
	tls                   bool
	credentials           deliver.CredentialOptions
}

func transportOptions(cfg *config.Config) transportChoice {
	d := &cfg.Deliver
	c := transportChoice{
		protocol: d.Protocol, compression: d.Compression, tls: d.TLS.Enabled,
		credentials: deliver.CredentialOptions{
			CA: d.TLS.CA, Cert: d.TLS.Cert, Key: d.TLS.Key, ServerName: d.TLS.ServerName, SkipVerify: d.TLS.SkipVerify,
		},
	}
	for _, h := range d.Headers {
		header := deliver.Header{Name: h.Name}
		for _, p := range h.Parts {
			header.Value = append(header.Value, deliver.Part(p))
		}
		c.credentials.Headers = append(c.credentials.Headers, header)
	}
	return c
}

// newTransport reads the files that deliver.tls and deliver.headers name.
func newTransport(cfg *config.Config, log *slog.Logger) (deliver.Transport, error) {
	c := transportOptions(cfg)
	credentials, err := deliver.LoadCredentials(c.credentials, log)
	if err != nil {
		return nil, fmt.Errorf("deliver: %w", err)
	}
	opt := deliver.TransportOptions{
		Compression: deliver.Compression(strings.TrimPrefix(c.compression, "none")),
		UserAgent:   "wayside-agent/" + version.Read().Version,
		TLS:         c.tls,
		Proxy:       deliver.EnvironmentProxy,
		Credentials: credentials,
	}
	switch c.protocol {
	case "otlp-http":
		return deliver.NewHTTP(opt), nil
	case "jaeger-grpc":
		return deliver.NewJaeger(opt), nil
	}
	return deliver.NewGRPC(opt), nil
}
