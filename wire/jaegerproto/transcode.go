package jaegerproto

import (
	"bytes"
	"errors"

	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/protobuf"
)

// ErrMalformed is the error of a request that can't be read. Nothing of it is
// to be kept.
var ErrMalformed = errors.New("malformed PostSpansRequest")

// Transcoder turns requests into frames. It has memory that it uses again for
// the next request, a MiB at most of ordinary ones, and may be used by one
// goroutine at a time. The zero value is ready.
type Transcoder struct {
	w   jaeger.Writer
	bad bool // the request
}

// Keys of the fields that lead to spans and processes.
const (
	keyRequestBatch = requestBatch<<3 | protobuf.Bytes
	keyBatchSpans   = batchSpans<<3 | protobuf.Bytes
	keyBatchProcess = batchProcess<<3 | protobuf.Bytes
)

// Request transcodes a request. If put is not nil, it is given each frame when
// that is complete, valid until it returns, and the result has none. What it was
// given is not to be kept if there is an error in the end: put's own, or
// ErrMalformed. The request is not kept and not changed.
func (t *Transcoder) Request(request []byte, put func(frame []byte, spans int) error) (jaeger.Result, error) {
	t.bad = false
	t.w.Start(len(request), put)
	t.batchProcess(request)
	t.w.Begin()
	own := t.spansOfBatch(request)
	t.w.End()
	if own {
		t.spansOfTheirOwn(request)
	}
	switch {
	case t.w.Err() != nil:
		return jaeger.Result{}, t.w.Err()
	case t.bad:
		return jaeger.Result{}, ErrMalformed
	}
	return t.w.Result()
}

// next reads the first field of a message, and returns what follows it: nothing
// after a failure, or when the rest is for nothing.
func (t *Transcoder) next(f *protobuf.Field, msg []byte) []byte {
	rest, err := f.Next(msg)
	if err != nil {
		t.bad = true
		f.Key = 0
	}
	return rest
}

// batchProcess writes the batch's process. A message in several pieces is all of
// them, one after the other.
func (t *Transcoder) batchProcess(request []byte) {
	var f protobuf.Field
	var service []byte
	t.w.BeginProcess()
	for len(request) > 0 {
		request = t.next(&f, request)
		if f.Key != keyRequestBatch {
			continue
		}
		for batch := f.Data; len(batch) > 0; {
			batch = t.next(&f, batch)
			if f.Key == keyBatchProcess {
				service = t.process(f.Data, service)
			}
		}
	}
	t.w.EndProcess(named(service))
}

// spansOfBatch writes the spans that have the batch's process, and reports
// whether there are others.
func (t *Transcoder) spansOfBatch(request []byte) (own bool) {
	t.spans(request, func(span []byte) {
		if _, n := t.ownProcess(span); n > 0 {
			own = true
			return
		}
		t.span(span)
	})
	return own
}

// spansOfTheirOwn writes the spans that have a process of their own.
func (t *Transcoder) spansOfTheirOwn(request []byte) {
	var last []byte
	open := false
	t.spans(request, func(span []byte) {
		process, n := t.ownProcess(span)
		if n == 0 {
			return
		}
		if !open || n > 1 || !bytes.Equal(process, last) {
			if open {
				t.w.End()
			}
			t.spanProcess(span)
			t.w.Begin()
			open, last = true, process
			if n > 1 {
				last = nil // it is more than this piece
			}
		}
		t.span(span)
	})
	if open {
		t.w.End()
	}
}

// spans yields the messages of all spans.
func (t *Transcoder) spans(request []byte, yield func(span []byte)) {
	var f protobuf.Field
	for len(request) > 0 {
		request = t.next(&f, request)
		if f.Key != keyRequestBatch {
			continue
		}
		for batch := f.Data; len(batch) > 0; {
			batch = t.next(&f, batch)
			if t.bad || t.w.Err() != nil {
				return
			}
			if f.Key == keyBatchSpans {
				yield(f.Data)
			}
		}
	}
}
