package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What a kernel writes, in both versions; the figures are from a machine.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		version      int
		files        map[string]string
		want         Usage
		peak         uint64
		killed, hits uint64
	}{
		{1, map[string]string{
			"memory.stat":                    "cache 4096\nrss 8192\nrss_huge 0\ninactive_file 1480\n",
			"memory.usage_in_bytes":          "20480\n",
			"memory.kmem.tcp.usage_in_bytes": "1024\n",
			"memory.kmem.usage_in_bytes":     "2048\n",
			"memory.max_usage_in_bytes":      "40960\n",
			"memory.oom_control":             "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
			"memory.failcnt":                 "7\n",
		}, Usage{All: 20480, WorkingSet: 19000, Anonymous: 8192, File: 4096, Socket: 1024, Kernel: 2048}, 40960, 3, 7},
		{2, map[string]string{
			"memory.stat":    "anon 8192\nfile 4096\nkernel 2048\nsock 1024\ninactive_file 1480\n",
			"memory.current": "20480\n",
			"memory.peak":    "40960\n",
			"memory.events":  "low 0\nhigh 0\nmax 7\noom 0\noom_kill 3\n",
		}, Usage{All: 20480, WorkingSet: 19000, Anonymous: 8192, File: 4096, Socket: 1024, Kernel: 2048}, 40960, 3, 7},
	} {
		g := &Group{Version: c.version, path: t.TempDir()}
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(g.path, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := g.Usage(); got != c.want || err != nil {
			t.Errorf("version %d: %+v, %v, want %+v", c.version, got, err, c.want)
		}
		if got, err := g.Peak(); got != c.peak || err != nil {
			t.Errorf("version %d: peak %d, %v, want %d", c.version, got, err, c.peak)
		}
		if killed, hits, err := g.Killed(); killed != c.killed || hits != c.hits || err != nil {
			t.Errorf("version %d: killed %d, hits %d, %v, want %d and %d", c.version, killed, hits, err, c.killed, c.hits)
		}
		if err := os.Remove(filepath.Join(g.path, "memory.stat")); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Usage(); err == nil {
			t.Errorf("version %d: no memory.stat, and no error", c.version)
		}
	}
}

// What is written to make a group, in both versions; a folder stands for the kernel's.
func TestGroup(t *testing.T) {
	for version, want := range map[int]map[string]string{
		1: {"g/memory.limit_in_bytes": "20971520", "g/memory.swappiness": "0"},
		2: {"g/memory.max": "20971520", "g/memory.swap.max": "0", "cgroup.subtree_control": "+memory"},
	} {
		i := slices.IndexFunc(hierarchies[:], func(h hierarchy) bool { return h.version == version })
		h := hierarchies[i]
		h.root = t.TempDir()
		g, err := h.group("g", 20<<20)
		if err != nil || g.Version != version {
			t.Fatalf("version %d: %+v, %v", version, g, err)
		}
		for name, text := range want {
			if b, err := readBack(filepath.Join(h.root, name)); string(b) != text {
				t.Errorf("version %d: %s is %q, %v, want %q", version, name, b, err, text)
			}
		}
		if got, want := g.Enter(), "echo $$ > "+h.root+"/g/cgroup.procs"; got != want {
			t.Errorf("version %d: %q, want %q", version, got, want)
		}
	}
	if _, err := (hierarchy{2, t.TempDir() + "/none", "memory.max", ""}).group("g", 1); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a root that is not there: %v", err)
	}
}

// readBack reads a file that was made without any permission.
func readBack(file string) ([]byte, error) {
	if err := os.Chmod(file, 0o600); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}
