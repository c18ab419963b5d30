package buffer

import (
	"math"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/disklog"
)

// makeRoom gives up the oldest datagrams on disk until what is being written
// fits, after what is done with has been removed. Answered spans are refused
// before it comes to that. On a disk that fails no room can be made.
func (k *keeper) makeRoom() {
	for saved := false; ; saved = true {
		first, starts, over := k.over()
		if !over {
			return
		}
		if !saved && k.acked {
			_ = k.savePositions() // the next save tells
			k.noteUsed()
			continue
		}
		dropped, more := k.dropSegment(first, starts)
		k.gaveUp(dropped)
		if !more {
			return
		}
	}
}

// over reports whether datagrams are to be given up on disk: records before
// first, the own log's record in memory. What is behind begins at starts. What
// was delivered until now is acknowledged.
func (k *keeper) over() (first, starts uint64, over bool) {
	l, d := k.lane, k.disk
	l.mu.Lock()
	if k.queue != &l.datagram || l.staying || d.failure != nil || l.overDisk(int64(d.writing)) <= 0 {
		l.mu.Unlock()
		return 0, 0, false
	}
	first, starts = k.firstInMemory(), d.starts
	if d.behind.own == 0 {
		starts = first // all before it has been taken
	}
	acks := d.takeAcks()
	l.mu.Unlock()
	k.ack(acks)
	return first, starts, true
}

// gaveUp counts what was given up on disk, and what of that has been read and
// not taken yet.
func (k *keeper) gaveUp(dropped behind) {
	l, d := k.lane, k.disk
	k.acked = true // a log of a dead process may be empty
	used := k.used()
	l.mu.Lock()
	defer l.mu.Unlock()
	d.behind.own -= dropped.own
	d.behind.adopted -= dropped.adopted
	l.account.Dropped[ledger.BufferFull] += uint64(dropped.sum())
	for len(d.fetched.list) > 0 && d.fetched.list[0].givenUp() && l.discard(k.queue, &d.fetched, ledger.BufferFull) {
	}
	d.used = used
}

// firstInMemory is the first record of those that are in memory as well, which
// are not given up. The lane's lock is held.
func (k *keeper) firstInMemory() uint64 {
	for _, c := range k.queue.chunks.list {
		if c.written > 0 {
			return c.first
		}
	}
	return k.next
}

// dropSegment gives up the oldest segment, and returns how many spans that
// were behind went with it. more is false if there was none that may go, or if
// it went and its file stays.
func (k *keeper) dropSegment(first, starts uint64) (dropped behind, more bool) {
	for _, a := range k.adopted {
		if d, more := k.drop(a.log, math.MaxUint64); d.Bytes > 0 {
			return behind{adopted: int(d.Unread)}, more
		}
	}
	if k.own == nil {
		return behind{}, false
	}
	k.seek(starts)
	d, more := k.drop(k.own, first)
	return behind{own: int(d.Unread)}, more
}

func (k *keeper) drop(log *disklog.Log, first uint64) (d disklog.Dropped, more bool) {
	d, err := log.DropOldest(first)
	if err != nil {
		k.log.Warn("giving up the oldest spans on disk", "queue", k.name, "error", err)
	}
	return d, err == nil && d.Bytes > 0
}

// overDisk is by how many bytes the lane's files would be over their limit if n
// more were written.
func (l *Lane) overDisk(n int64) int64 {
	return l.answered.disk.used.bytes + l.datagram.disk.used.bytes + n - l.answered.disk.limit
}
