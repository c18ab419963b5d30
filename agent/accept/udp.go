package accept

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/zipkin"
)

const (
	// maxDatagram is the most that a UDP packet can carry over IPv4, in bytes
	// (65,535 less the headers), and one more, which would show a longer one.
	maxDatagram = 65_507 + 1
	// drainTime bounds how long a socket is read after it should stop, while
	// tracers go on sending.
	drainTime = 500 * time.Millisecond
)

// UDP takes in Jaeger and Zipkin Thrift in datagrams on one address, of UDP or a
// Unix socket.
type UDP struct {
	socket   *socket
	listener string
	path     string // of a Unix socket
	encoding string
	asked    int
	granted  int
	kept     bool // by somebody else, for the process after this one
	lanes    Lanes
	log      *slog.Logger

	packets atomic.Uint64
	bytes   atomic.Uint64

	mu     sync.Mutex // guards what follows, and the socket against close
	closed bool
	drops  uint64 // of the kernel, as far as they have been seen
	before uint64 // those of them that were there when the socket was taken over
}

// ListenUDP opens an address, "ip:port" or "unix:/path". encoding is what clients of this address usually
// send, for people to see; either is taken. socketBuffer is the size of the
// socket's buffer to ask the kernel for, in bytes; 0 takes what it gives. For a
// Unix socket none is asked for: there it has no effect.
func ListenUDP(address, encoding string, socketBuffer int, lanes Lanes, log *slog.Logger) (*UDP, error) {
	conn, path, err := openDatagrams(address)
	if err != nil {
		return nil, err
	}
	return newUDP(conn, path, encoding, socketBuffer, false, lanes, log)
}

// TakeUDP is ListenUDP with a socket that somebody else has opened and keeps
// open. At the end of Run it is not emptied: whoever reads it next finds what
// came in meanwhile. conn is taken over.
func TakeUDP(conn net.PacketConn, encoding string, socketBuffer int, lanes Lanes, log *slog.Logger) (*UDP, error) {
	c, ok := conn.(datagrams)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("%s can't be read here", conn.LocalAddr().Network())
	}
	path := ""
	if conn.LocalAddr().Network() == "unixgram" {
		path = conn.LocalAddr().String()
	}
	return newUDP(c, path, encoding, socketBuffer, true, lanes, log)
}

// newUDP takes conn over; path is a Unix socket's.
func newUDP(conn datagrams, path, encoding string, socketBuffer int, kept bool, lanes Lanes, log *slog.Logger) (*UDP, error) {
	address := "unix:" + path
	if path == "" {
		address = conn.LocalAddr().String()
	} else {
		socketBuffer = 0
	}
	s, err := newSocket(conn)
	if err != nil {
		return nil, err
	}
	u := &UDP{socket: s, listener: address, path: path, encoding: encoding, asked: socketBuffer, kept: kept, lanes: lanes, log: log}
	fix := fmt.Sprintf("sysctl -w net.core.rmem_max=%d", socketBuffer)
	if kept {
		fix = fmt.Sprintf("ReceiveBuffer=%d in the unit of the socket", socketBuffer)
		u.granted, err = s.grow(socketBuffer)
		u.ownDrops()
	} else {
		u.granted, err = s.resize(socketBuffer)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("socket buffer of %s: %w", u.listener, err)
	}
	if u.granted < socketBuffer {
		log.Warn("the kernel grants a smaller socket buffer than asked for: bursts may be lost",
			"address", u.listener, "asked", socketBuffer, "granted", u.granted, "fix", fix)
	}
	return u, nil
}

// ownDrops makes the account begin with what the kernel drops from now on. What
// it has dropped before is in the accounts of the processes before this one, but
// for what was dropped when there was none.
func (u *UDP) ownDrops() {
	total, err := u.socket.drops()
	if err != nil || total == 0 {
		return
	}
	u.drops, u.before = uint64(total), uint64(total)
	u.log.Info("the socket that was handed over has dropped packets before this process", "address", u.listener, "kernel_drops", total)
}

// String names the task.
func (u *UDP) String() string {
	if u.path != "" {
		return "accept " + u.listener
	}
	return "accept udp " + u.listener
}

// Address is where it listens.
func (u *UDP) Address() string { return u.listener }

