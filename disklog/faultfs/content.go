package faultfs

import (
	"path/filepath"
	"slices"
	"syscall"
)

// Content returns a copy of what is in a file; false if there is none.
func (f *FS) Content(name string) ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.now[filepath.Clean(name)]
	if n == nil || n.dir {
		return nil, false
	}
	return slices.Clone(n.data), true
}

// SetContent puts a file there, on the disk and not only in the cache, or
// changes all that is in it. Its directory must be there.
func (f *FS) SetContent(name string, b []byte) error {
	name = filepath.Clean(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.parent(name); err != nil {
		return pathError("write", name, syscall.ENOENT)
	}
	n := f.now[name]
	if n == nil {
		n = newFile(0o600, nil)
		f.now[name], f.disk[name] = n, n
	}
	n.data, n.disk = slices.Clone(b), slices.Clone(b)
	clear(n.dirty)
	clear(n.clean)
	return nil
}
