package buffer

import (
	"context"
	"errors"

	"github.com/wayside-tracing/wayside/disklog"
)

// adopted is a log that a dead process left.
type adopted struct {
	log    *disklog.Log
	folder *folder
}

// openOwn gets this process a folder: one that a dead process left, if there
// is one, or else a new one.
func (s *store) openOwn() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != nil {
		return nil
	}
	if err := makeDirs(s.path); err != nil {
		return err
	}
	list, err := folders(s.path)
	if err != nil {
		return err
	}
	for _, path := range list {
		if path == s.fresh {
			continue // it could not be opened before
		}
		f, found, err := openFolder(path, s.options())
		if err != nil {
			s.tellNotAdopted(path, err)
			continue
		}
		s.begin(f, found)
		return nil
	}
	f, found, err := openFolder(s.fresh, s.options())
	if err != nil {
		return err
	}
	s.begin(f, found)
	return nil
}

// begin makes a folder this process's own.
func (s *store) begin(f *folder, found recovered) {
	s.own = f
	if found.sum() > 0 {
		s.log.Info("spans recovered from disk", "path", f.path, "spans", found.sum())
	}
	l := s.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, q := range l.queues() {
		q.disk.behind.own += found[i]
		l.account.Recovered += uint64(found[i])
		q.disk.notify()
	}
}

// adopt takes over the folders of processes that are dead, until ctx is done or
// there are as many as may be at once.
func (s *store) adopt(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil {
		return // the disk does not work
	}
	list, err := folders(s.path)
	if err != nil {
		s.log.Warn("looking for what other processes left", "path", s.path, "error", err)
	}
	for _, path := range list {
		if ctx.Err() != nil || len(s.others) >= maxAdopted {
			return
		}
		if path == s.own.path || s.has(path) {
			continue
		}
		f, found, err := openFolder(path, s.options())
		if err != nil {
			s.tellNotAdopted(path, err)
			continue
		}
		if found.sum() > 0 {
			s.log.Info("spans recovered from disk, of a process that is dead", "path", path, "spans", found.sum())
		}
		s.others = append(s.others, f)
		l := s.lane
		l.mu.Lock()
		for i, q := range l.queues() {
			q.disk.behind.adopted += found[i]
			l.account.Recovered += uint64(found[i])
			q.disk.given = append(q.disk.given, &adopted{log: f.logs[i], folder: f})
			q.disk.notify()
		}
		l.mu.Unlock()
	}
}

// has reports whether a folder is adopted.
func (s *store) has(path string) bool {
	for _, f := range s.others {
		if f.path == path {
			return true
		}
	}
	return false
}

// tellNotAdopted says, once, why a folder stays as it is; that its process
// lives is no news.
func (s *store) tellNotAdopted(path string, err error) {
	if errors.Is(err, disklog.ErrLocked) || s.told[path] {
		return
	}
	s.told[path] = true
	s.log.Error("a folder of the disk buffer is left as it is", "path", path, "error", err)
}

// drained is told of each log of an adopted folder that is empty and gone.
func (s *store) drained(f *folder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.left--; f.left > 0 {
		return
	}
	f.remove(s.log)
	for i, o := range s.others {
		if o == f {
			s.others = append(s.others[:i], s.others[i+1:]...)
			select {
			case s.room <- struct{}{}:
			default: // watch knows
			}
			return
		}
	}
}

// open makes sure that the keeper has a log to write to.
func (k *keeper) open() error {
	if k.own != nil {
		return nil
	}
	if err := k.store.openOwn(); err != nil {
		return err
	}
	k.own = k.store.own.logs[k.index]
	k.next = k.own.Stats().NextSeq
	return nil
}

// adopt takes over the logs that the keeper was given.
func (k *keeper) adopt() {
	k.lane.mu.Lock()
	defer k.lane.mu.Unlock()
	k.takeGiven()
}

// takeGiven is adopt for who has the lane's lock: what is behind counts the logs
// that were given, so that who reads has to have them from the same moment on.
func (k *keeper) takeGiven() {
	given := k.disk.given
	k.disk.given = nil
	k.adopted = append(k.adopted, given...)
	k.acked = k.acked || len(given) > 0 // one that is empty is removed
}

// forgetAdopted removes adopted logs of which everything has been acknowledged.
func (k *keeper) forgetAdopted() {
	kept := k.adopted[:0]
	for _, a := range k.adopted {
		if a.log.Stats().Records > 0 {
			kept = append(kept, a)
			continue
		}
		if err := a.log.Remove(); err != nil {
			k.log.Warn("removing what has been delivered from disk", "queue", k.name, "error", err)
		}
		k.store.drained(a.folder)
	}
	clear(k.adopted[len(kept):])
	k.adopted = kept
}
