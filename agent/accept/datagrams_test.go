package accept

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/thrift"
)

func TestDatagramsOnAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stale, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	stale.Close() // and the file stays
	lane := &fakeLane{t: t}
	lanes := func(o Origin) Lane {
		if o.Listener != "unix:"+path || o.Peer != (netip.AddrPort{}) {
			t.Errorf("origin %+v", o)
		}
		return lane
	}
	log := slog.New(slog.DiscardHandler)
	u, err := ListenUDP("unix:"+path, "compact", 4<<20, lanes, log)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%v, %v", info, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()

	// Both ways to send: from a socket without a name, and from one that has one.
	named, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "client"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer named.Close()
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// More than the kernel holds: a sender waits, and nothing is lost.
	const packets = 300
	for i := range int64(packets) {
		p := packet(thrift.Compact, 3, i+1)
		if i%2 == 0 {
			p = packet(thrift.Binary, 3, i+1)
			_, err = named.WriteTo(p, &net.UnixAddr{Name: path, Net: "unixgram"})
		} else {
			_, err = conn.Write(p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ListenUDP("unix:"+path, "compact", 0, lanes, log); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
	if _, err := NewServer(lanes, nil, log).Listen("unix:"+path, "otlp.grpc"); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if a := lane.copy(); a.Accepted != 3*packets || a.KernelDrops != 0 || a.ClientReported.Gaps != 0 {
		t.Errorf("%+v", a)
	}
	if st := u.Status(); st.Packets != packets || st.Address != "unix:"+path || st.BufferAsked != 0 {
		t.Errorf("%+v", st)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket stays behind")
	}
	writeFile(t, path, []byte("not a socket"))
	if _, err := ListenUDP("unix:"+path, "compact", 0, lanes, log); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("%v", err)
	}
}
