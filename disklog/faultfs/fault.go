package faultfs

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Kind is a kind of operation.
type Kind uint8

// The operations that can be made to fail.
const (
	Open Kind = iota
	Read
	Write
	Truncate
	Sync
	StartWrite
	FinishWrite
	ReadDir
	Mkdir
	Rename
	Remove
	SyncDir
)

func (k Kind) String() string {
	return [...]string{
		"Open", "Read", "Write", "Truncate", "Sync", "StartWrite", "FinishWrite",
		"ReadDir", "Mkdir", "Rename", "Remove", "SyncDir",
	}[k]
}

// Changes are the operations that a read-only file system refuses (EROFS),
// besides Open with Create.
func (k Kind) Changes() bool {
	return slices.Contains([]Kind{Write, Truncate, Mkdir, Rename, Remove}, k)
}

// An Op is an operation that is about to happen.
type Op struct {
	Kind   Kind
	Name   string // the clean path
	Off    int64  // of Read, Write, StartWrite, FinishWrite; the size of Truncate
	Len    int    // of the same
	Create bool   // Open makes a file that is not there
}

// Segment reports whether the operation is one on a segment's file.
func (o Op) Segment() bool { return strings.Contains(filepath.Base(o.Name), ".seg") }

func (o Op) String() string { return fmt.Sprintf("%v %s", o.Kind, filepath.Base(o.Name)) }

// Inject has each operation ask decide first; an error that it returns, usually
// a syscall.Errno or a *Fault, is what the operation fails with. decide may
// take its time, which makes the disk slow. nil ends that.
func (f *FS) Inject(decide func(Op) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inject = decide
}

// Free lets only so many more bytes be written before the file system is full
// (ENOSPC, the last write in part); negative: no end. Removed files give theirs
// back.
func (f *FS) Free(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free = bytes
}

// Opened is how many files are open.
func (f *FS) Opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

func (f *FS) fault(op Op) error {
	f.mu.Lock()
	decide := f.inject
	f.mu.Unlock()
	if decide == nil {
		return nil
	}
	return decide(op)
}

// A Fault is an error with more to say.
type Fault struct {
	Err     error // a syscall.Errno
	Written int   // bytes of a Write that were written before it failed
	Evict   bool  // what a Sync could not write is gone from the page cache, too
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

func evicts(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Evict
}
