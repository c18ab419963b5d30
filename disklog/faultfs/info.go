package faultfs

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"time"
)

type info struct {
	name  string
	size  int64
	mode  fs.FileMode
	mtime time.Time
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.mtime }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil } // nobody owns it

func (n *node) info(name string) fs.FileInfo {
	mode := n.mode
	if n.dir {
		mode |= fs.ModeDir
	}
	return info{filepath.Base(name), int64(len(n.data)), mode, n.mtime}
}

// Lstat describes a file.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	name = filepath.Clean(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.now[name]
	if n == nil {
		return nil, pathError("lstat", name, syscall.ENOENT)
	}
	return n.info(name), nil
}
