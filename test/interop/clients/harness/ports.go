package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports that are given out lie below those from which Linux and macOS take the near end of a connection (32768 and
// 49152): a port of that kind could be taken by any connection between now and its use.
const (
	firstPort = 20_000
	lastPort  = 32_000
)

// FreePort is an address on the loopback interface on which nobody listens, neither by TCP nor by UDP.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 1_000 {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		l, err := net.Listen("tcp4", address)
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp4", address)
		l.Close()
		if err == nil {
			u.Close()
			return address
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return ""
}
