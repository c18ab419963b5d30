package disklog_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/wayside-tracing/wayside/disklog"
)

func TestOnlyTheOwnerHasAccess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "log")
	l, _, err := disklog.Open(dir, disklog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	appendN(t, l, 1, 10)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	modes := func() {
		t.Helper()
		for _, d := range []string{dir, filepath.Dir(dir)} {
			if info, err := os.Stat(d); err != nil || info.Mode() != fs.ModeDir|0o700 {
				t.Errorf("%v %v", info.Mode(), err)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 {
			t.Fatal(entries, err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
				t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
			}
		}
	}
	modes()
	// As Kubernetes does with fsGroup.
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Chmod(f, 0o664); err != nil {
			t.Fatal(err)
		}
	}
	l, rec, err := disklog.Open(dir, disklog.Options{})
	if err != nil || rec.Records != 1 || len(rec.Damage) != 0 {
		t.Fatal(rec, err)
	}
	modes()
	if err := l.Remove(); !errors.Is(err, disklog.ErrNotEmpty) {
		t.Error(err)
	}
	l.Ack(0, 0)
	if err := l.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := l.Sync(); !errors.Is(err, disklog.ErrClosed) {
		t.Error(err)
	}
}

// Nobody else's files are used, nor are those that a link leads to.
func TestForeignOwner(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "0000000000000000-00000000.seg")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "position")); err != nil {
		t.Fatal(err)
	}
	l, rec, err := disklog.Open(dir, disklog.Options{})
	if err != nil || len(rec.Damage) != 2 || rec.Records != 0 {
		t.Fatal(rec, err)
	}
	appendN(t, l, 1, 10)
	if err := l.Close(); err != nil { // the position takes the link's place
		t.Fatal(err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "position")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v %v", info.Mode(), err)
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := disklog.Open(file, disklog.Options{}); err == nil {
		t.Error("a file was opened as a directory")
	}
	if os.Geteuid() != 0 {
		t.Skip("NOT ROOT: directories of another user are not tried")
	}
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := disklog.Open(dir, disklog.Options{}); !errors.Is(err, disklog.ErrOwner) {
		t.Error(err)
	}
}
