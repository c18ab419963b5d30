package faultfs

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"

	"github.com/wayside-tracing/wayside/disklog"
)

// sector is the unit of which a disk writes all or nothing, in bytes.
const sector = 512

type file struct {
	fs     *FS
	name   string
	node   *node
	write  bool
	closed bool
}

var _ disklog.Cached = (*file)(nil)

func (h *file) ReadAt(b []byte, off int64) (int, error) {
	if err := h.begin(Op{Kind: Read, Off: off, Len: len(b)}); err != nil {
		return 0, pathError("read", h.name, err)
	}
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	if off >= int64(len(h.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.node.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *file) WriteVec(pieces [][]byte, off int64) (int, error) {
	all := slices.Concat(pieces...)
	err := h.begin(Op{Kind: Write, Off: off, Len: len(all)})
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if !h.write {
		return 0, pathError("write", h.name, syscall.EBADF)
	}
	if err != nil {
		var f *Fault
		if all = all[:0]; errors.As(err, &f) {
			all = slices.Concat(pieces...)[:f.Written]
		}
	}
	if grows := off + int64(len(all)) - int64(len(h.node.data)); grows > 0 && h.fs.free >= 0 {
		if over := grows - h.fs.free; over > 0 {
			all, grows = all[:max(int64(len(all))-over, 0)], h.fs.free
			err = syscall.ENOSPC
		}
		h.fs.free -= grows
	}
	h.node.writeAt(all, off)
	if err != nil {
		return len(all), pathError("write", h.name, err)
	}
	return len(all), nil
}

func (n *node) writeAt(b []byte, off int64) {
	if len(b) == 0 {
		return
	}
	if grow := int(off) + len(b) - len(n.data); grow > 0 {
		n.data = append(n.data, make([]byte, grow)...)
	}
	copy(n.data[off:], b)
	for s := int(off) / sector; s <= (int(off)+len(b)-1)/sector; s++ {
		n.dirty[s] = true
		delete(n.clean, s)
	}
}

func (h *file) Truncate(size int64) error {
	if err := h.begin(Op{Kind: Truncate, Off: size}); err != nil {
		return pathError("truncate", h.name, err)
	}
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.fs.free >= 0 {
		h.fs.free += int64(len(h.node.data)) - size
	}
	h.node.data = h.node.data[:size]
	return nil
}

func (h *file) Sync() error {
	err := h.begin(Op{Kind: Sync})
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err != nil {
		h.node.fail(err)
		return pathError("fdatasync", h.name, err)
	}
	h.node.settle(func(int) bool { return true }, len(h.node.data))
	return nil
}

// StartWrite fails when it is told to, as FinishWrite does.
func (h *file) StartWrite(off, n int64) error {
	return h.writeBack(Op{Kind: StartWrite, Off: off, Len: int(n)})
}

// FinishWrite is no Sync: what it has written may still be in the disk's own memory.
func (h *file) FinishWrite(off, n int64) error {
	return h.writeBack(Op{Kind: FinishWrite, Off: off, Len: int(n)})
}

func (h *file) writeBack(op Op) error {
	err := h.begin(op)
	if err == nil {
		return nil
	}
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	h.node.fail(err)
	return pathError("sync_file_range", h.name, err)
}

func (h *file) WillRead(int64, int64) {}

// Forget takes away what only the cache has, if it counts as written.
func (h *file) Forget(end int64) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	for s := range h.node.clean {
		if int64(s+1)*sector <= end {
			h.node.evict(s)
		}
	}
}

func (h *file) Stat() (fs.FileInfo, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return h.node.info(h.name), nil
}

func (h *file) Close() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.closed {
		return pathError("close", h.name, fs.ErrClosed)
	}
	h.closed = true
	h.fs.open--
	return nil
}

func (h *file) begin(op Op) error {
	h.fs.mu.Lock()
	closed := h.closed
	h.fs.mu.Unlock()
	if closed {
		return fs.ErrClosed
	}
	op.Name = h.name
	return h.fs.fault(op)
}
