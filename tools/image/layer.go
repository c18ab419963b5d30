package main

import (
	"archive/tar"
	"bytes"
	"io"
	"path"
	"time"
)

// A file is one of a tar: root's, like everything in an image.
type file struct {
	path    string // absolute
	mode    int64
	content []byte
}

func (f file) write(w *tar.Writer, modified time.Time) error {
	if err := w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: f.path[1:], Mode: f.mode, Size: int64(len(f.content)),
		ModTime: modified, Format: tar.FormatUSTAR,
	}); err != nil {
		return err
	}
	_, err := w.Write(f.content)
	return err
}

// layerOf is a tar of files with the folders that they are in.
func layerOf(files []file, modified time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	made := map[string]bool{"/": true}
	for _, f := range files {
		for _, folder := range foldersOf(f.path) {
			if made[folder] {
				continue
			}
			made[folder] = true
			if err := w.WriteHeader(&tar.Header{
				Typeflag: tar.TypeDir, Name: folder[1:] + "/", Mode: 0o755, ModTime: modified, Format: tar.FormatUSTAR,
			}); err != nil {
				return nil, err
			}
		}
		if err := f.write(w, modified); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil { // which writes the end
		return nil, err
	}
	return b.Bytes(), nil
}

// foldersOf lists what a file is in, the outermost first.
func foldersOf(file string) (folders []string) {
	for dir := path.Dir(file); dir != "/"; dir = path.Dir(dir) {
		folders = append([]string{dir}, folders...)
	}
	return folders
}

func opener(content []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}
