package agent

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"syscall"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/control"
)

// Reload makes a running agent go by another configuration. New addresses are
// opened before old ones are closed; on an error nothing has changed. Some keys
// are read at start only: restart names those of them that have changed.
func (a *Agent) Reload(cfg *config.Config) (restart []string, err error) { return a.reload(cfg, nil) }

func (a *Agent) reload(cfg *config.Config, wrong []string) (restart []string, err error) {
	closed, restart, err := a.change(cfg, wrong)
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
func (a *Agent) change(cfg *config.Config, wrong []string) (closed []*socket, restart []string, err error) {
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
	next, closed, err := a.reopen(cfg)
	if err == nil {
		if err = a.requests.SetOptions(acceptOptions(cfg)); err != nil {
			next.giveUp()
		}
	}
	if err != nil {
		return nil, nil, err
	}
	for _, s := range next.opened {
		s.stop = a.accepting.Start(s.listener)
	}
	a.sockets, a.missing, a.wrong = append(next.kept, next.opened...), next.missing, wrong
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
	keep("admin.tls", c.Admin.TLS == was.Admin.TLS)
	keep("admin.pprof", c.Admin.PProf == was.Admin.PProf)
	keep("log.level", c.Log.Level == was.Log.Level)
	keep("log.format", c.Log.Format == was.Log.Format)
	c.Accept.Jaeger.SocketBuffer, c.Buffer.Disk, c.Control, c.Admin, c.Log = was.Accept.Jaeger.SocketBuffer, was.Buffer.Disk, was.Control, was.Admin, was.Log
	return &c, restart
}

// sockets are those that a configuration wants.
type sockets struct {
	kept, opened []*socket
	missing      []missing
}

// giveUp closes what was opened for nothing.
func (s *sockets) giveUp() {
	for _, o := range s.opened {
		o.listener.Close()
	}
}

// reopen opens the sockets of cfg that are not open yet.
func (a *Agent) reopen(cfg *config.Config) (next sockets, closed []*socket, err error) {
	closed = slices.Clone(a.sockets)
	for _, w := range wanted(cfg) {
		i := slices.IndexFunc(closed, func(s *socket) bool { return s.wish == w })
		if i >= 0 {
			next.kept = append(next.kept, closed[i])
			closed = slices.Delete(closed, i, i+1)
			continue
		}
		s, err := a.open(w, cfg)
		switch {
		case err == nil:
			next.opened = append(next.opened, s)
			continue
		case errors.Is(err, syscall.EADDRINUSE) && !a.lenient:
			err = fmt.Errorf("%w (if it is this agent's own, because one address includes the other, restart it)", err)
		}
		if !a.goesWithout(w, err) {
			next.giveUp()
			return sockets{}, nil, err
		}
		next.missing = append(next.missing, missing{w, err})
	}
	return next, closed, nil
}
