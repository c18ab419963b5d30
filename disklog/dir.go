package disklog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// makeDir makes a directory, and sees to it that it is ours alone.
func makeDir(f FS, dir string) error {
	info, err := f.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		parent := filepath.Dir(dir)
		if parent != dir {
			if _, err := f.Lstat(parent); errors.Is(err, fs.ErrNotExist) {
				if err := makeDir(f, parent); err != nil {
					return err
				}
			}
		}
		if err := f.Mkdir(dir, 0o700); err != nil {
			return err
		}
		return f.SyncDir(parent)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &os.PathError{Op: "open log", Path: dir, Err: errors.New("not a directory")}
	}
	return private(f, dir, info, 0o700)
}

// private makes a file or directory accessible for its owner only, who has to be
// the one that this process runs as.
func private(f FS, name string, info fs.FileInfo, perm fs.FileMode) error {
	if uid, ok := owner(info); ok && uid != os.Geteuid() {
		return fmt.Errorf("%s %w: user %d, and this process runs as user %d", name, ErrOwner, uid, os.Geteuid())
	}
	if info.Mode().Perm()&^perm != 0 {
		return f.Chmod(name, perm)
	}
	return nil
}
