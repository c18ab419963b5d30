package activation

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestNotifier(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	n := newNotifier(environment("NOTIFY_SOCKET="+path), 42)
	for want, tell := range map[string]func() error{
		"READY=1": n.Ready, "RELOADING=1": n.Reloading, "STOPPING=1": n.Stopping, "WATCHDOG=1": n.Alive,
	} {
		if err := tell(); err != nil {
			t.Error(err)
		}
		b := make([]byte, 100)
		got, err := manager.Read(b)
		if err != nil || string(b[:got]) != want {
			t.Errorf("%q, %v; want %s", b[:got], err, want)
		}
	}
	manager.Close()
	if n.Ready() == nil {
		t.Error("nobody is there, and that is no error")
	}
}

func TestNobodyWantsToBeTold(t *testing.T) {
	for _, env := range []string{"", "NOTIFY_SOCKET=vsock:2:1234"} {
		n := newNotifier(environment(env), 42)
		if err := n.Ready(); err != nil || n.Watchdog() != 0 {
			t.Errorf("%s: %v, watchdog %v", env, err, n.Watchdog())
		}
	}
}

func TestWatchdog(t *testing.T) {
	for env, want := range map[string]time.Duration{
		"WATCHDOG_USEC=1500000":                    1500 * time.Millisecond,
		"WATCHDOG_USEC=1500000 WATCHDOG_PID=42":    1500 * time.Millisecond,
		"WATCHDOG_USEC=1500000 WATCHDOG_PID=41":    0,
		"WATCHDOG_USEC=-1":                         0,
		"WATCHDOG_USEC=soon":                       0,
		"WATCHDOG_USEC=9223372036854775807":        0,
		"WATCHDOG_USEC=18446744073709551615":       0,
		"WATCHDOG_USEC= WATCHDOG_PID=42 UNUSED=up": 0,
	} {
		n := newNotifier(environment("NOTIFY_SOCKET=/run/n "+env), 42)
		if n.Watchdog() != want {
			t.Errorf("%s: %v, want %v", env, n.Watchdog(), want)
		}
	}
}
