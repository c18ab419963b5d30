package buffer

import (
	"slices"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// closeTimeout is how long to wait for a disk that hangs, at the end.
const closeTimeout = 2 * time.Second

// close ends the keepers and leaves on disk what is there. What is in memory
// alone, because the disk fails, stays in the queues.
func (s *store) close() {
	s.cancel()
	ended := make(chan struct{})
	go func() {
		s.tasks.Wait()
		for _, k := range s.keepers {
			k.finish()
		}
		close(ended)
	}()
	hangs := time.NewTimer(closeTimeout)
	defer hangs.Stop()
	select {
	case <-ended:
	case <-hangs.C:
		s.log.Error("the disk hangs: what is not on it yet is given up", "path", s.path)
	}
	l := s.lane
	l.mu.Lock()
	for _, q := range l.queues() {
		l.leave(q)
	}
	l.mu.Unlock()
	select {
	case <-ended:
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, f := range s.others {
			f.close(s.log)
		}
		if s.own != nil {
			s.own.close(s.log)
		}
	default:
	}
}

// leave empties a queue of what is on disk. What is not is dropped.
func (l *Lane) leave(q *queue) {
	for _, from := range []*chunks{&q.disk.fetched, &q.chunks} {
		for len(from.list) > 0 {
			c := q.pop(from)
			q.disk.behind.own += c.spansOnDisk
			l.account.Dropped[ledger.Shutdown] += uint64(c.spans - c.spansOnDisk)
			q.memory -= c.size()
		}
	}
}

// stay lets a batch that could not be delivered stay on disk. From then on
// nothing is given up to make room: what stays was counted as buffered. The files
// may be larger than they should by what was in memory.
func (l *Lane) stay(b *Batch) {
	d := b.queue.disk
	l.staying = true
	for _, c := range slices.Backward(b.chunks) {
		if !c.busy && c.givenUp() { // one that is busy was begun just now
			d.writeAgain(c)
		}
	}
	if b.stay == b.spans { // the keeper writes what of it is not there yet
		d.fetched.putBack(b.chunks)
		b.chunks = nil
		return
	}
	for _, c := range b.chunks {
		if c.dirty() > 0 || c.givenUp() {
			l.account.Dropped[ledger.Shutdown] += uint64(b.stay)
			return
		}
	}
	d.behind.own += b.stay
	for _, c := range b.chunks {
		l.free(b.queue, c)
	}
	b.chunks = nil
}

// finish writes what is left, at the end.
func (k *keeper) finish() {
	k.adopt()
	k.dueToSave(time.Time{}) // takes what was acknowledged
	k.write()
	k.save()
}
