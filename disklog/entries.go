package disklog

// What is true of a file is true of the directory: after an fsync of it that has
// failed, a later one that succeeds says nothing of the entries that were new
// then. All of them count as failed.

// syncDir makes the directory's entries durable.
func (l *Log) syncDir() error {
	l.entries.Lock()
	defer l.entries.Unlock()
	return l.syncDirLocked()
}

// rename gives a file its real name, durably. No other fsync of the directory
// comes in between, whose failure might concern this name.
func (l *Log) rename(from, to string) (renamed bool, err error) {
	l.entries.Lock()
	defer l.entries.Unlock()
	if err := l.fs.Rename(from, to); err != nil {
		return false, err
	}
	return true, l.syncDirLocked()
}

func (l *Log) syncDirLocked() error {
	err := l.fs.SyncDir(l.dir)
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirFailures++
	l.dirFailed = err
	for _, s := range l.segments {
		if !s.entry {
			s.failed = err
		}
	}
	return err
}
