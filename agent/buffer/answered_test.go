package buffer

import (
	"errors"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// enter puts so many frames of a size, of two spans each.
func enter(l *Lane, frames, size int) error {
	return l.AnsweredAll(frames*size, func(put func([]byte, int) error) error {
		for range frames {
			if err := put(frame('a', size), 2); err != nil {
				return err
			}
		}
		return nil
	})
}

func lane1MiB() *Lane {
	return NewLane("x", Options{Memory: 2 << 20, BatchBytes: 512 << 10, MaxAge: 1 << 40})
}

func TestFramesOfOneRequestEnterTogether(t *testing.T) {
	l := lane1MiB()
	if err := enter(l, 3, 100_000); err != nil {
		t.Fatal(err)
	}
	if s := check(t, l); s.Accepted != 6 || s.Buffered != 6 || s.Buffer.Answered < 300_000 {
		t.Errorf("%+v", s)
	}
	b, err := l.Take(t.Context())
	if err != nil || b.Spans() == 0 {
		t.Fatalf("%+v, %v", b, err)
	}
	b.Delivered(b.Spans())
	b.Done()
	check(t, l)
}

// The second half of a request has no room: nothing of it may be in the queue,
// and its memory is free for others.
func TestRequestThatFitsInPartDoesNotEnter(t *testing.T) {
	l := lane1MiB()
	if err := enter(l, 1, 500_000); err != nil {
		t.Fatal(err)
	}
	// It says that it is small, so that only the frames themselves show it.
	err := l.AnsweredAll(1, func(put func([]byte, int) error) error {
		for range 3 {
			if err := put(frame('b', 200_000), 7); err != nil {
				return err
			}
			if s := check(t, l); s.Accepted != 2 {
				t.Errorf("a part is there already: %+v", s)
			}
		}
		return nil
	})
	if !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	if s := check(t, l); s.Accepted != 2 || s.Buffered != 2 || s.Buffer.Answered != chunkSize(500_000) || s.Refused != (ledger.Refusals{ledger.QueueFull: 1}) {
		t.Errorf("%+v", s)
	}
	if err := enter(l, 2, 200_000); err != nil {
		t.Errorf("the room is not free again: %v", err)
	}
	check(t, l)
}

// What could not enter an empty queue is not told to come again.
func TestRequestThatNeverFits(t *testing.T) {
	l := lane1MiB()
	if err := enter(l, 1, 500_000); err != nil {
		t.Fatal(err)
	}
	if err := enter(l, 3, 400_000); !errors.Is(err, ErrTooBig) {
		t.Errorf("%v", err)
	}
	if err := enter(l, 2, 400_000); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	if s := check(t, l); s.Refused != (ledger.Refusals{ledger.QueueFull: 1, ledger.RequestTooBig: 1}) || s.Accepted != 2 {
		t.Errorf("%+v", s)
	}
}

// An error of whoever cuts is handed on, and is not the lane's to count.
func TestRequestThatCannotBeCut(t *testing.T) {
	l := lane1MiB()
	wrong := errors.New("wrong")
	err := l.AnsweredAll(1, func(put func([]byte, int) error) error {
		if err := put(frame('b', 200_000), 7); err != nil {
			t.Error(err)
		}
		return wrong
	})
	if s := check(t, l); !errors.Is(err, wrong) || s.Accepted != 0 || s.Buffer.Answered != 0 || s.Refused != (ledger.Refusals{}) {
		t.Errorf("%v, %+v", err, s)
	}
}

// Small frames share blocks, and a refused request pushes out no datagrams.
func TestSmallFramesAndDatagrams(t *testing.T) {
	l := lane1MiB()
	for range 100 {
		l.Datagram(frame('d', 60_000), 1, ledger.LeftOut{})
	}
	before := check(t, l)
	if err := enter(l, 3, 400_000); !errors.Is(err, ErrTooBig) {
		t.Errorf("%v", err)
	}
	if s := check(t, l); s.Dropped != before.Dropped {
		t.Errorf("%v before, %v after", before.Dropped, s.Dropped)
	}
	if err := enter(l, 100, 500); err != nil {
		t.Fatal(err)
	}
	if s := check(t, l); s.Buffer.Answered != chunkBytes {
		t.Errorf("%+v", s.Buffer)
	}
}
