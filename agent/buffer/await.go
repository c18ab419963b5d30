package buffer

import (
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// refuses is why the answered queue can't take n more bytes, as far as that is
// its disk: ErrDisk or ErrFull. Where a disk that fails does not matter, memory
// is what bounds it.
func (l *Lane) refuses(n int) error {
	d := l.answered.disk
	switch {
	case d == nil || d.fails() && d.sync != SyncAlways:
		return nil
	case d.fails():
		return ErrDisk
	case d.used.bytes+int64(d.writing+d.dirtyBytes+n) > d.limit/2:
		return ErrFull
	}
	return nil
}

// keeping is the pass that will write what was appended to the answered queue
// just now; nil if there is none to wait for.
func (l *Lane) keeping() *pass {
	d := l.answered.disk
	if d == nil || d.fails() {
		return nil
	}
	d.awaited = true // there is a pass even if all is delivered before it
	return d.pass
}

// await waits until a pass has ended. When it fails or takes too long, what was
// appended goes on in memory, which under SyncAlways is not what was promised.
func (l *Lane) await(p *pass) error {
	if p == nil {
		return nil
	}
	slow := time.NewTimer(slowAfter)
	defer slow.Stop()
	done := true
	select {
	case <-p.done:
		if p.err == nil {
			return nil
		}
	case <-slow.C:
		done = false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.answered.disk
	if !done && !d.fails() {
		d.slow, d.since = true, time.Now().Add(-slowAfter)
		d.notify() // the pass may have ended this moment: then another one, of nothing, tells
		l.store.log.Error("the disk buffer is too slow: nobody waits for it until it has caught up",
			"path", l.store.path, "consequence", d.sync.consequence())
	}
	if d.sync == SyncInterval {
		return nil
	}
	l.account.Refused[ledger.QueueFull]++
	return ErrUnsure
}

// slowAfter is how long a request waits for the disk.
const slowAfter = 2 * time.Second
