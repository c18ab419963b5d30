package accept

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// fakeLane keeps all that it is given.
type fakeLane struct {
	t       *testing.T
	mu      sync.Mutex
	frames  int
	account ledger.Account // Accepted counts spans in frames alone
	err     error          // of every answer
	waits   bool
	put     int // how many frames of a request are taken before err; all if it is nil
}

func (l *fakeLane) Waits() bool { return l.waits }

func (l *fakeLane) Answered(frame []byte, spans int) error {
	if n, err := otlp.Check(frame); err != nil || n != spans || len(frame) > otlp.MaxFrame {
		l.t.Errorf("a frame of %d spans and %d bytes has %d: %v", spans, len(frame), n, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.refused()
	}
	l.frames++
	l.account.Accepted += uint64(spans)
	return nil
}

func (l *fakeLane) AnsweredAll(_ int, cut func(put func([]byte, int) error) error) error {
	frames, sum := 0, 0
	err := cut(func(frame []byte, spans int) error {
		if n, err := otlp.Check(frame); err != nil || n != spans || len(frame) > otlp.MaxFrame {
			l.t.Errorf("a frame of %d spans and %d bytes has %d: %v", spans, len(frame), n, err)
		}
		if l.err != nil && frames == l.put {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.refused()
		}
		frames++
		sum += spans
		return nil
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frames += frames
	l.account.Accepted += uint64(sum)
	return nil
}

func (l *fakeLane) refused() error {
	if r, ok := errors.AsType[ledger.Refused](l.err); ok {
		l.account.Refused[r.Reason]++
	}
	return l.err
}

func (l *fakeLane) copy() ledger.Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.account
}

func (l *fakeLane) Datagram(frame []byte, spans int, left ledger.LeftOut) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, err := otlp.Check(frame); err != nil || n != spans {
		l.t.Errorf("a frame of %d spans has %d: %v", spans, n, err)
	}
	if len(frame) > 0 {
		l.frames++
	}
	l.account.Accepted += uint64(spans)
	l.account.Dropped[ledger.Invalid] += uint64(left.Invalid)
	l.account.Dropped[ledger.TooBig] += uint64(left.TooBig)
}

func (l *fakeLane) LeftOut(left ledger.LeftOut) { l.Datagram(nil, 0, left) }

func (l *fakeLane) Refuse(reason ledger.RefuseReason) {
	l.mu.Lock()
	l.account.Refused[reason]++
	l.mu.Unlock()
}

func (l *fakeLane) Report(r ledger.ClientReported) {
	l.mu.Lock()
	l.account.ClientReported.Gaps += r.Gaps
	l.account.ClientReported.FullQueue += r.FullQueue
	l.mu.Unlock()
}

func (l *fakeLane) KernelDropped(packets uint64) {
	l.mu.Lock()
	l.account.KernelDrops += packets
	l.mu.Unlock()
}

// packet is an emitBatch of so many spans, number seqNo of its client.
func packet(e thrift.Encoding, spans int, seqNo int64) []byte {
	b := &jaegerthrift.Batch{
		SeqNo: &seqNo,
		Process: jaegerthrift.Process{ServiceName: "shop", Tags: []jaegerthrift.Tag{
			{Key: "client-uuid", Type: jaegerthrift.TagString, Str: "c1"},
		}},
	}
	for i := range spans {
		b.Spans = append(b.Spans, jaegerthrift.Span{TraceIDLow: 7, SpanID: uint64(i + 1), OperationName: "op", StartTime: 1e15, Duration: 5})
	}
	return jaegerthrift.AppendEmitBatch(nil, e, thrift.Oneway, 1, b)
}

// start runs a listener on a free port and returns a connection to it. stop
// ends it, and returns when it has ended.
func start(t *testing.T, lane Lane) (u *UDP, conn net.Conn, stop func()) {
	t.Helper()
	lanes := func(o Origin) Lane {
		if o.Listener == "" || o.Peer != (netip.AddrPort{}) && !o.Peer.Addr().IsLoopback() {
			t.Errorf("origin %+v", o)
		}
		return lane
	}
	u, err := ListenUDP("127.0.0.1:0", "compact", 1<<20, lanes, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	if conn, err = net.Dial("udp", u.Address()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return u, conn, stop
}

func send(t *testing.T, conn net.Conn, p []byte) {
	t.Helper()
	if _, err := conn.Write(p); err != nil {
		t.Fatal(err)
	}
}

func TestEveryEncodingOnEveryPort(t *testing.T) {
	lane := &fakeLane{t: t}
	_, conn, stop := start(t, lane)
	for i, e := range []thrift.Encoding{thrift.Compact, thrift.Binary, thrift.BinaryOld} {
		send(t, conn, packet(e, 3, int64(i+1)))
	}
	stop()
	if lane.account.Accepted != 9 || lane.frames != 3 {
		t.Errorf("%+v", lane.account)
	}
}

// Each of these ended the Jaeger Agent or the OpenTelemetry Collector, or may
// well have. The good packet behind each must come through.
func TestBadDatagramsAreCountedAndTheNextGoodOneIsTaken(t *testing.T) {
	zipkin := []byte("\x82\x21\x01\x0femitZipkinBatch\x00")
	good := packet(thrift.Compact, 2, 1)
	for name, c := range map[string]struct {
		datagram []byte
		want     ledger.RefuseReason
	}{
		"no batch in emitBatch":      {unhex(t, "82210109656d6974426174636800"), ledger.Malformed},
		"no list in emitZipkinBatch": {zipkin, ledger.Malformed},
		"empty":                      {nil, ledger.Malformed},
		"one byte":                   {[]byte{0x82}, ledger.Malformed},
		"text":                       {[]byte("GET / HTTP/1.1\r\n\r\n"), ledger.Malformed},
		"zeros, as large as can be":  {make([]byte, 65_507), ledger.Malformed},
		"0x82s":                      {bytes.Repeat([]byte{0x82}, 65_507), ledger.Malformed},
		"cut off":                    {good[:len(good)-4], ledger.Malformed},
		"a list of 2^31-1 spans":     {unhex(t, "82210109656d697442617463681c1c1801730019fcffffffff07"), ledger.Malformed},
	} {
		lane := &fakeLane{t: t}
		_, conn, stop := start(t, lane)
		send(t, conn, c.datagram)
		send(t, conn, good)
		stop()
		var want ledger.Refusals
		want[c.want] = 1
		if lane.account.Refused != want || lane.account.Accepted != 2 {
			t.Errorf("%s: %+v", name, lane.account)
		}
	}
}

func TestLargestDatagram(t *testing.T) {
	lane := &fakeLane{t: t}
	_, conn, stop := start(t, lane)
	b := &jaegerthrift.Batch{Process: jaegerthrift.Process{ServiceName: "shop"}}
	b.Spans = []jaegerthrift.Span{{TraceIDLow: 1, SpanID: 1}}
	empty := len(jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 1, b))
	b.Spans[0].OperationName = string(bytes.Repeat([]byte{'x'}, 65_507-empty-2)) // its length takes 3 bytes, not 1
	p := jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 1, b)
	if len(p) != 65_507 {
		t.Fatalf("%d bytes", len(p))
	}
	send(t, conn, p)
	stop()
	if lane.account.Accepted != 1 {
		t.Errorf("%+v", lane.account)
	}
}

func TestWhatTheSocketHoldsIsTakenBeforeTheEnd(t *testing.T) {
	lane := &fakeLane{t: t}
	lanes := func(Origin) Lane { return lane }
	u, err := ListenUDP("127.0.0.1:0", "compact", 1<<20, lanes, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", u.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range int64(50) {
		send(t, conn, packet(thrift.Compact, 1, i+1))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it is told to end before it has begun
	if err := u.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if lane.account.Accepted != 50 {
		t.Errorf("%d spans of 50", lane.account.Accepted)
	}
}

func TestKernelDropsAreCounted(t *testing.T) {
	lane := &fakeLane{t: t}
	lanes := func(Origin) Lane { return lane }
	u, err := ListenUDP("127.0.0.1:0", "compact", 4096, lanes, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.socket.drops(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", u.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const sent = 200
	for range sent {
		send(t, conn, packet(thrift.Compact, 20, 1)) // and nobody reads
	}
	before := u.Status().KernelDrops
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := u.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if before == 0 && dropsAreCounted {
		t.Fatal("the kernel dropped nothing: the test proves nothing")
	}
	if got := uint64(lane.frames) + lane.account.KernelDrops; got != sent && dropsAreCounted {
		t.Errorf("%d read + %d dropped, %d sent", lane.frames, lane.account.KernelDrops, sent)
	}
}

func TestGapsOfAClient(t *testing.T) {
	lane := &fakeLane{t: t}
	_, conn, stop := start(t, lane)
	for _, seqNo := range []int64{1, 2, 5, 6} {
		send(t, conn, packet(thrift.Compact, 1, seqNo))
	}
	stop()
	if lane.account.ClientReported.Gaps != 2 {
		t.Errorf("%+v", lane.account.ClientReported)
	}
}

func TestAddressInUse(t *testing.T) {
	u, _, _ := start(t, &fakeLane{t: t})
	if _, err := ListenUDP(u.Address(), "compact", 0, nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two listeners on one address")
	}
}

// A steady flow must not make garbage.
func BenchmarkPacket(b *testing.B) {
	u, err := ListenUDP("127.0.0.1:0", "compact", 0, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer u.Close()
	r := &reader{UDP: u, clients: newClients()}
	p := packet(thrift.Compact, 20, 1)
	lane := nullLane{}
	b.ReportAllocs()
	for b.Loop() {
		r.packet(p, lane)
	}
}

type nullLane struct{ Lane }

func (nullLane) Datagram([]byte, int, ledger.LeftOut) {}
func (nullLane) Refuse(ledger.RefuseReason)           {}
func (nullLane) Report(ledger.ClientReported)         {}
func (nullLane) KernelDropped(uint64)                 {}
