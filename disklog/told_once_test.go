package disklog_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// The kernel tells of an error once: whoever is told must see to it that it is
// not forgotten.

// hooked lets a test stop FinishWrite after it has failed, and see Sync.
type hooked struct {
	*faultfs.FS
	finished func(error) // after FinishWrite
	synced   func()      // after Sync of a segment
}

type hookedFile struct {
	disklog.Cached
	disklog.File
	fs *hooked
}

func (h *hooked) OpenFile(name string, flag int, perm fs.FileMode) (disklog.File, error) {
	f, err := h.FS.OpenFile(name, flag, perm)
	if err != nil || !strings.HasSuffix(name, ".seg") {
		return f, err
	}
	return hookedFile{f.(disklog.Cached), f, h}, nil
}

func (f hookedFile) FinishWrite(off, n int64) error {
	err := f.Cached.FinishWrite(off, n)
	f.fs.finished(err)
	return err
}

func (f hookedFile) Sync() error {
	err := f.File.Sync()
	f.fs.synced()
	return err
}

// Append has been told by sync_file_range that writing has failed, and is about
// to note it, when Sync calls fdatasync, which is not told any more.
func TestAnErrorThatAnotherCallWasTold(t *testing.T) {
	inside, let, synced := make(chan struct{}), make(chan struct{}), make(chan struct{}, 10)
	h := &hooked{FS: faultfs.New()}
	h.synced = func() { synced <- struct{}{} }
	h.finished = func(err error) {
		if err != nil {
			close(inside)
			<-let
		}
	}
	l, _, err := disklog.Open("/log", disklog.Options{FS: h, SegmentBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	fails := true
	h.Inject(func(op faultfs.Op) error {
		if op.Kind == faultfs.FinishWrite && fails {
			fails = false
			return syscall.EIO
		}
		return nil
	})
	data := [][]byte{make([]byte, 100_000)}
	appended := make(chan error)
	go func() {
		var err error
		for range 20 {
			if _, e := l.Append(disklog.Pending{Weight: 1, Data: data}); e != nil {
				err = e
			}
		}
		appended <- err
	}()
	<-inside
	n := int(l.Stats().NextSeq)
	done := make(chan error)
	go func() { done <- l.Sync() }()
	<-synced // and has succeeded
	close(let)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(10) {
		if read, lost, losses := readLost(t, openOn(t, h.Crash(seeded(seed)), 8<<20)); read < n || n == 0 {
			t.Errorf("seed %d: %d read, %d lost, want %d: %v", seed, read, lost, n, losses)
		}
	}
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
}

// One fdatasync fails, and another file can't be opened for its own: the next
// Sync still knows of the first.
func TestAnErrorBeforeAnother(t *testing.T) {
	fsys := faultfs.New()
	appendN(t, openOn(t, fsys, 300), 3, 200) // and the process is killed
	l := openOn(t, fsys, 300)
	var names []string
	for name := range contents(t, fsys) {
		names = append(names, name)
	}
	slices.Sort(names)
	fsys.Inject(func(op faultfs.Op) error {
		switch {
		case op.Kind == faultfs.Sync && strings.HasSuffix(op.Name, names[0]):
			return syscall.EIO
		case op.Kind == faultfs.Open && strings.HasSuffix(op.Name, names[1]):
			return syscall.EMFILE
		default:
			return nil
		}
	})
	if err := l.Sync(); !errors.Is(err, syscall.EMFILE) {
		t.Fatal(err)
	}
	fsys.Inject(nil)
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(10) {
		if read, lost, losses := readLost(t, openOn(t, fsys.Crash(seeded(seed)), 300)); read != 3 || lost != 0 {
			t.Errorf("seed %d: %d read, %d lost: %v", seed, read, lost, losses)
		}
	}
}