// Run reads until ctx is done, takes what is in the socket then, unless somebody
// else keeps it, and closes it.
func (u *UDP) Run(ctx context.Context) error {
	defer u.Close()
	stop := context.AfterFunc(ctx, u.socket.interrupt)
	defer stop()
	r := reader{UDP: u, clients: newClients()}
	rest := newRest(u.granted)
	if u.path != "" {
		rest = newRest(0) // senders would wait for it
	}
	var end time.Time // of the time for what is in the socket
	for {
		n, err := r.read()
		switch {
		case err != nil:
			// The kernel is short of something, or tells of an ICMP error of the past.
			u.log.Warn("reading datagrams", "address", u.listener, "error", err)
			time.Sleep(time.Second)
		case ctx.Err() == nil && n > 0:
			rest.after(n)
			continue
		}
		switch {
		case ctx.Err() == nil:
			if err := u.socket.wait(); err != nil && ctx.Err() == nil {
				return err
			}
		case u.kept:
			return nil
		case end.IsZero():
			end = time.Now().Add(drainTime)
		case n == 0 || time.Now().After(end):
			return nil
		}
	}
}

// Close closes the socket, for those who do not Run it.
func (u *UDP) Close() {
	u.CountDrops()
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.closed {
		u.closed = true
		u.socket.close()
		if u.path != "" && !u.kept {
			os.Remove(u.path)
		}
	}
}

// CountDrops reads the kernel's counter of packets that overflowed the
// socket's buffer, and brings the ledger up to date.
func (u *UDP) CountDrops() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return
	}
	total, err := u.socket.drops()
	if more := uint64(total - uint32(u.drops)); err == nil && more > 0 {
		u.lanes(Origin{Listener: u.listener}).KernelDropped(more)
		u.drops += more
	}
}

// Status is the socket as people see it.
func (u *UDP) Status() ledger.Socket {
	u.CountDrops()
	u.mu.Lock()
	defer u.mu.Unlock()
	return ledger.Socket{
		Address: u.listener, Encoding: u.encoding, BufferAsked: u.asked, BufferGot: u.granted,
		Packets: u.packets.Load(), Bytes: u.bytes.Load(), KernelDrops: u.drops - u.before,
	}
}

// reader is what the goroutine that reads a socket has for itself.
type reader struct {
	*UDP
	transcoder jaegerthrift.Transcoder
	zipkin     zipkin.Transcoder
	clients    *clients
}

// read deals with the datagrams that are there, and returns their number.
func (r *reader) read() (n int, err error) {
	n, err = r.socket.read()
	for i := range n {
		datagram, peer := r.socket.datagram(i)
		r.packets.Add(1)
		r.bytes.Add(uint64(len(datagram)))
		r.packet(datagram, r.lanes(Origin{Listener: r.listener, Peer: peer}))
	}
	return n, err
}

// packet transcodes a datagram and hands what comes of it to a lane.
func (r *reader) packet(datagram []byte, lane Lane) {
	if len(datagram) == maxDatagram {
		lane.Refuse(ledger.RequestTooBig)
		return
	}
	res, err := r.transcoder.Packet(datagram)
	switch {
	case errors.Is(err, jaegerthrift.ErrZipkin):
		r.zipkinPacket(datagram, lane)
		return
	case err != nil:
		lane.Refuse(ledger.Malformed)
		return
	}
	enterDatagram(lane, res.Frames, ledger.LeftOut{Invalid: res.Invalid, TooBig: res.TooBig})
	r.client(&res, lane)
}

// zipkinPacket is packet for the other message that clients of the Jaeger Agent
// send, on any of its ports.
func (r *reader) zipkinPacket(datagram []byte, lane Lane) {
	res, err := r.zipkin.Datagram(datagram, nil)
	if err != nil {
		lane.Refuse(ledger.Malformed)
		return
	}
	enterDatagram(lane, res.Frames, ledger.LeftOut{Invalid: res.Invalid, TooBig: res.TooBig})
}

func enterDatagram(lane Lane, frames []otlp.Frame, left ledger.LeftOut) {
	for _, f := range frames {
		lane.Datagram(f.Bytes, f.Spans, left)
		left = ledger.LeftOut{}
	}
	if left != (ledger.LeftOut{}) {
		lane.LeftOut(left)
	}
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
