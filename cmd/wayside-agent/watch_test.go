package main

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchSeesEverySortOfChange(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "agent.yaml")
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "one")
	write(t, b, "two") // of the same size
	now := time.Now()
	for _, f := range []string{a, b} {
		if err := os.Chtimes(f, now, now); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to string) {
		t.Helper()
		if err := os.Symlink(to, file+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	link(a)

	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var reloads atomic.Int32
		look := func(want int32, after string) {
			t.Helper()
			time.Sleep(3 * lookEvery)
			synctest.Wait()
			if got := reloads.Load(); got != want {
				t.Errorf("%d reloads after %s, want %d", got, after, want)
			}
		}
		go watch(ctx, []string{file}, stat([]string{file}), nil, counter{&reloads})
		look(0, "nothing")
		link(b)
		look(1, "a swapped link, as Kubernetes does it")
		write(t, b, "longer")
		look(2, "a new size")
		if err := os.Chtimes(b, now, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		look(3, "a new time")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		look(3, "the file went")
		link(b)
		look(3, "the same file came back")
		link(a)
		look(4, "another file came")
	})
}

// A file that changes at every look is still being written.
func TestWatchWaitsForTheEndOfWriting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, "")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var reloads atomic.Int32
		go watch(ctx, []string{file}, stat([]string{file}), nil, counter{&reloads})
		time.Sleep(lookEvery / 2)
		text := ""
		for range 5 {
			text += "more"
			write(t, file, text)
			time.Sleep(lookEvery)
			synctest.Wait()
			if reloads.Load() != 0 {
				t.Fatal("it was read while it was written")
			}
		}
		time.Sleep(lookEvery)
		synctest.Wait()
		if reloads.Load() != 1 {
			t.Error("it was not read in the end")
		}
	})
}

// counter counts reloads, of which none is due.
type counter struct{ reloads *atomic.Int32 }

func (c counter) reload()   { c.reloads.Add(1) }
func (c counter) due() bool { return false }
