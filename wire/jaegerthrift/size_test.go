package jaegerthrift

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// maxDatagram is the largest payload of UDP over IPv4, in bytes (RFC 768: a
// length of 16 bits, less 8 of its header and 20 of IP's).
const maxDatagram = 65_507

// fill adds to a batch until its packet is larger than a datagram, and returns
// the packet before.
func fill(e thrift.Encoding, b *Batch, add func(i int)) (packet []byte) {
	for i := 0; ; i++ {
		add(i)
		p := AppendEmitBatch(nil, e, thrift.Oneway, 0, b)
		if len(p) > maxDatagram {
			return packet
		}
		packet = p
	}
}

// largest are the packets that fill a datagram with what becomes much larger
// in OTLP, each with what it adds one by one.
var largest = map[string]func(s *Span) (add func(i int)){
	"links": func(s *Span) func(int) {
		return func(i int) {
			for range 100 {
				s.References = append(s.References, SpanRef{FollowsFrom, 1, 0, 1})
			}
		}
	},
	"unknown types": func(s *Span) func(int) {
		return func(i int) {
			var fields []Tag
			for k := range 128 {
				fields = append(fields, Tag{Key: string(rune(k)), Type: 9})
			}
			s.Logs = append(s.Logs, Log{Fields: fields})
		}
	},
	"text that is not UTF-8": func(s *Span) func(int) {
		return func(i int) {
			s.Tags = append(s.Tags, Tag{Key: fmt.Sprint(i), Str: strings.Repeat("\xffa", 500)})
		}
	},
	"empty logs": func(s *Span) func(int) {
		return func(i int) { s.Logs = append(s.Logs, make([]Log, 100)...) }
	},
	"tags": func(s *Span) func(int) {
		return func(i int) {
			for k := range 100 {
				s.Tags = append(s.Tags, double(fmt.Sprint(i*100+k), 1))
			}
		}
	},
	"tags of one key": func(s *Span) func(int) {
		return func(i int) { s.Tags = append(s.Tags, make([]Tag, 100)...) }
	},
}

// A datagram makes one frame, whatever is in it: nothing grows to eight times
// its size. What comes nearest is a link.
func TestDatagramsMakeOneFrame(t *testing.T) {
	var tr Transcoder
	for name, start := range largest {
		for _, e := range []thrift.Encoding{thrift.Compact, thrift.Binary} {
			b := plain()
			p := fill(e, b, start(&b.Spans[0]))
			res, err := tr.Packet(p)
			if err != nil {
				t.Fatal(name, err)
			}
			verify(t, res)
			if len(res.Frames) != 1 || res.Spans != 1 || res.TooBig != 0 {
				t.Errorf("%s, %v: %d frames, %d spans, %d too big", name, e, len(res.Frames), res.Spans, res.TooBig)
			}
			size := len(res.Frames[0].Bytes)
			t.Logf("%s, %v: %d bytes become %d, %.2f times as many", name, e, len(p), size, float64(size)/float64(len(p)))
		}
	}
	for _, e := range encodings {
		b := plain()
		b.Spans = nil
		p := fill(e, b, func(int) {
			for range 100 {
				b.Spans = append(b.Spans, Span{TraceIDLow: 1, SpanID: 1})
			}
		})
		if _, res := transcode(t, p); res.Spans != len(b.Spans)-100 || len(res.Frames) != 1 {
			t.Errorf("%v: %d of %d spans", e, res.Spans, len(b.Spans)-100)
		}
	}
}

