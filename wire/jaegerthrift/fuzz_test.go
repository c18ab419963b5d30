package jaegerthrift

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/wayside-tracing/wayside/wire/thrift"
)

// FuzzTranscode takes anything for a packet. It is refused, or its frames can
// be passed on, whatever came before it.
func FuzzTranscode(f *testing.F) {
	for _, e := range encodings {
		for _, b := range []*Batch{goldenBatch(), rich()} {
			f.Add(AppendEmitBatch(nil, e, thrift.Oneway, 1, b))
			f.Add(shuffled(e, 1, b))
		}
	}
	var used Transcoder
	f.Fuzz(func(t *testing.T, p []byte) {
		before := bytes.Clone(p)
		got, err := used.Packet(p)
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrZipkin) {
			t.Fatal(err)
		}
		verify(t, got)
		var fresh Transcoder
		want, err2 := fresh.Packet(p)
		if (err == nil) != (err2 == nil) || len(got.Frames) != len(want.Frames) {
			t.Fatalf("used: %+v, %v; fresh: %+v, %v", got, err, want, err2)
		}
		for i := range got.Frames {
			if !bytes.Equal(got.Frames[i].Bytes, want.Frames[i].Bytes) {
				t.Fatalf("used: %x\nfresh: %x", got.Frames[i].Bytes, want.Frames[i].Bytes)
			}
		}
		if !bytes.Equal(p, before) {
			t.Fatal("the packet was changed")
		}
	})
}

// FuzzEncodings makes a batch of its input. In whatever encoding and order of
// fields it is sent, the same must come of it.
func FuzzEncodings(f *testing.F) {
	f.Add([]byte("\x02\x05abc\x01error\x02\x01"), uint64(1))
	f.Add([]byte("\x01\x03\x01\x02\x09\x04otel.scope.name\x00\x03lib\xff\xfe"), uint64(2))
	f.Add(bytes.Repeat([]byte("\x07\x01k\x00\x02v\xff\x01\x03\x04"), 20), uint64(3))
	f.Fuzz(func(t *testing.T, p []byte, seed uint64) {
		d := dice(p)
		b := d.batch()
		if len(AppendEmitBatch(nil, thrift.Binary, thrift.Call, 0, b)) > maxDatagram {
			return
		}
		frame, res := transcodeAll(t, b)
		if res.Spans+res.Invalid != len(b.Spans) {
			t.Fatalf("%d spans and %d invalid ones of %d", res.Spans, res.Invalid, len(b.Spans))
		}
		for _, e := range encodings {
			if other, _ := transcode(t, shuffled(e, seed, b)); show(other) != show(frame) {
				t.Fatalf("shuffled %v:\n got %s\nwant %s", e, show(other), show(frame))
			}
		}
	})
}

// dice are bytes that decide how something is made; after the last, zeros.
type dice []byte

func (d *dice) roll() byte {
	if len(*d) == 0 {
		return 0
	}
	b := (*d)[0]
	*d = (*d)[1:]
	return b
}

func (d *dice) number() uint64 {
	switch b := d.roll(); {
	case b < 64:
		return uint64(b)
	case b == 64:
		return math.MaxInt64
	case b == 65:
		return 1 << 63
	case b == 66:
		var p [8]byte
		*d = (*d)[copy(p[:], *d):]
		return binary.LittleEndian.Uint64(p[:])
	case b < 128:
		return -uint64(b)
	default:
		return uint64(b) << (b & 63)
	}
}

func (d *dice) text() string {
	words := [...]string{
		"span.kind", "server", "client", "error", "true", "otel.status_code", "ERROR", "otel.status_description",
		"http.status_code", "404", "http.status_message", "w3c.tracestate", "otel.scope.name", "otel.scope.version", "event",
		"hostname", "host.name", "jaeger.version", "opencensus.exporterversion", "service.name", "client-uuid", "k",
	}
	b := int(d.roll())
	if b < len(words) {
		return words[b]
	}
	n := min(b-len(words), len(*d))
	s := string((*d)[:n])
	*d = (*d)[n:]
	return s
}

func (d *dice) tags() (tags []Tag) {
	for range d.roll() % 16 {
		g := Tag{Key: d.text(), Type: TagType(d.roll() % 5)}
		switch g.Type {
		case TagString:
			g.Str = d.text()
		case TagBool:
			g.Bool = d.roll()%2 == 0
		case TagLong:
			g.Long = int64(d.number())
		case TagDouble:
			g.Double = float64(d.number()) / 8
		case TagBinary:
			g.Binary = []byte(d.text())
		}
		tags = append(tags, g)
	}
	return tags
}

func (d *dice) batch() *Batch {
	b := &Batch{Process: Process{ServiceName: d.text(), Tags: d.tags()}}
	for range d.roll() % 8 {
		s := Span{
			TraceIDLow: d.number(), TraceIDHigh: d.number(), SpanID: d.number(), ParentSpanID: d.number(),
			OperationName: d.text(), Flags: int32(d.number()), StartTime: int64(d.number()), Duration: int64(d.number()),
			Tags: d.tags(),
		}
		for range d.roll() % 4 {
			s.Logs = append(s.Logs, Log{Timestamp: int64(d.number()), Fields: d.tags()})
		}
		for range d.roll() % 4 {
			s.References = append(s.References, SpanRef{RefType(d.roll() % 3), d.number(), d.number(), d.number()})
		}
		b.Spans = append(b.Spans, s)
	}
	if d.roll()%2 == 0 {
		b.SeqNo = new(int64(d.number()))
	}
	if d.roll()%2 == 0 {
		b.Stats = &ClientStats{int64(d.number()), int64(d.number()), int64(d.number())}
	}
	return b
}
