package accept

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

const (
	// maxDatagram is the most that a UDP packet can carry over IPv4, in bytes
	// (65,535 less the headers), and one more, which would show a longer one.
	maxDatagram = 65_507 + 1
	// readAtOnce is how many datagrams one system call reads at most.
	readAtOnce = 16
	// drainTime bounds how long a socket is read after it should stop, while
	// tracers go on sending.
	drainTime = 500 * time.Millisecond
)

// UDP takes in Jaeger Thrift over UDP on one address.
type UDP struct {
	conn     *net.UDPConn
	listener string
	encoding string
	asked    int
	granted  int
	lanes    Lanes
	log      *slog.Logger

	packets atomic.Uint64
	bytes   atomic.Uint64

	drops struct { // the kernel's counter, and how much of it is in the ledger
		sync.Mutex
		total uint64
	}
}

// ListenUDP opens an address. encoding is what clients of this address usually
// send, for people to see; either is taken. socketBuffer is the size of the
// socket's buffer to ask the kernel for, in bytes.
func ListenUDP(address, encoding string, socketBuffer int, lanes Lanes, log *slog.Logger) (*UDP, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	u := &UDP{conn: conn, listener: conn.LocalAddr().String(), encoding: encoding, asked: socketBuffer, lanes: lanes, log: log}
	u.granted, err = growSocketBuffer(conn, socketBuffer)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("socket buffer of %s: %w", address, err)
	}
	if u.granted < socketBuffer {
		log.Warn("the kernel grants a smaller socket buffer than asked for: bursts may be lost",
			"address", u.listener, "asked", socketBuffer, "granted", u.granted,
			"fix", fmt.Sprintf("sysctl -w net.core.rmem_max=%d", socketBuffer))
	}
	return u, nil
}

// String names the task.
func (u *UDP) String() string { return "accept udp " + u.listener }

// Address is where it listens.
func (u *UDP) Address() string { return u.listener }

// Run reads until ctx is done, then takes what is still in the socket, and closes it.
func (u *UDP) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = u.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	defer u.Close()
	r := newReader(u)
	rest := newRest(u.granted)
	for {
		n, err := r.read(0)
		switch {
		case err == nil:
			rest.after(n)
		case ctx.Err() != nil:
			return r.drain()
		case errors.Is(err, net.ErrClosed):
			return err
		default: // an ICMP error of the past, or the like: the socket is fine
			u.log.Warn("reading datagrams", "address", u.listener, "error", err)
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// drain takes what is in the socket, without waiting for more.
func (r *reader) drain() error {
	_ = r.conn.SetReadDeadline(time.Time{})
	for end := time.Now().Add(drainTime); time.Now().Before(end); {
		if _, err := r.read(dontWait); err != nil {
			break
		}
	}
	return nil
}

// Close closes the socket, for those who do not Run it.
func (u *UDP) Close() {
	u.CountDrops()
	u.conn.Close()
}

// CountDrops reads the kernel's counter of packets that overflowed the
// socket's buffer, and brings the ledger up to date.
func (u *UDP) CountDrops() {
	u.drops.Lock()
	defer u.drops.Unlock()
	total, err := kernelDrops(u.conn)
	if err != nil || total == u.drops.total {
		return
	}
	// The counter has 32 bits.
	u.lanes(Origin{Listener: u.listener}).KernelDropped(uint64(uint32(total - u.drops.total)))
	u.drops.total = total
}

// Status is the socket as people see it.
func (u *UDP) Status() ledger.Socket {
	u.CountDrops()
	u.drops.Lock()
	defer u.drops.Unlock()
	return ledger.Socket{
		Address: u.listener, Encoding: u.encoding, BufferAsked: u.asked, BufferGot: u.granted,
		Packets: u.packets.Load(), Bytes: u.bytes.Load(), KernelDrops: u.drops.total,
	}
}

// reader is what the goroutine that reads a socket has for itself.
type reader struct {
	*UDP
	batch      *ipv4.PacketConn
	messages   []ipv4.Message
	transcoder jaegerthrift.Transcoder
	clients    *clients
}

func newReader(u *UDP) *reader {
	r := &reader{UDP: u, batch: ipv4.NewPacketConn(u.conn), messages: make([]ipv4.Message, readAtOnce), clients: newClients()}
	// One block: pages that no packet is large enough to reach stay untouched.
	block := make([]byte, readAtOnce*maxDatagram)
	for i := range r.messages {
		r.messages[i].Buffers = [][]byte{block[i*maxDatagram : (i+1)*maxDatagram]}
	}
	return r
}

// read waits for datagrams, deals with those that are there, and returns their number.
func (r *reader) read(flags int) (n int, err error) {
	n, err = r.batch.ReadBatch(r.messages, flags)
	if err != nil {
		return 0, err
	}
	for i := range n {
		m := &r.messages[i]
		r.packets.Add(1)
		r.bytes.Add(uint64(m.N))
		var peer netip.AddrPort
		if a, ok := m.Addr.(*net.UDPAddr); ok {
			peer = a.AddrPort()
		}
		r.packet(m.Buffers[0][:m.N], r.lanes(Origin{Listener: r.listener, Peer: peer}))
	}
	return n, nil
}

// packet transcodes a datagram and hands what comes of it to a lane.
func (r *reader) packet(datagram []byte, lane Lane) {
	if len(datagram) == maxDatagram {
		lane.Refuse(ledger.RequestTooBig)
		return
	}
	res, err := r.transcoder.Packet(datagram)
	if err != nil {
		reason := ledger.Malformed
		if errors.Is(err, jaegerthrift.ErrUnimplemented) {
			reason = ledger.Unimplemented
		}
		lane.Refuse(reason)
		return
	}
	left := ledger.LeftOut{Invalid: res.Invalid, TooBig: res.TooBig}
	for _, f := range res.Frames {
		lane.Datagram(f.Bytes, f.Spans, left)
		left = ledger.LeftOut{}
	}
	if left != (ledger.LeftOut{}) {
		lane.Datagram(nil, 0, left)
	}
	r.client(&res, lane)
}

// client tells a lane what the client says of its own losses.
func (r *reader) client(res *jaegerthrift.Result, lane Lane) {
	if !res.HasSeqNo {
		return
	}
	var stats *jaegerthrift.ClientStats
	if res.HasStats {
		stats = &res.Stats
	}
	if report := r.clients.report(res.ClientUUID, res.SeqNo, stats, time.Now()); report != (ledger.ClientReported{}) {
		lane.Report(report)
	}
}
