package loadgen

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

const (
	// maxPacket is in bytes (jaeger-client-go, utils/udp_client.go,
	// UDPPacketMaxLength).
	maxPacket = 65_000
	// refusal is how long the last packet's may take to come.
	refusal = 50 * time.Millisecond
)

// process is one instrumented process: the reporter of a Jaeger client.
type process struct {
	encoding thrift.Encoding
	conn     net.Conn
	batch    jaegerthrift.Batch
	seqNo    int64
	stats    jaegerthrift.ClientStats
	size     int // of the spans in batch, at most, in bytes
	flushed  time.Time
	packet   []byte
	last     struct{ spans, bytes int } // the packet before, of which a refusal may still come

	spans, packets, bytes, refused, failed uint64
	err                                    error
}

func newProcess(o Options, s shop.Service, began time.Time) (*process, error) {
	conn, err := net.Dial("udp", o.To)
	if err != nil {
		return nil, err
	}
	p := &process{encoding: o.Encoding, conn: conn, flushed: began}
	p.batch.Process = jaegerthrift.Process{
		ServiceName: s.String(),
		// The id is new in each process, whatever the seed: an agent that
		// sees it again takes it for the same process.
		Tags: append(s.Tags(), jaegerthrift.Tag{Key: "client-uuid", Str: fmt.Sprintf("%016x", rand.Uint64())}),
	}
	p.batch.SeqNo, p.batch.Stats = &p.seqNo, &p.stats
	return p, nil
}

// add reports a span. Like a client, it sends when the packet is full.
func (p *process) add(s *jaegerthrift.Span, now time.Time) {
	n := spanSize(s)
	if p.size+n > maxPacket-1000 {
		p.flush(now)
	}
	p.batch.Spans = append(p.batch.Spans, *s)
	p.size += n
}

func (p *process) due(now time.Time) {
	if now.Sub(p.flushed) >= flushInterval {
		p.flush(now)
	}
}

func (p *process) finish() {
	p.flush(time.Now())
	time.Sleep(refusal)
}

func (p *process) count(r *Report) {
	p.check()
	r.Spans += p.spans
	r.Packets += p.packets
	r.Bytes += p.bytes
	r.Refused += p.refused
	r.Failed += p.failed
	r.Absent = r.Absent || p.refused > 0
	if r.Error == "" && p.err != nil {
		r.Error = p.err.Error()
	}
}

func (p *process) close() { p.conn.Close() }

// flush sends what waits, if anything does.
func (p *process) flush(now time.Time) {
	p.flushed = now
	if len(p.batch.Spans) == 0 {
		return
	}
	p.seqNo++
	p.packet = jaegerthrift.AppendEmitBatch(p.packet[:0], p.encoding, thrift.Call, int32(p.seqNo), &p.batch)
	p.send(len(p.batch.Spans))
	clear(p.batch.Spans)
	p.batch.Spans = p.batch.Spans[:0]
	p.size = 0
}

// send sends the packet. That nobody listened for the packet before is said
// when the next one is to be sent, which then is not.
func (p *process) send(spans int) {
	_, err := p.conn.Write(p.packet)
	if errors.Is(err, syscall.ECONNREFUSED) {
		p.refuse(err)
		_, err = p.conn.Write(p.packet)
	}
	if err != nil {
		p.fail(err)
		p.failed += uint64(spans)
		p.stats.FailedToEmitSpans += int64(spans)
		p.last.spans, p.last.bytes = 0, 0
		return
	}
	p.packets++
	p.spans += uint64(spans)
	p.bytes += uint64(len(p.packet))
	p.last.spans, p.last.bytes = spans, len(p.packet)
}

// refuse takes back that the packet before was sent.
func (p *process) refuse(err error) {
	p.fail(err)
	if p.last.spans == 0 {
		return
	}
	p.packets--
	p.spans -= uint64(p.last.spans)
	p.bytes -= uint64(p.last.bytes)
	p.refused += uint64(p.last.spans)
	p.stats.FailedToEmitSpans += int64(p.last.spans)
	p.last.spans, p.last.bytes = 0, 0
}

func (p *process) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// check asks the socket whether the packet before was refused.
func (p *process) check() {
	raw, err := p.conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		return
	}
	var code int
	if raw.Control(func(fd uintptr) { code, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR) }) != nil || err != nil {
		return
	}
	if syscall.Errno(code) == syscall.ECONNREFUSED {
		p.refuse(syscall.ECONNREFUSED)
	}
}

// spanSize is the most that a span takes in a packet, in bytes: that of the
// binary encoding, in which a field costs 3, a number up to 8 and a string 4
// more than its content, and a struct ends with 1.
func spanSize(s *jaegerthrift.Span) int {
	n := 110 + len(s.OperationName) + 45*len(s.References)
	for i := range s.Tags {
		n += tagSize(&s.Tags[i])
	}
	for i := range s.Logs {
		n += 25
		for j := range s.Logs[i].Fields {
			n += tagSize(&s.Logs[i].Fields[j])
		}
	}
	return n
}

func tagSize(t *jaegerthrift.Tag) int { return 30 + len(t.Key) + len(t.Str) + len(t.Binary) }
