//go:build !portable

package disklog

import (
	"errors"
	"io"
	"math/bits"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxVec is IOV_MAX, how many pieces the kernel takes at once
// (include/uapi/linux/uio.h: UIO_MAXIOV).
const maxVec = 1024

// osFile is an open file. One goroutine at a time calls WriteVec.
type osFile struct {
	*os.File
	raw syscall.RawConn // holds the file open during a call, as its descriptor alone would not

	vec   []unix.Iovec // scratch of WriteVec
	off   int64
	n     int
	errno syscall.Errno
	write func(fd uintptr) // kept, since making it would allocate
}

func newOSFile(f *os.File) (File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	o := &osFile{File: f, raw: raw}
	o.write = o.pwritev
	return o, nil
}

func (f *osFile) WriteVec(pieces [][]byte, off int64) (total int, err error) {
	defer func() {
		clear(f.vec) // keeps nothing of the pieces
		f.vec = f.vec[:0]
	}()
	skip := 0 // bytes of the first piece that have been written
	for {
		for len(pieces) > 0 && skip >= len(pieces[0]) {
			skip -= len(pieces[0])
			pieces = pieces[1:]
		}
		if len(pieces) == 0 {
			return total, nil
		}
		f.vec = f.vec[:0]
		for i, p := range pieces {
			if i == 0 {
				p = p[skip:]
			}
			if len(p) == 0 {
				continue
			}
			v := unix.Iovec{Base: &p[0]}
			v.SetLen(len(p))
			if f.vec = append(f.vec, v); len(f.vec) == maxVec {
				break
			}
		}
		f.off = off + int64(total)
		if err := f.raw.Control(f.write); err != nil {
			return total, err
		}
		switch {
		case f.errno == syscall.EINTR:
			continue
		case f.errno != 0:
			return total, &os.PathError{Op: "pwritev", Path: f.Name(), Err: f.errno}
		case f.n == 0:
			return total, &os.PathError{Op: "pwritev", Path: f.Name(), Err: io.ErrShortWrite}
		}
		total += f.n
		skip += f.n
	}
}

func (f *osFile) pwritev(fd uintptr) {
	low, high := uintptr(f.off), uintptr(uint64(f.off)>>(bits.UintSize-1)>>1) // pwritev(2): high is of 32-bit systems
	n, _, errno := unix.Syscall6(unix.SYS_PWRITEV, fd,
		uintptr(unsafe.Pointer(&f.vec[0])), uintptr(len(f.vec)), low, high, 0)
	f.n, f.errno = int(n), errno
}

// Sync leaves times alone, unlike os.File's.
func (f *osFile) Sync() error {
	return f.call("fdatasync", unix.Fdatasync)
}

func (f *osFile) StartWrite(off, n int64) error {
	return f.syncRange(off, n, unix.SYNC_FILE_RANGE_WRITE)
}

func (f *osFile) FinishWrite(off, n int64) error {
	return f.syncRange(off, n, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
}

func (f *osFile) syncRange(off, n int64, flags int) error {
	err := f.call("sync_file_range", func(fd int) error { return unix.SyncFileRange(fd, off, n, flags) })
	for _, unsupported := range []error{unix.EINVAL, unix.ENOSYS, unix.ESPIPE, unix.EOPNOTSUPP} {
		if errors.Is(err, unsupported) {
			return nil
		}
	}
	return err
}

func (f *osFile) WillRead(off, n int64) {
	_ = f.call("fadvise64", func(fd int) error { return unix.Fadvise(fd, off, n, unix.FADV_WILLNEED) })
}

func (f *osFile) Forget(end int64) {
	// It is advice: not every file system takes it.
	_ = f.call("fadvise64", func(fd int) error { return unix.Fadvise(fd, 0, end, unix.FADV_DONTNEED) })
}

func (f *osFile) call(name string, do func(fd int) error) (err error) {
	if e := f.raw.Control(func(fd uintptr) {
		for {
			if err = do(int(fd)); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}); e != nil {
		return e
	}
	if err != nil {
		return &os.PathError{Op: name, Path: f.Name(), Err: err}
	}
	return nil
}
