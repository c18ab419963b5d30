package harness

import (
	"net"
	"testing"
)

// FreePort is an address on the loopback interface on which nobody listens, neither by TCP nor by UDP. Another program may
// take it before it is used; the range is large and the moment short.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
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