// Larger packets, which come by other ways than UDP, make as many frames as
// they need, and lose nothing but what fits into none.
func TestManyFrames(t *testing.T) {
	big := func(n int) []Tag { return []Tag{str("big", strings.Repeat("x", n))} }
	b := plain()
	b.Process.Tags = []Tag{str("resource", strings.Repeat("r", 1000))}
	b.Spans = nil
	wantBig := 0
	for i := range 40 {
		s := Span{TraceIDLow: 1, SpanID: uint64(i) + 1, OperationName: fmt.Sprint(i), Tags: big(50_000 + 1000*i)}
		if i%3 == 0 {
			s.Tags = append(s.Tags, str("otel.scope.name", fmt.Sprint("scope ", i%2)))
		}
		if i%10 == 5 {
			s.Tags = big(otlp.MaxFrame - 1100)
			wantBig++
		}
		b.Spans = append(b.Spans, s)
	}
	for _, e := range encodings {
		for _, p := range [][]byte{AppendEmitBatch(nil, e, thrift.Call, 1, b), shuffled(e, 5, b)} {
			var tr Transcoder
			res, err := tr.Packet(p)
			if err != nil {
				t.Fatal(err)
			}
			verify(t, res)
			if len(res.Frames) < 4 || res.TooBig != wantBig || res.Spans != len(b.Spans)-wantBig {
				t.Errorf("%v: %d frames, %d spans, %d too big", e, len(res.Frames), res.Spans, res.TooBig)
			}
			i := 0
			for _, f := range res.Frames {
				for s := range otlp.Spans(f.Bytes) {
					if i%10 == 5 {
						i++
					}
					scope := ""
					if i%3 == 0 {
						scope = fmt.Sprint("scope ", i%2)
					}
					r, _ := s.Resource.Get("resource")
					v, _ := s.Attributes.Get("big")
					if string(s.Name) != fmt.Sprint(i) || len(r.Bytes) != 1000 || len(v.Bytes) != 50_000+1000*i || string(s.ScopeName) != scope {
						t.Errorf("%v: span %d: name %s, scope %s, resource of %d bytes", e, i, s.Name, s.ScopeName, len(r.Bytes))
					}
					i++
				}
			}
		}
	}
}

// The limit is exact to a few bytes: the lengths that a larger frame needs.
func TestLargestSpan(t *testing.T) {
	var tr Transcoder
	fits := func(n int) bool {
		b := plain()
		b.Spans[0].OperationName = strings.Repeat("x", n)
		res, err := tr.Packet(AppendEmitBatch(nil, thrift.Compact, thrift.Call, 1, b))
		if err != nil {
			t.Fatal(err)
		}
		verify(t, res)
		if res.Spans+res.TooBig != 1 {
			t.Fatalf("%d spans, %d too big", res.Spans, res.TooBig)
		}
		return res.Spans == 1
	}
	n := otlp.MaxFrame
	for !fits(n) {
		n--
	}
	if n < otlp.MaxFrame-110 {
		t.Errorf("the longest name has %d bytes, %d less than a frame", n, otlp.MaxFrame-n)
	}
}

// A process that leaves little room for spans costs them, and nothing else.
// Were it put into each of the frames that such a packet makes, hundreds of
// kilobytes with each span, a few megabytes would become gigabytes.
func TestHugeProcess(t *testing.T) {
	for size, fits := range map[int]bool{otlp.MaxFrame: false, otlp.MaxFrame/2 + 1: false, otlp.MaxFrame/2 - 100: true} {
		b := plain()
		b.Process.Tags = []Tag{str("k", strings.Repeat("x", size))}
		b.Spans = slices.Repeat(b.Spans, 20_000)
		var tr Transcoder
		res, err := tr.Packet(AppendEmitBatch(nil, thrift.Compact, thrift.Call, 1, b))
		if err != nil {
			t.Fatal(err)
		}
		verify(t, res)
		spans, tooBig, frames := len(b.Spans), 0, 4
		if !fits {
			spans, tooBig, frames = 0, spans, 0
		}
		if res.Spans != spans || res.TooBig != tooBig || len(res.Frames) != frames {
			t.Errorf("process of %d bytes: %d frames, %d spans, %d too big", size, len(res.Frames), res.Spans, res.TooBig)
		}
	}
}

