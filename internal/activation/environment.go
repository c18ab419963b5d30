package activation

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	// firstFD is SD_LISTEN_FDS_START (sd-daemon.h): after standard error.
	firstFD = 3
	// maxFDs bounds a number that is not believed without end. systemd hands
	// over at most as many as the process may have open.
	maxFDs = 1 << 10
)

// variables are those that this package reads. They are for one process and
// not for its children.
var variables = [...]string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"}

// handedOver are the names of the descriptors from firstFD on that are for
// process pid; a descriptor without a name has "".
func handedOver(getenv func(string) string, pid int) ([]string, error) {
	count := getenv("LISTEN_FDS")
	if count == "" {
		return nil, nil
	}
	if !isFor(getenv("LISTEN_PID"), pid) {
		return nil, fmt.Errorf("LISTEN_FDS=%s is for process %q, and this is %d: sockets are not taken over; a shell that starts the agent has to become it (exec)",
			count, getenv("LISTEN_PID"), pid)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > maxFDs {
		return nil, fmt.Errorf("LISTEN_FDS=%s is not a number from 0 to %d: sockets are not taken over", strconv.Quote(count), maxFDs)
	}
	names := make([]string, n)
	for i := range names {
		names[i] = "unknown" // what systemd calls one without a name
	}
	if list := getenv("LISTEN_FDNAMES"); list != "" {
		copy(names, strings.Split(list, ":"))
	}
	return names, nil
}

// isFor says whether a variable with a process's id means this one.
func isFor(variable string, pid int) bool {
	n, err := strconv.Atoi(variable)
	return err == nil && n == pid
}
