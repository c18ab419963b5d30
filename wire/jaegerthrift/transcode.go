package jaegerthrift

import (
	"errors"
	"fmt"

	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// Errors of Packet. Nothing of such a packet is kept.
var (
	// ErrMalformed is wrapped by errors that say what is wrong with a packet,
	// and together with it a *thrift.Error that says where.
	ErrMalformed = errors.New("malformed packet")
	// ErrZipkin is what a packet is that holds Zipkin spans: emitZipkinBatch, the
	// other message of agent.thrift, is for package zipkin.
	ErrZipkin = errors.New("emitZipkinBatch is not a batch of Jaeger spans")
)

// Result is what a packet holds. What it points to is valid until the next
// call, and ClientUUID only as long as the packet. There is one frame at most of
// a datagram, which grows to less than eight times its size.
type Result struct {
	jaeger.Result

	// ClientUUID is the process's tag client-uuid. It is nil if there is none,
	// and aliases the packet.
	ClientUUID []byte
	// SeqNo is the batch's number, if HasSeqNo: clients count their batches
	// from 1.
	SeqNo    int64
	HasSeqNo bool
	// Stats is what the client says that it has lost, if HasStats.
	Stats    ClientStats
	HasStats bool
}

// Transcoder turns packets into frames. It has memory that it uses again for
// the next packet, a MiB at most, and may be used by one goroutine at a time. The
// zero value is ready.
type Transcoder struct {
	r       thrift.Reader
	w       jaeger.Writer
	compact bool
	result  Result
}

// Packet transcodes a datagram that a Jaeger client sent to its agent, in any
// of the encodings. The datagram is not kept and not changed.
func (t *Transcoder) Packet(datagram []byte) (Result, error) {
	t.r.Reset(datagram)
	t.begin(len(datagram), nil)
	r := &t.r
	name, kind, _ := r.Message()
	switch {
	case r.OK() && string(name) == emitZipkinBatch:
		return Result{}, ErrZipkin
	case r.OK() && string(name) != emitBatch:
		r.Fail("an unknown method")
	case kind != thrift.Call && kind != thrift.Oneway:
		r.Fail("a message that is no call")
	}
	t.arguments()
	return t.end()
}

// Batch transcodes what a client sends to a collector over HTTP: a Batch by
// itself, in binary. If put is not nil, it is given each frame when that is
// complete, valid until it returns, and the result has none. What it was given
// is not to be kept if there is an error in the end: put's own, or that the batch
// is malformed. The batch is not kept and not changed.
func (t *Transcoder) Batch(batch []byte, put func(frame []byte, spans int) error) (Result, error) {
	t.r.ResetStruct(batch, thrift.Binary)
	t.begin(len(batch), put)
	t.batch()
	return t.end()
}

func (t *Transcoder) begin(size int, put func(frame []byte, spans int) error) {
	t.result = Result{}
	t.compact = t.r.Encoding() == thrift.Compact
	t.w.Start(size, put)
}

func (t *Transcoder) end() (Result, error) {
	if err := t.w.Err(); err != nil {
		return Result{}, err
	}
	if err := t.r.Err(); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var err error
	if t.result.Result, err = t.w.Result(); err != nil {
		return Result{}, err
	}
	return t.result, nil
}

// arguments reads the struct of emitBatch's arguments.
func (t *Transcoder) arguments() {
	r := &t.r
	seen := false
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		if f != argsBatch {
			r.Skip(f.Type())
			continue
		}
		t.once(seen)
		seen = true
		t.batch()
	}
	if !seen {
		r.Fail("emitBatch without a batch")
	}
}

func (t *Transcoder) batch() {
	r := &t.r
	process, spans := false, false
	later := 0 // where spans are that stand before the process
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case batchProcess:
			t.once(process)
			process = true
			t.process()
		case batchSpans:
			t.once(spans)
			spans = true
			if process {
				t.spans()
				break
			}
			later = r.Offset()
			r.Skip(thrift.List)
		case batchSeqNo:
			t.result.SeqNo, t.result.HasSeqNo = r.I64(), true
		case batchStats:
			t.stats()
		default:
			r.Skip(f.Type())
		}
	}
	if !process || !spans {
		r.Fail("a batch without process or spans")
	}
	if later > 0 {
		end := r.Offset()
		r.Seek(later)
		t.spans()
		r.Seek(end)
	}
}

func (t *Transcoder) spans() {
	n := t.r.Structs()
	if n == 0 {
		return
	}
	t.w.Begin()
	for ; n > 0 && t.r.OK() && t.w.Err() == nil; n-- {
		t.span()
	}
	t.w.End()
}

func (t *Transcoder) stats() {
	r := &t.r
	s := &t.result.Stats
	have := fieldSet(0)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case statsFullQueue:
			s.FullQueueDroppedSpans = r.I64()
		case statsTooLarge:
			s.TooLargeDroppedSpans = r.I64()
		case statsFailedToEmit:
			s.FailedToEmitSpans = r.I64()
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, statsRequired, "stats without a required field")
	t.result.HasStats = true
}

// once fails at a field that was seen before. It is for structs and lists:
// their second one would have to take the first one back.
func (t *Transcoder) once(seen bool) {
	if seen {
		t.r.Fail("a field that comes twice")
	}
}

// fieldSet has a bit for each field that a struct has: 1 << id.
type fieldSet uint16

func bit(f thrift.Field) fieldSet { return 1 << (f >> 8 & 15) }

// What structs must have (jaeger.thrift, "required").
const (
	statsRequired   fieldSet = 1<<1 | 1<<2 | 1<<3
	processRequired fieldSet = 1 << 1
	spanRequired    fieldSet = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<7 | 1<<8 | 1<<9
	refRequired     fieldSet = 1<<1 | 1<<2 | 1<<3 | 1<<4
	logRequired     fieldSet = 1<<1 | 1<<2
	tagRequired     fieldSet = 1<<1 | 1<<2
)

func (t *Transcoder) require(have, want fieldSet, complaint string) {
	if have&want != want {
		t.r.Fail(complaint)
	}
}
