package loadgen

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

func options(to string) Options {
	return Options{To: to, Encoding: thrift.Compact, Rate: 2000, Duration: 500 * time.Millisecond, Services: int(shop.Services), Seed: 1}
}

func quietly(Report) {}

// What is sent is what the report says, in packets that an agent can read,
// numbered by each process.
func TestSend(t *testing.T) {
	for _, encoding := range []thrift.Encoding{thrift.Compact, thrift.Binary} {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.(*net.UDPConn).SetReadBuffer(4 << 20)
		o := options(conn.LocalAddr().String())
		o.Encoding = encoding
		g, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		r := g.Run(t.Context(), quietly)
		// On a busy machine they are fewer: what is far behind is given up.
		if most := o.Rate*r.Elapsed.Seconds()*1.1 + 50; float64(r.Spans) > most || r.Spans == 0 {
			t.Errorf("%v: %d spans in %v, want %.0f at most", encoding, r.Spans, r.Elapsed, most)
		}
		var tr jaegerthrift.Transcoder
		var got Report
		seqNo := map[string]int64{}
		buf := make([]byte, 65_536)
		for got.Packets < r.Packets {
			conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			if n > maxPacket || thrift.Sniff(buf[0]) != encoding {
				t.Errorf("%d bytes, %v", n, thrift.Sniff(buf[0]))
			}
			res, err := tr.Packet(buf[:n])
			if err != nil {
				t.Fatal(err)
			}
			got.Packets++
			got.Bytes += uint64(n)
			for _, f := range res.Frames {
				got.Spans += uint64(f.Spans)
			}
			id := string(res.ClientUUID)
			if res.SeqNo != seqNo[id]+1 || !res.HasStats || id == "" {
				t.Errorf("client %q: number %d after %d, stats %v", id, res.SeqNo, seqNo[id], res.HasStats)
			}
			seqNo[id] = res.SeqNo
		}
		if got.Spans != r.Spans || got.Bytes != r.Bytes || r.Traces == 0 || r.Refused+r.Failed != 0 || r.Error != "" {
			t.Errorf("%v: sent %+v, got %+v", encoding, r, got)
		}
		if len(seqNo) != o.Services {
			t.Errorf("%d clients, want %d", len(seqNo), o.Services)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := options(conn.LocalAddr().String())
	conn.Close()
	o.Duration = 1200 * time.Millisecond
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var before Report
	r := g.Run(t.Context(), func(r Report) { before = r })
	if r.Spans != 0 || r.Packets != 0 || r.Bytes != 0 || r.Failed != 0 || r.Refused < 1000 || !strings.Contains(r.Error, "refused") {
		t.Errorf("%+v", r)
	}
	if before.Refused == 0 {
		t.Errorf("after a second nothing was said: %+v", before)
	}
}

// A refusal that comes with the next packet is of the one before.
func TestAgentComesLate(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := conn.LocalAddr().String()
	conn.Close()
	p, err := newProcess(options(to), shop.Cart, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer p.conn.Close()
	send := func(spans int) {
		p.packet = make([]byte, 100*spans)
		p.send(spans)
		time.Sleep(20 * time.Millisecond) // for the refusal to arrive
	}
	send(1)
	send(2)
	if conn, err = net.ListenPacket("udp", to); err != nil {
		t.Skip("the port was taken meanwhile:", err)
	}
	defer conn.Close()
	send(4)
	send(8)
	p.check()
	if p.refused != 3 || p.spans != 12 || p.packets != 2 || p.bytes != 1200 || p.failed != 0 || p.stats.FailedToEmitSpans != 3 {
		t.Errorf("%+v", p)
	}
}

// The size that a span is taken for is never less than its size.
func TestSpanSize(t *testing.T) {
	s := shop.New(2, int(shop.Services))
	empty := jaegerthrift.Batch{}
	for range 500 {
		for _, sp := range s.Trace(time.Now()) {
			b := jaegerthrift.Batch{Spans: []jaegerthrift.Span{sp.Span}}
			for _, e := range []thrift.Encoding{thrift.Compact, thrift.Binary} {
				n := len(jaegerthrift.AppendEmitBatch(nil, e, thrift.Call, 1, &b)) - len(jaegerthrift.AppendEmitBatch(nil, e, thrift.Call, 1, &empty))
				if n > spanSize(&sp.Span) {
					t.Fatalf("%v: %d bytes, taken for %d: %+v", e, n, spanSize(&sp.Span), sp)
				}
			}
		}
	}
}

func TestWrongAddress(t *testing.T) {
	if _, err := New(options("no port")); err == nil {
		t.Error("no error")
	}
}

func TestStops(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	o := options(conn.LocalAddr().String())
	o.Duration = 0
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.Run(ctx, quietly); r.Spans == 0 {
		t.Errorf("%+v", r)
	}
}
