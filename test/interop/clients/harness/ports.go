package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// The ports that are given out lie below those from which Linux and macOS take the near end of a connection (32768 and
// 49152): a port of that kind could be taken by any connection between now and its use.
const (
	firstPort = 20_000
	lastPort  = 32_000
)

// FreePort is an address on the loopback interface on which nobody listens, neither by TCP nor by UDP. Until the test ends,
// it is given to no other test of this user, in whatever process: what it is for binds it only a while from now.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 1_000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if reserve(t, port) && isFree(address) {
			return address
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return ""
}

// reserve locks a file that stands for the port, until the test ends. The files stay: who removes one that another is about
// to lock lets two have it.
func reserve(t testing.TB, port int) bool {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	folder := filepath.Join(cache, "wayside", "ports")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(folder, strconv.Itoa(port)), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return false
	}
	t.Cleanup(func() { f.Close() })
	return true
}

func isFree(address string) bool {
	l, err := net.Listen("tcp4", address)
	if err != nil {
		return false
	}
	defer l.Close()
	u, err := net.ListenPacket("udp4", address)
	if err != nil {
		return false
	}
	u.Close()
	return true
}
