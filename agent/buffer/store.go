package buffer

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/disklog"
)

// Sync says what a sender's yes means when there is a disk.
type Sync uint8

const (
	// SyncInterval: what was answered has been given to the operating system
	// with write(2), which keeps it when the process is killed, and is on disk
	// 200 ms later.
	SyncInterval Sync = iota
	// SyncAlways: what was answered is on disk.
	SyncAlways
)

// String is the value of the configuration's key.
func (s Sync) String() string {
	if s == SyncAlways {
		return "always"
	}
	return "interval"
}

// consequence is what it means for senders that the disk does not work.
func (s Sync) consequence() string {
	if s == SyncAlways {
		return "requests are refused; datagrams go on in memory, and are lost if the process is killed"
	}
	return "spans go on in memory, and are lost if the process is killed"
}

// DiskOptions say where and how a lane is kept on disk.
type DiskOptions struct {
	// Path is a directory, which is made when it is not there. In it, each lane
	// has one, and in that each process.
	Path string
	// Size bounds the files, in bytes. Each queue can count on half.
	Size int64
	Sync Sync
	// Patient takes a path that can't be used for a disk that fails: it is tried
	// again, and what Sync promises holds meanwhile.
	Patient bool
	// FS is the file system; nil is the operating system's.
	FS  disklog.FS
	Log *slog.Logger
}

const (
	// segmentBytes is the size of a segment where Size allows: little is given
	// up with one.
	segmentBytes = 4 << 20
	// MinDisk is the smallest Size: half of it are eight of the smallest segments.
	MinDisk = 16 << 20
	// adoptEvery is how often to look for what dead processes left: during a
	// rolling update the old process ends after the new one has begun.
	adoptEvery = 15 * time.Second
	// maxAdopted is how many folders of dead processes are open at once. Each has
	// a file or three: with a thousand, the agent had none left for its senders.
	maxAdopted = 16
)

// store is a lane's place on disk.
type store struct {
	lane    *Lane
	opt     DiskOptions
	log     *slog.Logger
	path    string
	keepers [2]*keeper
	cancel  context.CancelFunc
	tasks   sync.WaitGroup

	// room has place for one: it is filled when another folder may be adopted.
	room chan struct{}

	mu     sync.Mutex      // guards what follows; taken before the lane's lock
	own    *folder         // nil as long as the disk does not work
	others []*folder       // adopted; up to maxAdopted
	fresh  string          // a folder to make when there is none to take over
	told   map[string]bool // folders that can't be, of which the log knows
}

func (s *store) options() disklog.Options {
	return disklog.Options{SegmentBytes: s.segmentBytes(), FS: s.opt.FS}
}

// segmentBytes is the size of a segment: so small that a queue's half is eight
// of them.
func (s *store) segmentBytes() int { return int(min(segmentBytes, s.opt.Size/16)) }

// OpenDisk makes a lane be kept on disk. It takes over what dead processes left
// there. An error is of a path that can never be used, as it is configured (see Patient); a
// disk that fails is tried again and again, while the lane works in memory. It
// must be called before anything enters, and once.
func (l *Lane) OpenDisk(opt DiskOptions) error {
	s := &store{lane: l, opt: opt, log: opt.Log, path: filepath.Join(opt.Path, l.name), told: map[string]bool{}, room: make(chan struct{}, 1)}
	s.fresh = newPath(s.path)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	l.mu.Lock()
	for i, q := range l.queues() {
		q.disk = newDisk(opt, l.opt.Memory)
		s.keepers[i] = &keeper{lane: l, queue: q, disk: q.disk, store: s, index: i, name: queueNames[i], log: s.log}
	}
	l.mu.Unlock()
	for _, k := range s.keepers {
		if err := k.open(); err != nil {
			if hopeless(err) && !opt.Patient {
				l.answered.disk, l.datagram.disk = nil, nil
				return err
			}
			l.mu.Lock()
			k.state(err)
			l.mu.Unlock()
		}
	}
	l.mu.Lock()
	l.store = s
	l.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	s.adopt(ctx)
	s.cancel = cancel
	for _, k := range s.keepers {
		s.tasks.Go(func() { k.run(ctx) })
	}
	s.tasks.Go(func() { s.watch(ctx) })
	return nil
}

// queueNames are those of the directories of a folder, in the order of Lane.queues.
var queueNames = [2]string{"answered", "datagram"}

// hopeless reports whether an error is of the path and not of the disk.
func hopeless(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, disklog.ErrOwner)
}

// watch adopts what processes leave that die while this one runs.
func (s *store) watch(ctx context.Context) {
	tick := time.NewTicker(adoptEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.room:
			// one was delivered
		}
		s.adopt(ctx)
	}
}

// diskStatus is how the lane's disk is; nil if it has none.
func (l *Lane) diskStatus() *ledger.Disk {
	s := l.store
	if s == nil {
		return nil
	}
	status := &ledger.Disk{
		Path: s.path, Sync: s.opt.Sync.String(), Limit: s.opt.Size, State: ledger.DiskOK,
		Answered: l.answered.disk.used.bytes, Datagram: l.datagram.disk.used.bytes,
	}
	for _, q := range l.queues() {
		d := q.disk
		status.Segments += d.used.segments
		switch {
		case d.failure != nil:
			status.State, status.Error = ledger.DiskFailed, d.failure.Error()
		case d.slow && status.State == ledger.DiskOK:
			status.State = ledger.DiskSlow
		default:
			continue
		}
		if since := d.since; status.Since == nil || since.Before(*status.Since) {
			status.Since = &since
		}
	}
	return status
}
