package accept

import (
	"sync"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// Tagged is a lane whose frames get tags in their resources just before they
// enter it, whatever they came by. A span that would not fit into a frame with
// them enters without.
//
// What a frame takes meanwhile is a copy of it, for as long as the lane's
// method lasts: as much again as the requests that are being answered.
func Tagged(lane Lane, tags *otlp.Tags) Lane { return &tagged{Lane: lane, tags: tags} }

type tagged struct {
	Lane
	tags    *otlp.Tags
	scratch sync.Pool // of *otlp.Builder
}

func (t *tagged) builder() *otlp.Builder {
	if b, ok := t.scratch.Get().(*otlp.Builder); ok {
		b.Reset()
		return b
	}
	return new(otlp.Builder)
}

func (t *tagged) Datagram(frame []byte, spans int, left ledger.LeftOut) {
	b := t.builder()
	defer t.scratch.Put(b)
	if t.tags.Rewrite(b, frame, otlp.MaxFrame) {
		t.Lane.Datagram(b.Bytes(), spans, left)
		return
	}
	_ = t.halves(frame, spans, func(frame []byte, spans int) error { // put has no error
		t.Lane.Datagram(frame, spans, left)
		left = ledger.LeftOut{}
		return nil
	})
}

func (t *tagged) Answered(frame []byte, spans int) error {
	b := t.builder()
	defer t.scratch.Put(b)
	if t.tags.Rewrite(b, frame, otlp.MaxFrame) {
		return t.Lane.Answered(b.Bytes(), spans)
	}
	return t.Lane.AnsweredAll(len(frame), func(put func([]byte, int) error) error { return t.halves(frame, spans, put) })
}

func (t *tagged) AnsweredAll(size int, cut func(put func(frame []byte, spans int) error) error) error {
	b := t.builder()
	defer t.scratch.Put(b)
	return t.Lane.AnsweredAll(size, func(put func([]byte, int) error) error {
		return cut(func(frame []byte, spans int) error {
			b.Reset()
			if t.tags.Rewrite(b, frame, otlp.MaxFrame) {
				return put(b.Bytes(), spans)
			}
			return t.halves(frame, spans, put)
		})
	})
}

// halves puts a frame that is too large with the tags, in as many pieces as it
// takes.
func (t *tagged) halves(frame []byte, spans int, put func([]byte, int) error) error {
	if spans <= 1 {
		return put(frame, spans)
	}
	for _, half := range [][2]int{{0, spans / 2}, {spans / 2, spans}} {
		if err := t.half(otlp.Extract(nil, frame, half[0], half[1]), half[1]-half[0], put); err != nil {
			return err
		}
	}
	return nil
}

func (t *tagged) half(frame []byte, spans int, put func([]byte, int) error) error {
	b := t.builder()
	if !t.tags.Rewrite(b, frame, otlp.MaxFrame) {
		t.scratch.Put(b) // the next ones down use it
		return t.halves(frame, spans, put)
	}
	defer t.scratch.Put(b)
	return put(b.Bytes(), spans)
}
