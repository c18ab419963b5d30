package accept

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"github.com/wayside-tracing/wayside/wire/thrift"
)

// keptSocket is one that outlives its readers, and a connection to it. another
// is for the next reader.
func keptSocket(t *testing.T) (another func() *net.UDPConn, client net.Conn) {
	t.Helper()
	kept, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	if client, err = net.Dial("udp", kept.LocalAddr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return func() *net.UDPConn {
		f, err := kept.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c, err := net.FilePacketConn(f)
		if err != nil {
			t.Fatal(err)
		}
		return c.(*net.UDPConn)
	}, client
}

// What a kept socket holds when its reader ends is for the next one, but for
// the one read that may have been on its way.
func TestWhatAKeptSocketHoldsIsForTheNextReader(t *testing.T) {
	another, client := keptSocket(t)
	const sent = 50
	for i := range int64(sent) {
		send(t, client, packet(thrift.Compact, 1, i+1))
	}
	total := 0
	for _, most := range []int{readAtOnce, readAtOnce} {
		lane := &fakeLane{t: t}
		u, err := TakeUDP(another(), "compact", 1<<20, func(Origin) Lane { return lane }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // it is told to end before it has begun
		if err := u.Run(ctx); err != nil {
			t.Fatal(err)
		}
		got := int(lane.account.Accepted)
		if got == 0 || got > most {
			t.Errorf("%d packets were read, want 1 to %d", got, most)
		}
		total += got
	}
	if total >= sent {
		t.Errorf("all %d were read: nothing was left to the next", total)
	}
}

// What was dropped before is not in this reader's account.
func TestDropsOfAKeptSocketBeginAnew(t *testing.T) {
	if !dropsAreCounted {
		t.Skip("NOT TESTED: only Linux counts what a socket drops")
	}
	another, client := keptSocket(t)
	if err := another().SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	flood := func() {
		for range 100 {
			send(t, client, packet(thrift.Compact, 20, 1))
		}
	}
	flood()
	lane := &fakeLane{t: t}
	u, err := TakeUDP(another(), "compact", 0, func(Origin) Lane { return lane }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	before, err := u.socket.drops()
	if err != nil || before == 0 {
		t.Fatalf("%d packets dropped, %v: the test proves nothing", before, err)
	}
	if got := u.Status().KernelDrops; got != 0 || lane.account.KernelDrops != 0 {
		t.Errorf("%d packets dropped before are counted", got)
	}
	flood()
	after, err := u.socket.drops()
	if err != nil {
		t.Fatal(err)
	}
	want := uint64(after - before)
	if got := u.Status().KernelDrops; got != want || lane.account.KernelDrops != want || want == 0 {
		t.Errorf("%d dropped, %d in the account, want %d", got, lane.account.KernelDrops, want)
	}
}

// Who has made the socket may have been allowed a larger buffer than this
// process is: it is not made smaller.
func TestBufferOfAKeptSocketIsNotMadeSmaller(t *testing.T) {
	another, _ := keptSocket(t)
	first := another()
	defer first.Close()
	if err := first.SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	u, err := TakeUDP(another(), "compact", 4096, func(Origin) Lane { return nil }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if got := u.granted; dropsAreCounted && got != 128<<10 {
		t.Errorf("it has %d bytes, want 131072", got)
	}
}
