//go:build !portable

package disklog_test

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wayside-tracing/wayside/disklog"
)

// What is written, and what is read, does not stay in the page cache, with or
// without Sync.
func TestPageCacheStaysSmall(t *testing.T) {
	for _, sync := range []bool{false, true} {
		dir := t.TempDir()
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		if st.Type == unix.TMPFS_MAGIC {
			t.Skipf("%s IS A TMPFS, which is nothing but page cache: set TMPDIR to another file system", dir)
		}
		l, _, err := disklog.Open(dir, disklog.Options{SegmentBytes: 4 << 20})
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 10_000)
		for range 1600 { // 16 MB
			if _, err := l.Append(disklog.Pending{Weight: 1, Data: [][]byte{data}}); err != nil {
				t.Fatal(err)
			}
		}
		// The last few of each segment are left to Sync, which is usually called
		// every 200 ms; without it there are four such rests.
		limit := 4 << 20
		if sync {
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			limit = 1 << 20
		}
		if n := resident(t, dir); n > limit {
			t.Errorf("sync %v: %d bytes are in the page cache after writing", sync, n)
		}
		if !sync {
			continue
		}
		for i := range 1600 {
			r, err := l.Next(data)
			if err != nil {
				t.Fatal(err)
			}
			data = r.Data
			if i%199 != 0 {
				continue
			}
			if n := resident(t, dir); n > limit {
				t.Errorf("%d bytes are in the page cache, %d records having been read", n, i)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// resident is how much of a directory's files is in the page cache, in bytes.
func resident(t *testing.T, dir string) (n int) {
	t.Helper()
	names, err := filepath.Glob(dir + "/*.seg")
	if err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		page := os.Getpagesize()
		m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		in := make([]byte, (len(m)+page-1)/page)
		if err := mincore(m, in); err != nil {
			t.Fatal(err)
		}
		for _, b := range in {
			n += int(b&1) * page
		}
		if err := unix.Munmap(m); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// mincore tells for each page whether it is in memory (mincore(2)).
func mincore(m, in []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_MINCORE,
		uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(unsafe.Pointer(&in[0])))
	if errno != 0 {
		return errno
	}
	return nil
}
