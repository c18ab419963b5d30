package accept

import (
	"errors"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// tagLane counts the spans that enter with a tag, and without.
type tagLane struct {
	fakeLane
	with, without int
}

func (l *tagLane) look(frame []byte) {
	for s := range otlp.Spans(frame) {
		if _, ok := s.Resource.Get("tag"); ok {
			l.with++
		} else {
			l.without++
		}
	}
}

func (l *tagLane) Datagram(frame []byte, spans int, left ledger.LeftOut) {
	l.look(frame)
	l.fakeLane.Datagram(frame, spans, left)
}

func (l *tagLane) Answered(frame []byte, spans int) error {
	l.look(frame)
	return l.fakeLane.Answered(frame, spans)
}

func (l *tagLane) AnsweredAll(size int, cut func(put func([]byte, int) error) error) error {
	return l.fakeLane.AnsweredAll(size, func(put func([]byte, int) error) error {
		return cut(func(frame []byte, spans int) error {
			l.look(frame)
			return put(frame, spans)
		})
	})
}

// manyResources is a frame of so many spans, each in a ResourceSpans of its own,
// with a name of n bytes.
func manyResources(spans, n int) []byte {
	var b otlp.Builder
	for i := range spans {
		rs := b.Open(otlp.RequestResourceSpans, n)
		ss := b.Open(otlp.ResourceSpansScopeSpans, n)
		m := b.Open(otlp.ScopeSpansSpans, n)
		b.TraceID(otlp.SpanTraceID, 1, 2)
		b.SpanID(otlp.SpanSpanID, uint64(i)+1)
		b.TextString(otlp.SpanName, strings.Repeat("n", n))
		b.Close(m)
		b.Close(ss)
		b.Close(rs)
	}
	return b.Bytes()
}

func TestTagged(t *testing.T) {
	for _, c := range []struct {
		name                           string
		spans, size                    int
		frames, with, without, refused int
	}{
		{"a small frame", 10, 10, 1, 10, 0, 0},
		{"one that is too large with tags", 400, 1000, 4, 400, 0, 0},
		{"a span that is too large with tags", 1, otlp.MaxFrame - 1000, 1, 0, 1, 0},
	} {
		frame := manyResources(c.spans, c.size)
		tags := otlp.NewTags([]otlp.Tag{{Key: "tag", Value: strings.Repeat("v", 2000)}})
		for way, enter := range map[string]func(Lane) error{
			"datagram": func(l Lane) error {
				l.Datagram(frame, c.spans, ledger.LeftOut{Invalid: 3})
				return nil
			},
			"answered": func(l Lane) error { return l.Answered(frame, c.spans) },
			"answered all": func(l Lane) error {
				return l.AnsweredAll(len(frame), func(put func([]byte, int) error) error { return put(frame, c.spans) })
			},
		} {
			lane := &tagLane{fakeLane: fakeLane{t: t}}
			if err := enter(Tagged(lane, tags)); err != nil {
				t.Errorf("%s, %s: %v", c.name, way, err)
			}
			if lane.with != c.with || lane.without != c.without || lane.frames != c.frames || int(lane.account.Accepted) != c.spans {
				t.Errorf("%s, %s: %d spans with tags, %d without, %d in all, in %d frames", c.name, way, lane.with, lane.without, lane.account.Accepted, lane.frames)
			}
			if want := map[bool]uint64{true: 3}[way == "datagram"]; lane.account.Dropped[ledger.Invalid] != want {
				t.Errorf("%s, %s: %d invalid", c.name, way, lane.account.Dropped[ledger.Invalid])
			}
		}
	}
}

// What was left out of a packet is told, though nothing is left of it.
func TestTaggedTellsWhatWasLeftOut(t *testing.T) {
	lane := &tagLane{fakeLane: fakeLane{t: t}}
	Tagged(lane, otlp.NewTags([]otlp.Tag{{Key: "tag"}})).Datagram(nil, 0, ledger.LeftOut{TooBig: 1})
	if lane.account.Dropped[ledger.TooBig] != 1 || lane.frames != 0 {
		t.Errorf("%+v", lane.account)
	}
}

// A request is taken whole or not at all, in whatever pieces.
func TestTaggedAnswersAsTheLane(t *testing.T) {
	full := errors.New("full")
	tags := otlp.NewTags([]otlp.Tag{{Key: "tag", Value: strings.Repeat("v", 2000)}})
	frame := manyResources(400, 1000)
	lane := &tagLane{fakeLane: fakeLane{t: t, err: full, put: 2}}
	if err := Tagged(lane, tags).Answered(frame, 400); !errors.Is(err, full) || lane.account.Accepted != 0 {
		t.Errorf("%v, %d spans", err, lane.account.Accepted)
	}
}