// Memory that an extraordinary packet needed is given back at the next one.
func TestMemoryShrinks(t *testing.T) {
	var tr Transcoder
	ordinary := AppendEmitBatch(nil, thrift.Compact, thrift.Call, 1, rich())
	for name, start := range largest {
		b := plain()
		p := fill(thrift.Compact, b, start(&b.Spans[0]))
		if _, err := tr.Packet(p); err != nil {
			t.Fatal(name, err)
		}
	}
	b := plain()
	b.Process.Tags = []Tag{str("k", strings.Repeat("x", otlp.MaxFrame)), str("jaeger.version", strings.Repeat("x", otlp.MaxFrame))}
	for range 5000 {
		b.Spans = append(b.Spans, Span{TraceIDLow: 1, SpanID: 1, Tags: []Tag{str("otel.scope.name", "x")}})
	}
	b.Spans[1].OperationName = strings.Repeat("x", otlp.MaxFrame/2)
	for _, p := range [][]byte{AppendEmitBatch(nil, thrift.Compact, thrift.Call, 1, b), ordinary} {
		if _, err := tr.Packet(p); err != nil {
			t.Fatal(err)
		}
	}
	kept := tr.w.Kept()
	if kept > 256<<10 {
		t.Errorf("%d bytes are kept", kept)
	}
}

func TestNoAllocations(t *testing.T) {
	for _, e := range encodings {
		batches := map[string]*Batch{"of the benchmark": benchBatch(), "rich": rich(), "plain": plain(), "not UTF-8": plain(), "long": plain()}
		batches["not UTF-8"].Spans[0].Tags = []Tag{str("k", "\xff\xfe"), str("otel.scope.name", "\xff")}
		for i := range 500 {
			batches["long"].Spans[0].Tags = append(batches["long"].Spans[0].Tags, long(fmt.Sprint(i%400), 1))
		}
		for name, b := range batches {
			var tr Transcoder
			p := AppendEmitBatch(nil, e, thrift.Oneway, 1, b)
			if n := testing.AllocsPerRun(100, func() {
				if _, err := tr.Packet(p); err != nil {
					t.Fatal(err)
				}
			}); n > 0 {
				t.Errorf("%v, %s: %v allocations", e, name, n)
			}
		}
	}
}

// The datagram is read only, and what came of the packet before says nothing
// about the next one.
func TestTranscoderIsUsedAgain(t *testing.T) {
	var packets [][]byte
	tagged := plain()
	tagged.Spans[0].Tags = []Tag{boolean("error", false), long("http.status_code", 200)}
	for _, e := range encodings {
		packets = append(packets, AppendEmitBatch(nil, e, thrift.Call, 1, tagged), AppendEmitBatch(nil, e, thrift.Call, 1, plain()))
		for seed := range uint64(5) {
			packets = append(packets, shuffled(e, seed, rich()), AppendEmitBatch(nil, e, thrift.Call, 1, plain()),
				AppendEmitBatch(nil, e, thrift.Call, 1, benchBatch())[:900])
		}
	}
	var used Transcoder
	for i, p := range packets {
		var fresh Transcoder
		before := bytes.Clone(p)
		want, err1 := fresh.Packet(p)
		got, err2 := used.Packet(p)
		if (err1 == nil) != (err2 == nil) || fmt.Sprintf("%+v", want) != fmt.Sprintf("%+v", got) {
			t.Errorf("packet %d:\n got %+v, %v\nwant %+v, %v", i, got, err2, want, err1)
		}
		if !bytes.Equal(p, before) {
			t.Errorf("packet %d was changed", i)
		}
	}
}

// Ten thousand keys, all alike in length, start and end, must not take a time
// that grows with their square: here that would be seconds.
func BenchmarkManyTags(b *testing.B) {
	for _, n := range []int{10, 60, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			batch := plain()
			for i := range n {
				batch.Spans[0].Tags = append(batch.Spans[0].Tags, boolean(fmt.Sprintf("same-key%06dsame-key", i), true))
			}
			p := AppendEmitBatch(nil, thrift.Compact, thrift.Call, 1, batch)
			var t Transcoder
			for b.Loop() {
				if _, err := t.Packet(p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/tag")
		})
	}
}
