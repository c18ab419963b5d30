package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/internal/activation"
)

// An agent that stands in somebody else's pod must not keep that from starting.
// If it is told so it starts whatever happens, degraded: it takes in what it
// can, keeps it, and says what is wrong.
//
// A configuration that is wrong as a whole has no endpoints (config.Salvage);
// then nothing is delivered until Reload brings one that has some.

// tryEvery is how often an address that could not be opened is tried again: as
// long as a tracer that finds nobody there may lose what it sends.
const tryEvery = time.Second

// Options say how an agent starts.
type Options struct {
	// Manager is the service manager that has started the process: sockets that
	// it handed over take the place of those that the agent would open. nil is
	// none.
	Manager *activation.Manager
	// Degraded lets the agent start and go on without what it can't have:
	// addresses to listen on, which are tried again, and a disk.
	Degraded bool
	// Wrong is why the configuration is not the one that was asked for, a line
	// each.
	Wrong []string
}

// missing is a socket that is wanted and could not be opened.
type missing struct {
	wish wish
	err  error
}

// Degrade makes a running agent go by what could be made of a configuration that
// is wrong; see Reload.
func (a *Agent) Degrade(cfg *config.Config, wrong []string) (restart []string, err error) {
	return a.reload(cfg, wrong)
}

// Wrong is why the configuration in force is not the one that was asked for.
func (a *Agent) Wrong() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.wrong)
}

// degraded is all that the agent can't do, a line each.
func (a *Agent) degraded() []string {
	list := slices.Clone(a.wrong)
	for _, m := range a.missing {
		list = append(list, m.err.Error())
	}
	for _, l := range a.late {
		if err := l.problem(); err != nil {
			list = append(list, err.Error())
		}
	}
	return list
}

// goesWithout notes a socket that can't be opened, and says whether the agent
// goes on without it.
func (a *Agent) goesWithout(w wish, err error) bool {
	if !a.lenient {
		return false
	}
	if !slices.ContainsFunc(a.missing, func(m missing) bool { return m.wish == w }) {
		a.log.Error("an address can't be opened: the agent goes on without, and tries again", "error", err)
	}
	return true
}

// retry tries to open what is missing.
func (a *Agent) retry() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.running {
		return
	}
	a.missing = slices.DeleteFunc(a.missing, func(m missing) bool {
		s, err := a.open(m.wish, a.cfg)
		if err != nil {
			return false
		}
		a.log.Info("an address could be opened after all", "listen", s.String())
		s.stop = a.accepting.Start(s.listener)
		a.sockets = append(a.sockets, s)
		return true
	})
}

// retries is the task that does so.
type retries struct{ retry func() }

// String names the task.
func (r *retries) String() string { return "retries" }

// Run tries until ctx is done.
func (r *retries) Run(ctx context.Context) error {
	tick := time.NewTicker(tryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			r.retry()
		}
	}
}

// StandIn is where an agent that could not open an address of admin.http can be
// asked by its own machine how it is: an abstract Unix socket (unix(7)), which needs
// no file system. Whoever waits for the agent to be ready must reach it.
func StandIn(address string) string { return "@wayside-agent admin.http " + address }

// openStandIn opens that; nil if it can't be had.
func openStandIn(address string) *net.UnixListener {
	if runtime.GOOS != "linux" { // elsewhere it is the name of a file
		return nil
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: StandIn(address)})
	if err != nil {
		return nil // another agent that could not open it was first
	}
	return l
}

// openHTTP opens an address of admin.http or control.http. An agent that goes on
// without has a listener that takes its place until it can be opened.
func (a *Agent) openHTTP(key string) func(address string) (net.Listener, error) {
	return func(address string) (net.Listener, error) {
		l, err := a.openTCP(address)
		if err == nil || !a.lenient {
			return l, err
		}
		late := &lateListener{address: address, key: key, err: listenError(key, err), closed: make(chan struct{})}
		if key == "admin.http" {
			late.standIn = openStandIn(address)
		}
		a.late = append(a.late, late)
		a.log.Error("an address can't be opened: the agent goes on without, and tries again", "error", late.err)
		return late, nil
	}
}

// lateListener is one whose address is not open yet.
type lateListener struct {
	key, address string
	standIn      *net.UnixListener // nil: nobody reaches it
	closed       chan struct{}

	mu       sync.Mutex
	listener net.Listener // once it is open
	err      error        // why it is not
	ended    bool
}

// Accept waits until the address can be opened, and then for connections.
func (l *lateListener) Accept() (net.Conn, error) {
	tick := time.NewTicker(tryEvery)
	defer tick.Stop()
	for {
		open, err := l.try()
		if err != nil {
			return nil, err
		}
		if open != nil {
			return open.Accept()
		}
		if l.standIn != nil {
			_ = l.standIn.SetDeadline(time.Now().Add(tryEvery))
			if c, err := l.standIn.Accept(); err == nil {
				return c, nil
			} else if errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
		}
		select {
		case <-tick.C:
		case <-l.closed:
		}
	}
}

// try opens it, if it can be.
func (l *lateListener) try() (net.Listener, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil, net.ErrClosed
	}
	if l.listener == nil {
		open, err := net.Listen("tcp", l.address)
		if err != nil {
			l.err = listenError(l.key, err)
			return nil, nil
		}
		l.listener, l.err = open, nil
		l.closeStandIn()
	}
	return l.listener, nil
}

func (l *lateListener) problem() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Close ends Accept.
func (l *lateListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return net.ErrClosed
	}
	l.ended = true
	close(l.closed)
	l.closeStandIn()
	if l.listener != nil {
		return l.listener.Close()
	}
	return nil
}

func (l *lateListener) closeStandIn() {
	if l.standIn != nil {
		l.standIn.Close()
	}
}

// Addr is the address that it is to have.
func (l *lateListener) Addr() net.Addr { return lateAddr(l.address) }

type lateAddr string

func (lateAddr) Network() string  { return "tcp" }
func (a lateAddr) String() string { return string(a) }
