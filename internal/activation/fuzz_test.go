package activation

import (
	"strings"
	"testing"
)

// Whatever the environment has, it is understood as descriptors that there can
// be, or refused with words.
func FuzzEnvironment(f *testing.F) {
	f.Add("42", "2", "a.socket:b", "1500000", "42", "/run/systemd/notify")
	f.Add("42", "1024", "", "", "", "@abstract")
	f.Add("41", "1", ":::", "-1", "0", "vsock:2:1")
	f.Add("042", "+3", "a:", "18446744073709551615", "x", "")
	f.Fuzz(func(t *testing.T, pid, fds, fdNames, watchdog, watchdogPID, notify string) {
		env := map[string]string{
			"LISTEN_PID": pid, "LISTEN_FDS": fds, "LISTEN_FDNAMES": fdNames,
			"WATCHDOG_USEC": watchdog, "WATCHDOG_PID": watchdogPID, "NOTIFY_SOCKET": notify,
		}
		getenv := func(name string) string { return env[name] }
		names, err := handedOver(getenv, 42)
		if len(names) > maxFDs || err != nil && (names != nil || !strings.Contains(err.Error(), "sockets are not taken over")) {
			t.Errorf("%d names, %v", len(names), err)
		}
		n := newNotifier(getenv, 42)
		if n.Watchdog() < 0 || n.Watchdog() > 0 && n.address == nil {
			t.Errorf("a watchdog of %v, fed at %v", n.Watchdog(), n.address)
		}
	})
}
