package agent

import (
	"context"
	"net"
	"time"

	"github.com/wayside-tracing/wayside/agent/accept"
)

// What is opened here may have been handed over by a service manager, which
// keeps it open between two processes: then what comes in meanwhile waits in it,
// and a restart loses nothing.

func (a *Agent) openUDP(address, encoding string, socketBuffer int) (*accept.UDP, error) {
	conn, ok, err := a.manager.PacketConn(address)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return accept.ListenUDP(address, encoding, socketBuffer, a.route, a.log)
	}
	return accept.TakeUDP(conn, encoding, socketBuffer, a.route, a.log)
}

func (a *Agent) openRequests(address, source string) (*accept.Listener, error) {
	l, ok, err := a.manager.Listener(address)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return a.requests.Take(l, address, source), nil
	}
	return a.requests.Listen(address, source)
}

func (a *Agent) openTCP(address string) (net.Listener, error) {
	if l, ok, err := a.manager.Listener(address); ok || err != nil {
		return l, err
	}
	return net.Listen("tcp", address)
}

// closeRest closes the sockets that were handed over and are not wanted.
func (a *Agent) closeRest() {
	if taken := a.manager.Taken(); len(taken) > 0 {
		a.log.Info("sockets were taken over from the service manager", "sockets", taken)
	}
	for _, err := range a.manager.CloseRest() {
		a.log.Warn("a socket that was handed over is of no use, and closed", "socket", err,
			"fix", "give a listener of the configuration its address, or take it out of the socket's unit")
	}
}

// tell takes the result of telling the service manager something.
func (a *Agent) tell(err error) {
	if err != nil {
		a.log.Warn("the service manager could not be told how the agent is", "error", err)
	}
}

// feed tells the service manager that the agent is not stuck: its locks can be
// had.
func (a *Agent) feed() {
	a.Status()
	a.tell(a.manager.Alive())
}

// watchdog feeds the service manager's.
type watchdog struct {
	every time.Duration
	feed  func()
}

// String names the task.
func (w *watchdog) String() string { return "watchdog" }

// Run feeds it until ctx is done.
func (w *watchdog) Run(ctx context.Context) error {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			w.feed()
		}
	}
}
