package activation

import (
	"net"
	"strconv"
	"time"
)

// tellTime bounds how long a manager that does not listen can hold things up.
const tellTime = time.Second

// Notifier tells the manager how the process is, if it wants to be told.
type Notifier struct {
	address  *net.UnixAddr
	watchdog time.Duration
}

func newNotifier(getenv func(string) string, pid int) (n Notifier) {
	name := getenv("NOTIFY_SOCKET")
	if name == "" || name[0] != '/' && name[0] != '@' { // @ is Linux's abstract namespace, for systemd as for Go
		return n // vsock: is for virtual machines
	}
	n.address = &net.UnixAddr{Net: "unixgram", Name: name}
	if of := getenv("WATCHDOG_PID"); of == "" || isFor(of, pid) {
		if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 && us < int64(time.Hour/time.Microsecond) {
			n.watchdog = time.Duration(us) * time.Microsecond
		}
	}
	return n
}

// Ready says that the process serves, also after Reloading.
func (n *Notifier) Ready() error { return n.tell("READY=1") }

// Reloading says that another configuration is being read; Ready says that this
// has ended, well or not.
func (n *Notifier) Reloading() error { return n.tell("RELOADING=1") }

// Stopping says that the process is about to end.
func (n *Notifier) Stopping() error { return n.tell("STOPPING=1") }

// Alive is to be said within each Watchdog.
func (n *Notifier) Alive() error { return n.tell("WATCHDOG=1") }

// Watchdog is after which silence the manager takes the process for stuck and
// ends it; 0 is never.
func (n *Notifier) Watchdog() time.Duration { return n.watchdog }

// tell sends one message. There are so few that no socket is kept for them.
func (n *Notifier) tell(state string) error {
	if n.address == nil {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, n.address)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(tellTime))
	_, err = c.Write([]byte(state))
	return err
}
