package disklog_test

import (
	"errors"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wayside-tracing/wayside/disklog"
)

// A writer, one that syncs, one that saves positions, a reader whose records are
// acknowledged by another, and one that gives up segments: every record is read
// once and in order, or given up, and in the end nothing is left.
func TestConcurrentUse(t *testing.T) {
	dir := t.TempDir() + "/log"
	l, _, err := disklog.Open(dir, disklog.Options{SegmentBytes: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	const records = 5_000
	var (
		written   atomic.Uint64
		handed    atomic.Uint64 // read, not yet acknowledged
		read      uint64
		gone      atomic.Uint64
		inFlight  = make(chan uint64, 64)
		stop      = make(chan struct{})
		dropping  sync.RWMutex // none of what is given up may be in flight
		done, all sync.WaitGroup
	)
	done.Go(func() { // the writer
		data := [][]byte{make([]byte, 100), make([]byte, 57)}
		for i := 0; i < records; i += 2 {
			p := disklog.Pending{Weight: 1, Data: data}
			if _, err := l.Append(p, p); err != nil {
				t.Error(err)
				return
			}
			written.Add(2)
		}
	})
	done.Go(func() { // the reader
		defer close(inFlight)
		var buf []byte
		last := int64(-1)
		for read+gone.Load() < records {
			dropping.RLock()
			r, err := l.Next(buf)
			if err == nil {
				handed.Add(1)
			}
			dropping.RUnlock()
			if errors.Is(err, io.EOF) {
				continue
			}
			if err != nil || len(r.Data) != 157 || int64(r.Seq) <= last {
				t.Errorf("%d after %d, %d bytes: %v", r.Seq, last, len(r.Data), err)
				return
			}
			last, buf = int64(r.Seq), r.Data
			read++
			inFlight <- r.Seq
		}
	})
	done.Go(func() { // acknowledges every two the wrong way round
		var held []uint64
		ack := func(seq uint64) {
			l.Ack(seq, seq)
			handed.Add(^uint64(0))
		}
		for seq := range inFlight {
			if held = append(held, seq); len(held) == 2 {
				ack(held[1])
				ack(held[0])
				held = held[:0]
			}
		}
		for _, seq := range held {
			ack(seq)
		}
	})
	until := func(do func() error) {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := do(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	until(l.Sync)
	until(l.SavePosition)
	until(func() error {
		s := l.Stats()
		if s.FirstSeq > s.NextSeq || s.Records > s.NextSeq-s.FirstSeq || s.Weight != s.Records {
			t.Errorf("%+v", s)
		}
		l.OldestTime()
		if s.Segments < 4 || !dropping.TryLock() {
			return nil
		}
		defer dropping.Unlock()
		if handed.Load() > 0 {
			return nil
		}
		d, err := l.DropOldest(math.MaxUint64)
		gone.Add(d.Records)
		return err
	})
	done.Wait()
	close(stop)
	all.Wait()
	if read+gone.Load() != records || written.Load() != records {
		t.Errorf("%d written, %d read, %d given up", written.Load(), read, gone.Load())
	}
	if s := l.Stats(); s.Records != 0 || s.Weight != 0 {
		t.Errorf("%+v", s)
	}
	if err := l.Remove(); err != nil {
		t.Error(err)
	}
}
