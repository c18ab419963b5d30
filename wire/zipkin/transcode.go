package zipkin

import (
	"errors"
	"fmt"

	"github.com/wayside-tracing/wayside/wire/json"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// ErrMalformed is wrapped by errors that say what is wrong with a request or a
// packet as a whole. Nothing of it may be kept.
var ErrMalformed = errors.New("malformed Zipkin")

// Result is what a request holds. What it points to is valid until the next use
// of the transcoder.
type Result struct {
	// Frames hold the spans that are kept, unless they were put: as a rule one,
	// and more only if it would be over otlp.MaxFrame.
	Frames []otlp.Frame
	// Spans is the number of spans that are kept.
	Spans int
	// Invalid and TooBig are spans that are left out: those that can't be read
	// or have impossible ids, and those that do not fit into a frame.
	Invalid, TooBig int
}

// Transcoder turns requests into frames. It has memory that it uses again for
// the next one, and may be used by one goroutine at a time. The zero value is
// ready.
//
// Its methods keep nothing of the request, and do not change it. If put is not
// nil, it is given each frame when that is full, and the last one at the end; a
// frame is valid until it returns, and an error ends the request. What has been put
// is of no worth if there is an error.
type Transcoder struct {
	thrift thrift.Reader
	json   json.Reader
	inner  json.Reader // of JSON in a string
	keys   otlp.Keys
	out    packer

	resource otlp.Builder // of a span, as a field of ResourceSpans
	scope    otlp.Builder // as a field of ScopeSpans
	texts    []byte       // of a span, that do not stand in the request as they are kept here

	start int // where the span starts in out
	mark  otlp.Mark
	apart int // what the span has that is not in out yet, in bytes
	over  bool
	span  span
	held  held
	v1    v1
	v2    v2

	put    func(frame []byte, spans int) error
	err    error // of put
	result Result
	frames []otlp.Frame
	spare  []byte // holds frames but the last one, if they are not put
}

// begin starts a request.
func (t *Transcoder) begin(put func([]byte, int) error) {
	t.shrink()
	t.out.reset()
	t.put, t.err, t.result = put, nil, Result{}
	t.frames, t.spare = t.frames[:0], t.spare[:0]
}

// end ends one that was well-formed or was not.
func (t *Transcoder) end(malformed error) (Result, error) {
	if malformed == nil && t.err == nil {
		t.next(t.out.Len(), true)
	}
	t.put = nil
	switch {
	case t.err != nil:
		return Result{}, t.err
	case malformed != nil:
		return Result{}, fmt.Errorf("%w: %w", ErrMalformed, malformed)
	}
	t.result.Frames = t.frames
	return t.result, nil
}

// next ends the frame that is open. The span that was written from start on is
// to be in the next one.
func (t *Transcoder) next(start int, last bool) {
	frame, spans := t.out.take(start)
	switch {
	case spans == 0:
		return
	case t.put != nil:
		t.err = t.put(frame, spans)
	case last:
		t.frames = append(t.frames, otlp.Frame{Bytes: frame, Spans: spans})
	default:
		n := len(t.spare)
		t.spare = append(t.spare, frame...)
		t.frames = append(t.frames, otlp.Frame{Bytes: t.spare[n:len(t.spare):len(t.spare)], Spans: spans})
	}
	t.result.Spans += spans
}

// open starts a span.
func (t *Transcoder) open() {
	t.start, t.apart, t.over = t.out.Len(), 0, false
	t.mark = t.out.Open(otlp.ScopeSpansSpans, 512)
	t.texts = t.texts[:0]
	t.span, t.held.set = span{}, 0
	t.resource.Reset()
	t.scope.Reset()
}

// full says that there is no room for more of a span that is larger than a
// frame: nothing more of it need be written, and it will be left out.
func (t *Transcoder) full() bool {
	t.over = t.over || t.out.Len()-t.start+t.apart > otlp.MaxFrame
	return t.over
}

// bad leaves the span out that was opened last, as one that can't be read.
func (t *Transcoder) bad() {
	t.out.Truncate(t.start)
	t.result.Invalid++
}

// place puts a span that is complete into the frame, or the next one.
func (t *Transcoder) place() {
	p := &t.out
	resource, scope := t.resource.Bytes(), t.scope.Bytes()
	if !t.full() && !p.room(t.start, resource, scope) {
		t.next(t.start, false)
		t.start = 0
	}
	if t.full() || !p.room(t.start, resource, scope) {
		p.Truncate(t.start)
		t.result.TooBig++
		return
	}
	p.place(t.start, resource, scope)
}

const (
	// keptBytes is how much memory of each kind is kept from request to
	// request: for spans, frames, resources, texts.
	keptBytes = 256 << 10
	// keptItems is the same for lists.
	keptItems = 1 << 10
)

// shrink gives back memory that an extraordinary request has needed.
func (t *Transcoder) shrink() {
	t.out.shrink()
	t.keys.Shrink(keptItems)
	t.json.Shrink(keptBytes)
	t.inner.Shrink(keptBytes)
	if t.resource.Cap() > keptBytes {
		t.resource = otlp.Builder{}
	}
	if t.scope.Cap() > keptBytes {
		t.scope = otlp.Builder{}
	}
	if cap(t.texts) > keptBytes {
		t.texts = nil
	}
	if cap(t.spare) > 0 {
		t.frames, t.spare = nil, nil
	}
	if cap(t.v2.resource) > keptItems {
		t.v2.resource = nil
	}
}
