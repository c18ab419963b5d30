//go:build crash

package crash

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/test/crash/process"
	"github.com/wayside-tracing/wayside/test/crash/receiver"
	"github.com/wayside-tracing/wayside/test/crash/sender"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// The test plays systemd: it holds the sockets and hands them to one agent after
// another. Ten restarts at 10,000 spans a second over UDP lose nothing, and who
// sends OTLP never finds nobody there.
func TestTenRestartsWithKeptSockets(t *testing.T) {
	for name, onDisk := range map[string]bool{"memory": false, "disk": true} {
		t.Run(name, func(t *testing.T) { t.Parallel(); restartWithKeptSockets(t, onDisk) })
	}
}

func restartWithKeptSockets(t *testing.T, disk bool) {
	const perPacket, perSecond = 20, 10_000
	kept := keepSockets(t)
	settings := process.Settings{
		"accept.jaeger.compact": kept.udp.LocalAddr().String(),
		"accept.otlp.grpc":      kept.otlp.Addr().String(),
		"admin.http":            kept.admin.Addr().String(),
	}
	opt := process.Options{Settings: settings, Sockets: kept.files}
	if disk {
		settings["drain_timeout"] = "100ms"
		settings["buffer.memory"] = "32MiB" // for some seconds in which other tests keep the disk busy
		opt = onDisk(t.TempDir(), interval, settings)
		opt.Sockets = kept.files
	}
	r := begin(t, opt)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := r.flow(ctx, senders, spans, 500)
	jaeger := kept.send(ctx, t, r.nextNumber(), perPacket, perSecond)

	var sum ledger.Account
	twice, waited := 0, 0
	for n := range 10 {
		if disk && n%3 == 1 {
			r.receiver.Set(receiver.Refuse(grpc.Unavailable))
		} else {
			r.receiver.Set(receiver.Well)
		}
		time.Sleep(times(300 * time.Millisecond))
		add(&sum, r.stopped(&twice))
		for kept.memory(t, memoryUsed) == 0 { // something comes in while there is no agent
			time.Sleep(time.Millisecond)
		}
		waited += int(kept.memory(t, memoryUsed))
		r.start()
	}
	r.receiver.Set(receiver.Well)
	cancel()
	wait()
	datagrams := <-jaeger
	for late := time.Now().Add(patience); kept.memory(t, memoryUsed) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("the socket is not read:\n%s", r.agent.Dump())
		}
	}
	r.awaitEmpty()
	add(&sum, r.stopped(&twice))

	if drops := kept.memory(t, packetsDropped); drops != 0 || sum.KernelDrops != 0 {
		t.Errorf("the kernel dropped %d packets, the ledgers have %d: the sender is to wait for room", drops, sum.KernelDrops)
	}
	if sum.Dropped.Sum() != 0 || sum.Refused != (ledger.Refusals{}) {
		t.Errorf("dropped %v, refused %v", sum.Dropped, sum.Refused)
	}
	if n := r.sent.Refused["not connected"]; n != 0 {
		t.Errorf("%d times nobody was there for OTLP", n)
	}
	sum.Buffered -= sum.Recovered // what one process ended with the next recovered
	sum.Recovered = 0
	if err := sum.Check(); err != nil {
		t.Errorf("the sum of the ledgers: %v", err)
	}
	// A datagram is never told yes, but here each of them is to arrive.
	r.sent.Add(account.Sent{Acknowledged: []account.Range{datagrams.Sent}})
	r.hold(sum, twice)
	t.Logf("%d spans in %d packets over UDP and %d by OTLP, 10 restarts, none lost; %d kB waited in the socket at restarts; socket buffer %d kB",
		datagrams.Sent.Len(), datagrams.Packets, r.sent.Spans()-datagrams.Sent.Len(), waited/1000, kept.memory(t, memoryLimitOf)/2000)
	if late := kept.paused.Load(); late > 0 {
		t.Logf("NOT SHOWN HERE: restarts at %d spans a second; the sender had to wait for room in the socket %d times", perSecond, late)
	}
}

// keptSockets are those that outlive every agent.
type keptSockets struct {
	udp         *net.UDPConn
	otlp, admin net.Listener
	files       []*os.File // the same, to be handed over
	paused      atomic.Int64
}

func keepSockets(t *testing.T) *keptSockets {
	t.Helper()
	k := &keptSockets{}
	var err error
	keep := func(s interface{ File() (*os.File, error) }) {
		f, err := s.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		k.files = append(k.files, f)
	}
	if k.udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.udp.Close() })
	keep(k.udp)
	for _, l := range []*net.Listener{&k.otlp, &k.admin} {
		open, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { open.Close() })
		*l = open
		keep(open.(*net.TCPListener))
	}
	const buffer = 4 << 20 // as deploy/systemd/wayside-agent.socket has it
	k.control(t, func(fd int) error {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) == nil { // as systemd may
			return nil
		}
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	})
	if got := k.memory(t, memoryLimitOf) / 2; got < buffer { // the kernel doubles what was asked for
		t.Logf("the socket has a buffer of %d bytes: net.core.rmem_max allows no more", got)
	}
	return k
}

func (k *keptSockets) control(t *testing.T, do func(fd int) error) {
	t.Helper()
	raw, err := k.udp.SyscallConn()
	if err == nil {
		var inner error
		if err = raw.Control(func(fd uintptr) { inner = do(int(fd)) }); err == nil {
			err = inner
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// What SO_MEMINFO tells (linux/sock_diag.h).
const (
	memoryUsed     = 0 // SK_MEMINFO_RMEM_ALLOC, in bytes
	memoryLimitOf  = 1 // SK_MEMINFO_RCVBUF, in bytes
	packetsDropped = 8 // SK_MEMINFO_DROPS
)

// memory is what the kernel says of the UDP socket.
func (k *keptSockets) memory(t *testing.T, which int) uint32 {
	t.Helper()
	var info [packetsDropped + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	k.control(t, func(fd int) error {
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			return os.NewSyscallError("getsockopt", errno)
		}
		return nil
	})
	return info[which]
}

// send sends at a rate until ctx is done, but never into a socket that is nearly
// full: on a machine that has other things to do, an agent may be long in coming.
func (k *keptSockets) send(ctx context.Context, t *testing.T, number uint64, perPacket, perSecond int) <-chan *sender.Datagrams {
	t.Helper()
	d, err := sender.NewDatagrams(number, k.udp.LocalAddr().String(), perPacket)
	if err != nil {
		t.Fatal(err)
	}
	limit := k.memory(t, memoryLimitOf) / 4 * 3
	done := make(chan *sender.Datagrams, 1)
	go func() {
		defer func() { done <- d }()
		defer d.Close()
		tick := time.NewTicker(time.Second * time.Duration(perPacket) / time.Duration(perSecond))
		defer tick.Stop()
		begin := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			due := uint64(time.Since(begin).Seconds() * float64(perSecond) / float64(perPacket))
			for d.Packets < due {
				if k.memory(t, memoryUsed) > limit {
					k.paused.Add(1)
					break
				}
				if err := d.Send(); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	return done
}
