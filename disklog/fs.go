package disklog

import (
	"io"
	"io/fs"
)

// FS is the part of a file system that a log uses; paths are as for package
// os. Tests put one that fails or crashes in its place (package faultfs).
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error) // never follows a symbolic link
	ReadDir(dir string) ([]string, error)                           // the names, in any order
	Mkdir(dir string, perm fs.FileMode) error
	Lstat(name string) (fs.FileInfo, error)
	Chmod(name string, perm fs.FileMode) error
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error // makes its entries durable
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.Closer

	// WriteVec writes the pieces one behind the other at off, with one system
	// call where the system has one for it, and keeps none of them. Like an
	// io.WriterAt it returns an error if it writes less than all.
	WriteVec(pieces [][]byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error // fdatasync(2): the data, and what is needed to read it
	Stat() (fs.FileInfo, error)
}

// Cached is a File whose part in the kernel's page cache can be governed.
// Ranges are in bytes.
type Cached interface {
	// StartWrite starts to write a range to the disk and does not wait for it.
	StartWrite(off, n int64) error
	// FinishWrite writes a range to the disk and waits for it. An error is that
	// of the disk and may be told only once: the next Sync may know nothing of it.
	FinishWrite(off, n int64) error
	// WillRead starts to read a range into the page cache, so that the kernel does
	// not read ahead by itself, which can be a whole segment and more.
	WillRead(off, n int64)
	// Forget takes what is before end, as far as it has been written, out of the
	// page cache. It is always told of all from the start: pages are kept in
	// folios of several, and one that is only in part within a range stays.
	Forget(end int64)
}
