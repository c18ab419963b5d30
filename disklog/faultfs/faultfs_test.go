package faultfs_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

func create(t *testing.T, f *faultfs.FS, name string) disklog.File {
	t.Helper()
	file, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func write(t *testing.T, f disklog.File, b []byte, off int64) {
	t.Helper()
	if n, err := f.WriteVec([][]byte{b[:len(b)/2], b[len(b)/2:]}, off); n != len(b) || err != nil {
		t.Fatal(n, err)
	}
}

// crashes counts what different crashes leave of a file: nothing, all, or else.
func crashes(f *faultfs.FS, name string, all []byte) (none, whole, part int) {
	for seed := range uint64(100) {
		b, ok := f.Crash(rand.New(rand.NewPCG(seed, 0))).Content(name)
		switch {
		case !ok:
			none++
		case bytes.Equal(b, all):
			whole++
		default:
			part++
		}
	}
	return none, whole, part
}

func TestCrash(t *testing.T) {
	f := faultfs.New()
	file := create(t, f, "/a")
	data := bytes.Repeat([]byte("x"), 3000)
	write(t, file, data, 0)
	if none, whole, part := crashes(f, "/a", data); none == 0 || whole == 0 || part == 0 {
		t.Errorf("nothing synced: %d %d %d", none, whole, part)
	}
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	if none, _, part := crashes(f, "/a", data); none == 0 || part != 0 {
		t.Errorf("without its entry: %d times gone, %d times torn", none, part)
	}
	if err := f.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	if _, whole, _ := crashes(f, "/a", data); whole != 100 {
		t.Errorf("synced, and there %d times of 100", whole)
	}
	write(t, file, []byte("y"), 2999)
	if _, whole, part := crashes(f, "/a", data); whole == 0 || part == 0 {
		t.Errorf("a byte changed: %d and %d", whole, part)
	}
	if b, _ := f.Kill().Content("/a"); b[2999] != 'y' {
		t.Error("the end of a process loses something")
	}
}

// A rename happens or not: there is always one of the names.
func TestRenameIsAtomic(t *testing.T) {
	f := faultfs.New()
	file := create(t, f, "/a")
	write(t, file, []byte("x"), 0)
	if err := errors.Join(file.Sync(), f.SyncDir("/"), f.Rename("/a", "/b")); err != nil {
		t.Fatal(err)
	}
	before, after := 0, 0
	for seed := range uint64(100) {
		names, err := f.Crash(rand.New(rand.NewPCG(seed, 0))).ReadDir("/")
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case slices.Equal(names, []string{"a"}):
			before++
		case slices.Equal(names, []string{"b"}):
			after++
		default:
			t.Errorf("seed %d: %q", seed, names)
		}
	}
	if before == 0 || after == 0 {
		t.Errorf("%d times before, %d after", before, after)
	}
}

// After a Sync that failed, one that succeeds brings nothing to the disk.
func TestFailedSync(t *testing.T) {
	for _, evict := range []bool{false, true} {
		f := faultfs.New()
		file := create(t, f, "/a")
		if err := f.SyncDir("/"); err != nil {
			t.Fatal(err)
		}
		write(t, file, []byte("x"), 0)
		f.Inject(func(faultfs.Op) error { return &faultfs.Fault{Err: syscall.EIO, Evict: evict} })
		if err := file.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		f.Inject(nil)
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
		if b, _ := f.Content("/a"); (string(b) == "x") == evict {
			t.Errorf("evict %v: %q is in the cache", evict, b)
		}
		if _, whole, _ := crashes(f, "/a", []byte("x")); whole != 0 {
			t.Errorf("evict %v: it is on the disk", evict)
		}
	}
}

func TestFull(t *testing.T) {
	f := faultfs.New()
	file := create(t, f, "/a")
	f.Free(5)
	if n, err := file.WriteVec([][]byte{[]byte("12345678")}, 0); n != 5 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d, %v", n, err)
	}
	if err := file.Truncate(2); err != nil {
		t.Fatal(err)
	}
	write(t, file, []byte("345"), 2)
	if n, err := file.WriteVec([][]byte{[]byte("6")}, 5); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d, %v", n, err)
	}
	if err := f.Remove("/a"); err != nil {
		t.Fatal(err)
	}
	write(t, create(t, f, "/b"), []byte("12345"), 0)
}
