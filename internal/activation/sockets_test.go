package activation

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// hand makes one of the manager's sockets ours: a descriptor of its own.
func hand(t *testing.T, s *Sockets, name string, from interface{ File() (*os.File, error) }) {
	t.Helper()
	f, err := from.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	s.list = append(s.list, identify(fd, name))
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func listenPacket(t *testing.T, network, address string) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A socket is found by the address that a configuration would open it by, as
// often as it is asked for.
func TestSocketsAreFoundByAddress(t *testing.T) {
	folder := t.TempDir()
	tcp := listen(t, "tcp", "127.0.0.1:0").(*net.TCPListener)
	every := listen(t, "tcp", ":0").(*net.TCPListener)
	stream := listen(t, "unix", filepath.Join(folder, "stream")).(*net.UnixListener)
	udp := listenPacket(t, "udp", "127.0.0.1:0").(*net.UDPConn)
	gram := listenPacket(t, "unixgram", filepath.Join(folder, "gram")).(*net.UnixConn)
	var s Sockets
	hand(t, &s, "tcp", tcp)
	hand(t, &s, "every", every)
	hand(t, &s, "stream", stream)
	hand(t, &s, "udp", udp)
	hand(t, &s, "gram", gram)
	port := every.Addr().(*net.TCPAddr).Port

	for range 2 {
		for address, like := range map[string]net.Listener{
			tcp.Addr().String():              tcp,
			fmt.Sprintf(":%d", port):         every,
			"unix:" + stream.Addr().String(): stream,
		} {
			l, ok, err := s.Listener(address)
			if !ok || err != nil {
				t.Fatalf("%s: %v, %v", address, ok, err)
			}
			go func() { // what is handed over takes connections that were made to the manager's
				if c, err := net.Dial(like.Addr().Network(), like.Addr().String()); err == nil {
					c.Close()
				}
			}()
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			l.Close()
		}
		for _, address := range []string{udp.LocalAddr().String(), "unix:" + gram.LocalAddr().String()} {
			c, ok, err := s.PacketConn(address)
			if !ok || err != nil {
				t.Fatalf("%s: %v, %v", address, ok, err)
			}
			if got := c.LocalAddr().String(); "unix:"+got != address && got != address {
				t.Errorf("%s is %s", address, got)
			}
			c.Close()
		}
	}
	for _, address := range []string{udp.LocalAddr().String(), "127.0.0.1:1", "unix:" + folder + "/gram", "unix:/x", fmt.Sprintf("127.0.0.1:%d", port), ":1"} {
		if _, ok, err := s.Listener(address); ok || err != nil {
			t.Errorf("%s was not handed over as a stream: %v, %v", address, ok, err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "stream")); err != nil {
		t.Error("the manager's socket is gone from its folder: ", err)
	}
	if left := s.CloseRest(); len(left) != 0 || len(s.Taken()) != 5 {
		t.Errorf("%v are left, %v are taken", left, s.Taken())
	}
}

// What is of no use is told, and closed.
func TestTheRestIsClosed(t *testing.T) {
	var s Sockets
	udp := listenPacket(t, "udp", "127.0.0.1:0").(*net.UDPConn)
	hand(t, &s, "extra", udp)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	fd, err := syscall.Dup(int(read.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	s.list = append(s.list, identify(fd, "pipe"), identify(1<<20, "closed"))
	server := listen(t, "tcp", "127.0.0.1:0")
	connected, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	hand(t, &s, "connected", connected.(*net.TCPConn))

	var got []string
	for _, err := range s.CloseRest() {
		got = append(got, err.Error())
	}
	want := []string{
		"extra: no listener is configured for udp " + udp.LocalAddr().String(),
		"pipe: is no socket",
		"closed: is not open",
		"connected: does not listen; its unit must say Accept=no",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, err := write.WriteString("x"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the pipe's other end is open: %v", err)
	}
	if _, ok, _ := s.PacketConn(udp.LocalAddr().String()); ok {
		t.Error("it is still there")
	}
	var none Manager
	if len(none.CloseRest()) != 0 || none.Taken() != nil {
		t.Error("there is something where nothing was handed over")
	}
}

// With a LISTEN_FDS that is too large, what Go's runtime had opened was taken for
// a socket of the manager's, and closed.
func TestOwnDescriptorsAreLeftAlone(t *testing.T) {
	own, err := os.Open(os.DevNull) // does not outlive exec
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	s := Sockets{list: []*socket{identify(int(own.Fd()), "own")}}
	unused := s.CloseRest()
	if len(unused) != 1 || !strings.Contains(unused[0].Error(), "LISTEN_FDS is too large") {
		t.Errorf("%v", unused)
	}
	if _, err := own.Stat(); err != nil {
		t.Errorf("it was closed: %v", err)
	}
}
