//go:build !linux || portable

package disklog

import "os"

// osFile is an open file. Linux has its own (fs_linux.go); the build tag
// portable puts this one in its place, so that it can be tested there.
type osFile struct {
	*os.File
	joined []byte
}

func newOSFile(f *os.File) (File, error) { return &osFile{File: f}, nil }

func (f *osFile) WriteVec(pieces [][]byte, off int64) (int, error) {
	f.joined = f.joined[:0]
	for _, p := range pieces {
		f.joined = append(f.joined, p...)
	}
	return f.WriteAt(f.joined, off)
}
