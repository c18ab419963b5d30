package sender

import (
	"fmt"
	"net"

	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// Datagrams sends Jaeger Thrift over UDP. One goroutine uses it.
type Datagrams struct {
	// Sent are the spans that were sent; Packets is in how many datagrams.
	Sent    account.Range
	Packets uint64

	conn  net.Conn
	batch jaegerthrift.Batch
	bytes []byte
}

// NewDatagrams returns a sender with a number of its own, and so many spans a packet.
func NewDatagrams(number uint64, address string, spans int) (*Datagrams, error) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	d := &Datagrams{conn: conn, Sent: account.Range{From: account.First(number), To: account.First(number)}}
	d.batch.Process = jaegerthrift.Process{ServiceName: "legacy", Tags: []jaegerthrift.Tag{{Key: "hostname", Str: "web-1"}}}
	for range spans {
		d.batch.Spans = append(d.batch.Spans, jaegerthrift.Span{
			TraceIDHigh: 1, OperationName: "GET /orders/{id}", StartTime: 1e15, Duration: 1000,
			Tags: []jaegerthrift.Tag{{Key: "http.url", Str: padding}},
		})
	}
	return d, nil
}

// Send sends one packet.
func (d *Datagrams) Send() error {
	for i := range d.batch.Spans {
		s := &d.batch.Spans[i]
		s.SpanID = d.Sent.To
		s.TraceIDLow = 1 + s.SpanID/5
		d.Sent.To++
	}
	d.bytes = jaegerthrift.AppendEmitBatch(d.bytes[:0], thrift.Compact, thrift.Oneway, 1, &d.batch)
	if _, err := d.conn.Write(d.bytes); err != nil {
		return fmt.Errorf("sender: packet %d: %w", d.Packets, err)
	}
	d.Packets++
	return nil
}

// Close closes its socket.
func (d *Datagrams) Close() { d.conn.Close() }
