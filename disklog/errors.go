package disklog

import (
	"errors"
	"fmt"
)

var (
	// ErrNewer is what a NewerError is.
	ErrNewer = errors.New("written by a newer version")
	// ErrClosed is returned by everything after Close.
	ErrClosed = errors.New("the log is closed")
	// ErrNotEmpty is returned by Remove while records are unacknowledged.
	ErrNotEmpty = errors.New("the log holds unacknowledged records")
	// ErrTooLarge is returned by Append for a record that no header can describe.
	ErrTooLarge = errors.New("the record is too large")
	// ErrOwner is returned where a directory belongs to another user.
	ErrOwner = errors.New("belongs to another user")
	// ErrLocked is returned by LockDir for a directory that a process has.
	ErrLocked = errors.New("in use by another process")
)

// NewerError tells of a file that a newer version has written. It was left
// untouched, and so was everything beside it.
type NewerError struct {
	File    string
	Version uint32
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s has format version %d, and this program knows up to %d: start the newer version, or move the file away",
		e.File, e.Version, version)
}

// Is makes errors.Is(err, ErrNewer) true.
func (e *NewerError) Is(target error) bool { return target == ErrNewer }

// Kind says what has become of records that can't be read.
type Kind uint8

const (
	Damaged Kind = iota + 1 // a checksum does not match
	Torn                    // the file ends too early
	Missing                 // a segment, or records that the position tells of, are not there
	Device                  // the file can't be read: EIO, or it is gone
)

func (k Kind) String() string {
	switch k {
	case Damaged:
		return "damaged"
	case Torn:
		return "torn"
	case Missing:
		return "missing"
	case Device:
		return "unreadable"
	default:
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
}

// Lost tells of records that were skipped because they can't be read. They
// count as acknowledged.
type Lost struct {
	First   uint64 // the sequence number of the first
	Records uint64
	Weight  uint64
	Segment string // the name of the file in which reading stopped; "" if there is none
	Offset  int64  // in that file, in bytes, of what could not be read
	Kind    Kind
	Err     error // of the device, or nil
}

func (e *Lost) Error() string {
	where := e.Segment
	if where == "" {
		where = "no segment has them"
	} else {
		where = fmt.Sprintf("%s at %d", where, e.Offset)
	}
	text := fmt.Sprintf("%d records lost from %d on, %s: %s", e.Records, e.First, e.Kind, where)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Lost) Unwrap() error { return e.Err }

// Damage is something that Open found amiss.
type Damage struct {
	File   string // its name in the directory
	Offset int64  // in bytes
	Kind   Kind
	Err    error // what was wrong
}

func (d Damage) String() string {
	return fmt.Sprintf("%s at %d: %s: %v", d.File, d.Offset, d.Kind, d.Err)
}
