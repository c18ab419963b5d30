package main

import (
	"context"
	"os"
	"slices"
	"time"
)

// lookEvery is how often the configuration file is looked at. Asking for its
// size and time twice in this many seconds costs less than a library that is
// told of changes, and sees the swapped symbolic links of Kubernetes as well.
const lookEvery = 2 * time.Second

// reloading is what a reloader does.
type reloading interface {
	reload()
	due() bool // without a change
}

// watch calls reload at every hangup, and when one of the files has changed and
// all then stayed as they are for one look, so that a file that is being written
// isn't read. A reload that is due is made without a change. loaded are the files
// as they were read at start.
func watch(ctx context.Context, files []string, loaded []os.FileInfo, hangup <-chan os.Signal, r reloading) {
	var ticks <-chan time.Time
	if len(files) > 0 || r.due() {
		t := time.NewTicker(lookEvery)
		defer t.Stop()
		ticks = t.C
	}
	before := loaded
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			loaded = stat(files)
			r.reload()
		case <-ticks:
			now := stat(files)
			if settled(before, now) && (changed(loaded, now) || r.due()) {
				for i, f := range now {
					if f != nil {
						loaded[i] = f
					}
				}
				r.reload()
			}
			before = now
		}
	}
}

// stat is what tells one version of a file from another, for each; nil where
// there is none.
func stat(files []string) []os.FileInfo {
	list := make([]os.FileInfo, len(files))
	for i, f := range files {
		if info, err := os.Stat(f); err == nil {
			list[i] = info
		}
	}
	return list
}

// settled reports whether no file changed between two looks.
func settled(before, now []os.FileInfo) bool { return slices.EqualFunc(before, now, same) }

// changed reports whether there is a file that is not as it was read. One that
// is gone is no change: it is being replaced, or the old one stays in force.
func changed(loaded, now []os.FileInfo) bool {
	for i, f := range now {
		if f != nil && !same(f, loaded[i]) {
			return true
		}
	}
	return false
}

func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
