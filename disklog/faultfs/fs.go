package faultfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
)

// FS is a file system in memory. It may be used from several goroutines.
type FS struct {
	mu     sync.Mutex
	now    map[string]*node // what programs see, by clean path
	disk   map[string]*node // what is on the disk for certain
	pend   []change         // of now, not on the disk for certain; in order
	free   int64            // bytes that may still be written; negative: no end
	inject func(Op) error
	open   int // files
}

// A node is a file or a directory.
type node struct {
	dir   bool
	mode  fs.FileMode
	mtime time.Time

	data  []byte       // what programs see
	disk  []byte       // what is on the disk for certain
	dirty map[int]bool // sectors of data that may come to be on the disk
	clean map[int]bool // sectors of data that will not, though they count as written; only the cache has them
}

func newFile(mode fs.FileMode, b []byte) *node {
	return &node{mode: mode, data: b, disk: slices.Clone(b), dirty: map[int]bool{}, clean: map[int]bool{}}
}

// A change is one of a directory's entries.
type change struct {
	dir  string
	from string // that is gone; "" if none
	to   string // that is there; "" if none
	node *node
}

var _ disklog.FS = (*FS)(nil)

// New returns an empty file system, with the root directory "/".
func New() *FS {
	root := &node{dir: true, mode: 0o755}
	return &FS{now: map[string]*node{"/": root}, disk: map[string]*node{"/": root}, free: -1}
}

// OpenFile opens a file as os.OpenFile does.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (disklog.File, error) {
	name = filepath.Clean(name)
	if err := f.fault(Op{Kind: Open, Name: name, Create: flag&os.O_CREATE != 0}); err != nil {
		return nil, pathError("open", name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.now[name]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, pathError("open", name, syscall.ENOENT)
	case n != nil && flag&os.O_EXCL != 0:
		return nil, pathError("open", name, syscall.EEXIST)
	case n != nil && n.dir:
		return nil, pathError("open", name, syscall.EISDIR)
	case n == nil:
		if err := f.parent(name); err != nil {
			return nil, pathError("open", name, err)
		}
		n = newFile(perm, nil)
		f.change(change{to: name, node: n})
	}
	f.open++
	return &file{fs: f, name: name, node: n, write: flag&(os.O_WRONLY|os.O_RDWR) != 0}, nil
}

// ReadDir returns the names in a directory.
func (f *FS) ReadDir(dir string) (names []string, err error) {
	dir = filepath.Clean(dir)
	if err := f.fault(Op{Kind: ReadDir, Name: dir}); err != nil {
		return nil, pathError("readdir", dir, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.now[dir]; n == nil || !n.dir {
		return nil, pathError("readdir", dir, syscall.ENOENT)
	}
	for name := range f.now {
		if name != "/" && filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	return names, nil
}

// Mkdir makes a directory.
func (f *FS) Mkdir(dir string, perm fs.FileMode) error {
	dir = filepath.Clean(dir)
	if err := f.fault(Op{Kind: Mkdir, Name: dir}); err != nil {
		return pathError("mkdir", dir, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now[dir] != nil {
		return pathError("mkdir", dir, syscall.EEXIST)
	}
	if err := f.parent(dir); err != nil {
		return pathError("mkdir", dir, err)
	}
	f.change(change{to: dir, node: &node{dir: true, mode: perm}})
	return nil
}

// Chmod sets permissions.
func (f *FS) Chmod(name string, perm fs.FileMode) error {
	name = filepath.Clean(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.now[name]
	if n == nil {
		return pathError("chmod", name, syscall.ENOENT)
	}
	n.mode = perm
	return nil
}

// Rename renames a file, in place of what has the name already.
func (f *FS) Rename(from, to string) error {
	from, to = filepath.Clean(from), filepath.Clean(to)
	if err := f.fault(Op{Kind: Rename, Name: from}); err != nil {
		return pathError("rename", from, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.now[from]
	if n == nil {
		return pathError("rename", from, syscall.ENOENT)
	}
	f.change(change{from: from, to: to, node: n})
	return nil
}

// Remove removes a file or an empty directory.
func (f *FS) Remove(name string) error {
	name = filepath.Clean(name)
	if err := f.fault(Op{Kind: Remove, Name: name}); err != nil {
		return pathError("remove", name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.now[name]
	if n == nil {
		return pathError("remove", name, syscall.ENOENT)
	}
	for other := range f.now {
		if other != "/" && filepath.Dir(other) == name {
			return pathError("remove", name, syscall.ENOTEMPTY)
		}
	}
	if f.free >= 0 {
		f.free += int64(len(n.data))
	}
	f.change(change{from: name})
	return nil
}

// SyncDir makes a directory's entries durable.
func (f *FS) SyncDir(dir string) error {
	dir = filepath.Clean(dir)
	err := f.fault(Op{Kind: SyncDir, Name: dir})
	f.mu.Lock()
	defer f.mu.Unlock()
	var rest []change
	for _, c := range f.pend {
		switch {
		case c.dir != dir:
			rest = append(rest, c)
		case err == nil:
			c.apply(f.disk)
		}
	}
	f.pend = rest
	if err != nil {
		return pathError("fsync", dir, err)
	}
	return nil
}

func (f *FS) parent(name string) error {
	if p := f.now[filepath.Dir(name)]; p == nil || !p.dir {
		return syscall.ENOENT
	}
	return nil
}

func (f *FS) change(c change) {
	if c.dir = filepath.Dir(c.to); c.to == "" {
		c.dir = filepath.Dir(c.from)
	}
	c.apply(f.now)
	f.pend = append(f.pend, c)
}

func (c change) apply(names map[string]*node) {
	if c.from != "" {
		delete(names, c.from)
	}
	if c.to != "" {
		names[c.to] = c.node
	}
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
