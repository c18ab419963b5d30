package agent

import (
	"github.com/wayside-tracing/wayside/agent/accept"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/version"
)

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

		Degraded: a.degraded(),
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
