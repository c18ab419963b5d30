// Package cgroup puts a process under a limit of memory, and reads what of it the
// process took: version 1 or 2, whichever this machine gives us.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrNotAllowed is wrapped when a group can't be made here.
var ErrNotAllowed = errors.New("memory cgroups can't be made here: that takes root")

// Group is a memory cgroup.
type Group struct {
	Version int
	path    string
}

// Usage is what a group holds. Sizes are in bytes.
type Usage struct {
	All uint64 `json:"all"` // as the limit counts it
	// WorkingSet is All less the file pages that have not been used lately, as
	// the kubelet counts a container's memory: what the kernel would give up first
	// is not in it.
	WorkingSet uint64 `json:"working_set"`
	Anonymous  uint64 `json:"anonymous"`
	File       uint64 `json:"file"`   // page cache, of programs too
	Socket     uint64 `json:"socket"` // TCP's buffers, where they are told apart (version 1: only TCP)
	Kernel     uint64 `json:"kernel"` // slabs, stacks, page tables; with version 1 as kmem counts it
}

// hierarchy is where the groups of a version are.
type hierarchy struct {
	version            int
	root, limit, probe string // a folder, and files in a group and in the root
}

var hierarchies = [...]hierarchy{
	{2, "/sys/fs/cgroup", "memory.max", "cgroup.controllers"},
	{1, "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.limit_in_bytes"},
}

// New makes a group with a limit in bytes.
func New(name string, limit uint64) (*Group, error) {
	for _, h := range hierarchies {
		if _, err := os.Stat(filepath.Join(h.root, h.probe)); err == nil {
			return h.group(name, limit)
		}
	}
	return nil, fmt.Errorf("%w: there is no memory controller", ErrNotAllowed)
}

func (h hierarchy) group(name string, limit uint64) (*Group, error) {
	g := &Group{Version: h.version, path: filepath.Join(h.root, name)}
	if h.version == 2 {
		// Groups below the root have the controllers that it hands down. Where it
		// can't, because processes are in it, it does so already, or there is no
		// memory.max.
		_ = os.WriteFile(filepath.Join(h.root, "cgroup.subtree_control"), []byte("+memory"), 0)
	}
	if err := os.Mkdir(g.path, 0o755); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrNotAllowed, err)
	}
	if err := g.write(h.limit, fmt.Sprint(limit)); err != nil {
		g.Close()
		return nil, fmt.Errorf("%w (%w)", ErrNotAllowed, err)
	}
	// Swapping must not hide what is too much; a kernel without swap accounting has
	// no such file.
	if h.version == 2 {
		_ = g.write("memory.swap.max", "0")
	} else {
		_ = g.write("memory.swappiness", "0")
	}
	return g, nil
}

// Each is the larger of each kind; the most of one kind need not have been there
// with the most of another.
func (u Usage) Each(v Usage) Usage {
	return Usage{
		All: max(u.All, v.All), WorkingSet: max(u.WorkingSet, v.WorkingSet), Anonymous: max(u.Anonymous, v.Anonymous), File: max(u.File, v.File),
		Socket: max(u.Socket, v.Socket), Kernel: max(u.Kernel, v.Kernel),
	}
}

// Enter is a command of the shell that puts the shell itself into the group.
func (g *Group) Enter() string { return "echo $$ > " + filepath.Join(g.path, "cgroup.procs") }

// Close removes the group, which must be empty.
func (g *Group) Close() { _ = os.Remove(g.path) }

// Usage reads what the group holds now.
func (g *Group) Usage() (u Usage, err error) {
	stat, err := g.table("memory.stat")
	if err != nil {
		return u, err
	}
	if g.Version == 2 {
		u = Usage{Anonymous: stat["anon"], File: stat["file"], Socket: stat["sock"], Kernel: stat["kernel"]}
		u.All, err = g.number("memory.current")
		u.WorkingSet = u.All - min(u.All, stat["inactive_file"])
		return u, err
	}
	u = Usage{Anonymous: stat["rss"], File: stat["cache"]}
	var errs [3]error
	u.All, errs[0] = g.number("memory.usage_in_bytes")
	u.Socket, errs[1] = g.number("memory.kmem.tcp.usage_in_bytes")
	u.Kernel, errs[2] = g.number("memory.kmem.usage_in_bytes")
	u.WorkingSet = u.All - min(u.All, stat["inactive_file"])
	return u, errors.Join(errs[:]...)
}

// Peak is the most that the group has held.
func (g *Group) Peak() (uint64, error) {
	if g.Version == 2 {
		return g.number("memory.peak")
	}
	return g.number("memory.max_usage_in_bytes")
}

// Killed is how many processes were killed for want of memory, and Hits how
// often the limit was met.
func (g *Group) Killed() (killed, hits uint64, err error) {
	if g.Version == 2 {
		events, err := g.table("memory.events")
		return events["oom_kill"], events["max"], err
	}
	control, err := g.table("memory.oom_control")
	if err != nil {
		return 0, 0, err
	}
	hits, err = g.number("memory.failcnt")
	return control["oom_kill"], hits, err
}

func (g *Group) write(file, text string) error {
	return os.WriteFile(filepath.Join(g.path, file), []byte(text), 0)
}

func (g *Group) number(file string) (uint64, error) {
	b, err := os.ReadFile(filepath.Join(g.path, file))
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 64)
}

// table reads lines of a name and a number.
func (g *Group) table(file string) (map[string]uint64, error) {
	b, err := os.ReadFile(filepath.Join(g.path, file))
	if err != nil {
		return nil, err
	}
	table := map[string]uint64{}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("cgroup: %s: %q: %w", file, line, err)
		}
		table[name] = n
	}
	return table, nil
}
