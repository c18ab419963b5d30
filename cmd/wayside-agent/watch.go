package main

import (
	"context"
	"os"
	"time"
)

// lookEvery is how often the configuration file is looked at. Asking for its
// size and time twice in this many seconds costs less than a library that is
// told of changes, and sees the swapped symbolic links of Kubernetes as well.
const lookEvery = 2 * time.Second

// watch calls reload at every hangup, and when file has changed and then stayed
// as it is for one look, so that a file that is being written isn't read.
// loaded is the file as it was read at start.
func watch(ctx context.Context, file string, loaded os.FileInfo, hangup <-chan os.Signal, reload func()) {
	var ticks <-chan time.Time
	if file != "" {
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
			loaded = stat(file)
			reload()
		case <-ticks:
			now := stat(file)
			if now != nil && !same(now, loaded) && same(now, before) {
				loaded = now
				reload()
			}
			before = now
		}
	}
}

// stat is what tells one version of a file from another; nil if there is none.
func stat(file string) os.FileInfo {
	info, err := os.Stat(file)
	if err != nil {
		return nil
	}
	return info
}

func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
