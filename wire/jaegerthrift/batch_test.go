package jaegerthrift

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// bare is a batch as it is sent over HTTP: the packet without its message, whose
// argument it is.
func bare(b *Batch) []byte {
	p := AppendEmitBatch(nil, thrift.Binary, thrift.Call, 1, b)
	head := len("\x80\x01\x00\x01\x00\x00\x00\x09emitBatch\x00\x00\x00\x01\x0c\x00\x01")
	return p[head : len(p)-1]
}

// A batch by itself means what it means in a packet.
func TestBatchByItself(t *testing.T) {
	for name, b := range map[string]*Batch{"golden": goldenBatch(), "rich": rich()} {
		want, _ := transcodeAll(t, b)
		var tr Transcoder
		for _, more := range []string{"", "and more"} {
			res, err := tr.Batch(append(bare(b), more...), nil)
			if err != nil {
				t.Fatal(name, err)
			}
			if len(res.Frames) != 1 || !bytes.Equal(res.Frames[0].Bytes, want) {
				t.Errorf("%s: %d frames", name, len(res.Frames))
			}
		}
	}
	var tr Transcoder
	for _, p := range [][]byte{nil, {0}, bare(goldenBatch())[:100], AppendEmitBatch(nil, thrift.Binary, thrift.Call, 1, goldenBatch())} {
		if _, err := tr.Batch(p, nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("%x: %v", p, err)
		}
	}
}

// large is a batch of 4 MB, more or less.
func large() *Batch {
	b := plain()
	b.Process.Tags = []Tag{str("resource", strings.Repeat("r", 1000))}
	b.Spans = nil
	for i := range 4000 {
		b.Spans = append(b.Spans, Span{TraceIDLow: 1, SpanID: uint64(i) + 1, OperationName: strings.Repeat("n", 900)})
	}
	return b
}

// What is put frame by frame is what there is without.
func TestFramesArePut(t *testing.T) {
	p := bare(large())
	var all, one Transcoder
	want, err := all.Batch(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	got, err := one.Batch(p, func(frame []byte, spans int) error {
		if f := want.Frames[i]; !bytes.Equal(frame, f.Bytes) || spans != f.Spans {
			t.Errorf("frame %d", i)
		}
		i++
		return nil
	})
	if err != nil || got.Spans != want.Spans || len(got.Frames) != 0 || i != len(want.Frames) || i < 7 {
		t.Errorf("%d frames, %d spans: %v", i, got.Spans, err)
	}
	if kept := one.w.Kept(); kept > 2*otlp.MaxFrame {
		t.Errorf("%d bytes are kept", kept)
	}
}

// When a frame is not taken, no other is put, and the error is that of put,
// whatever there is in the rest.
func TestPutFails(t *testing.T) {
	p := bare(large())
	clear(p[3_000_000:])
	var tr Transcoder
	wrong, puts := errors.New("full"), 0
	_, err := tr.Batch(p, func([]byte, int) error { puts++; return wrong })
	if !errors.Is(err, wrong) || puts != 1 {
		t.Errorf("%d frames put: %v", puts, err)
	}
	_, err = tr.Batch(p, func(frame []byte, spans int) error {
		if n, err := otlp.Check(frame); err != nil || n != spans {
			t.Errorf("a frame before the damage, of %d spans, has %d: %v", spans, n, err)
		}
		return nil
	})
	if !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

// What a batch of 4 MiB takes while it is transcoded is bounded, whatever it is
// made of.
func TestMemoryOfOneBatch(t *testing.T) {
	const size = 4 << 20
	for name, grow := range map[string]func(b *Batch, n int){
		"tags":       func(b *Batch, n int) { b.Spans[0].Tags = make([]Tag, n/15) },
		"names":      func(b *Batch, n int) { b.Spans[0].OperationName = strings.Repeat("\xffa", n/2) },
		"a tag":      func(b *Batch, n int) { b.Spans[0].Tags = []Tag{str("k", strings.Repeat("\xffa", n/2))} },
		"a state":    func(b *Batch, n int) { b.Spans[0].Tags = []Tag{str("w3c.tracestate", strings.Repeat("\xffa", n/2))} },
		"logs":       func(b *Batch, n int) { b.Spans[0].Logs = make([]Log, n/20) },
		"references": func(b *Batch, n int) { b.Spans[0].References = make([]SpanRef, n/48) },
		"process":    func(b *Batch, n int) { b.Process.Tags = make([]Tag, n/15) },
		"version":    func(b *Batch, n int) { b.Process.Tags = []Tag{str("jaeger.version", strings.Repeat("\xffa", n/2))} },
		"service":    func(b *Batch, n int) { b.Process.ServiceName = strings.Repeat("\xffa", n/2) },
		"keys": func(b *Batch, n int) {
			for i := range n / 25 {
				b.Spans[0].Tags = append(b.Spans[0].Tags, str(fmt.Sprint(i), ""))
			}
		},
	} {
		b := plain()
		grow(b, size)
		b.Spans = append(b.Spans, plain().Spans[0])
		p := bare(b)
		var tr Transcoder
		spans := 0
		res, err := tr.Batch(p, func(frame []byte, n int) error {
			spans += n
			return nil
		})
		if err != nil {
			t.Fatal(name, err)
		}
		if res.Spans != spans || res.Spans+res.TooBig != 2 || res.TooBig == 0 {
			t.Errorf("%s: %+v, %d spans put", name, res.Result, spans)
		}
		t.Logf("%s: %d bytes of input, %d kept", name, len(p), tr.w.Kept())
		if kept := tr.w.Kept(); kept > 5*otlp.MaxFrame {
			t.Errorf("%s: %d bytes are kept", name, kept)
		}
	}
}
