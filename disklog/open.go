package disklog

import (
	"math/rand/v2"
	"time"
)

// Recovered is what a log held when it was opened.
type Recovered struct {
	Records uint64 // not acknowledged, those that are damaged or missing included
	Weight  uint64 // of those: Next returns records and Lost that add up to it
	Bytes   int64  // of segments
	Damage  []Damage
}

// Open opens the log in a directory, which it makes, with what is above it, if
// it is not there. At most one Log at a time may be open in a directory: see
// LockDir.
//
// What is damaged never keeps a log from opening, and is left as it is, to be
// skipped when it is read; files with other names are none of its business. An
// error is a NewerError, or ErrOwner, or one of the file system's. A directory
// or a file that others could write to is made private again.
//
// It reads the position, the headers of all segments, and the records' headers
// of the last one.
func Open(dir string, opt Options) (*Log, Recovered, error) {
	if opt.SegmentBytes <= 0 {
		opt.SegmentBytes = 1 << 20
	}
	if opt.FS == nil {
		opt.FS = osFS{}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.salt == nil {
		opt.salt = rand.Uint32
	}
	l := &Log{dir: dir, fs: opt.FS, opt: opt}
	var rec Recovered
	if err := makeDir(l.fs, dir); err != nil {
		return nil, rec, err
	}
	names, err := l.fs.ReadDir(dir)
	if err != nil {
		return nil, rec, err
	}
	var o opening
	if err := o.read(l, names); err != nil {
		return nil, rec, err
	}
	if err := l.adopt(&o); err != nil {
		return nil, rec, err
	}
	s := l.Stats()
	return l, Recovered{
		Records: s.Records,
		Weight:  s.Weight,
		Bytes:   l.bytes,
		Damage:  o.damage,
	}, nil
}
