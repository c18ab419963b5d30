package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// device is where the disk buffers are kept, and what a sync of it costs: that
// of `sync: always` is hardly more than that.
type device struct {
	FileSystem string `json:"file_system"` // as /proc/mounts says it
	// What it took to write 4 KiB behind a file and fdatasync it, in order of time.
	Median time.Duration `json:"fdatasync_median_ns"`
	Slow   time.Duration `json:"fdatasync_90th_ns"` // one of ten took longer
	Most   time.Duration `json:"fdatasync_most_ns"`
	Error  string        `json:"error,omitempty"` // why it could not be measured
}

// syncs is how often a write is timed: 2 s of a disk that takes 20 ms.
const syncs = 100

func measureDevice(folder string) (d device) {
	d.FileSystem = fileSystem(folder, wholeFile("/proc/mounts"))
	if err := d.time(folder); err != nil {
		d.Error = err.Error()
	}
	return d
}

func (d *device) time(folder string) error {
	f, err := os.CreateTemp(folder, "wayside-bench-sync-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4<<10)
	var all []time.Duration
	for range syncs {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return err
		}
		if err := syncData(f); err != nil {
			return err
		}
		all = append(all, time.Since(begin))
	}
	slices.Sort(all)
	d.Median, d.Slow, d.Most = all[syncs/2], all[syncs*9/10], all[syncs-1]
	return nil
}

func wholeFile(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

// fileSystem finds the type of what is mounted over a folder: of the deepest
// mount point, and of those at one place the last.
func fileSystem(folder, mounts string) string {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	kind, deepest := "unknown", 0
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 3 || len(f[1]) < deepest {
			continue
		}
		if point := strings.TrimSuffix(f[1], "/"); folder == f[1] || strings.HasPrefix(folder, point+"/") {
			kind, deepest = f[2], len(f[1])
		}
	}
	return kind
}
