package buffer

import (
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// A segment was given up for being the oldest while a batch of it was in flight,
// and the batch came back undelivered at the end: it was said to be buffered, and
// was not on disk.
func TestWhatIsInFlightOutlivesAFullDisk(t *testing.T) {
	dir := t.TempDir()
	small := func(o *DiskOptions) { o.Size = MinDisk }
	l := onDisk(t, dir, small)
	fill := func(from, to int) {
		for i := from; i < to; i++ {
			l.Datagram(numbered(i, frameBytes), 1, ledger.LeftOut{})
			if i%100 == 99 {
				settled(t, l, &l.datagram)
			}
		}
	}
	fill(0, 100)
	b, err := l.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fill(100, 4000) // 32 MB
	b.Dropped(ledger.Shutdown, b.Spans())
	b.Done()
	s := leave(t, l)
	if s.Dropped[ledger.BufferFull] == 0 {
		t.Fatal("the disk was not full")
	}
	l = onDisk(t, dir, small)
	if again := check(t, l); again.Recovered != s.Buffered {
		t.Errorf("%d spans were buffered at the end (%+v), and %d are recovered", s.Buffered, s.Account, again.Recovered)
	}
	if n := len(drained(t, l)); n != int(s.Buffered) {
		t.Errorf("%d spans were buffered at the end, and %d came out", s.Buffered, n)
	}
}
