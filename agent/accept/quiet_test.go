//go:build linux && !portable

package accept

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// connected is a TCP connection, and its peer's end.
func connected(t *testing.T) (conn *net.TCPConn, peer net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if peer, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc.(*net.TCPConn), peer
}

// marked waits until the kernel keeps quiet about less than so many bytes.
func marked(t *testing.T, conn *net.TCPConn, want int) {
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the mark is set", func() bool {
		var mark int
		_ = raw.Control(func(fd uintptr) { mark, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT) })
		return mark == want
	})
}

type readResult struct {
	n   int
	err error
}

func TestQuietRead(t *testing.T) {
	const much = 50_000
	conn, peer := connected(t)
	q := newQuiet(conn)
	p := make([]byte, 2*much)
	results := make(chan readResult)
	read := func(atLeast int) {
		go func() {
			n, err := q.read(p, atLeast)
			results <- readResult{n, err}
		}()
	}

	read(much)
	marked(t, conn, much)
	for range 10 {
		if _, err := peer.Write(make([]byte, much/10)); err != nil {
			t.Fatal(err)
		}
	}
	if r := <-results; r.n != much || r.err != nil {
		t.Errorf("of %d bytes in pieces: %+v", much, r)
	}

	read(much + 1) // another mark, which shows that this one waits
	marked(t, conn, much+1)
	if _, err := peer.Write([]byte("few")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Unix(1, 0)) // as who waits for too long
	if r := <-results; r.n != 0 || !errors.Is(r.err, os.ErrDeadlineExceeded) {
		t.Errorf("at the deadline: %+v", r)
	}
	_ = conn.SetReadDeadline(time.Time{})
	read(1)
	if r := <-results; r.n != len("few") || r.err != nil {
		t.Errorf("after it: %+v", r)
	}

	read(1)
	marked(t, conn, 1)
	if _, err := peer.Write([]byte("f")); err != nil {
		t.Fatal(err)
	}
	if r := <-results; r.n != 1 || r.err != nil {
		t.Errorf("without a mark: %+v", r)
	}

	read(much)
	marked(t, conn, much)
	peer.Close()
	if r := <-results; r.n != 0 || !errors.Is(r.err, io.EOF) {
		t.Errorf("at the end: %+v", r)
	}
}

// A body that stands still does not keep the calls beside it waiting for long.
func TestBodyThatStandsStill(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, http2.ClientPreface)
	f := http2.NewFramer(conn, conn)
	_ = f.WriteSettings()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	begin := func(id uint32) {
		block.Reset()
		for _, h := range [][2]string{
			{":method", "POST"},
			{":scheme", "http"},
			{":path", grpc.TracePath},
			{":authority", "x"},
			{"content-type", grpc.ContentType},
			{"te", "trailers"},
		} {
			_ = enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
		}
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true})
	}
	long := framed(false, make([]byte, 100_000))
	begin(1)
	_ = f.WriteData(1, false, long[:16<<10])
	_ = f.WriteData(1, false, long[16<<10:20<<10])
	until(t, "a connection waits quietly", func() bool { return s.reserved() > 0 })
	begin(3)
	if err := f.WriteData(3, true, framed(false, request(1, 10))); err != nil {
		t.Fatal(err)
	}
	for {
		fr, err := f.ReadFrame()
		if err != nil {
			t.Fatalf("no answer to the call beside it: %v", err)
		}
		if h, ok := fr.(*http2.HeadersFrame); ok && h.StreamEnded() {
			if h.StreamID != 3 {
				t.Error("the call beside it is answered when the body has been given up") // largeTimeout
			}
			return
		}
	}
}
