package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const groupsRoot = "/sys/fs/cgroup"

// hierarchies are the folders in which a node has a control group: one for each
// controller by version 1, one by version 2.
func hierarchies() (folders []string, version2 bool) {
	if _, err := os.Stat(filepath.Join(groupsRoot, "cgroup.controllers")); err == nil {
		return []string{groupsRoot}, true
	}
	for _, c := range []string{"cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer", "blkio", "systemd", "unified"} {
		if d := filepath.Join(groupsRoot, c); exists(d) {
			folders = append(folders, d)
		}
	}
	return folders, false
}

// makeGroups makes a node's control groups.
func makeGroups(n int) error {
	folders, version2 := hierarchies()
	if version2 {
		// A group has the controllers that the one above it hands down.
		if err := os.WriteFile(filepath.Join(groupsRoot, "cgroup.subtree_control"), []byte("+cpu +cpuset +memory +pids"), 0); err != nil {
			return fmt.Errorf("node: control groups: %w", err)
		}
	}
	for _, folder := range folders {
		group := filepath.Join(folder, Group(n))
		if err := os.MkdirAll(group, 0o755); err != nil {
			return fmt.Errorf("node: control groups: %w", err)
		}
		if version2 || filepath.Base(folder) != "cpuset" {
			continue
		}
		for _, f := range []string{"cpuset.cpus", "cpuset.mems"} { // a new one may use nothing
			b, err := os.ReadFile(filepath.Join(folder, f))
			if err == nil {
				err = os.WriteFile(filepath.Join(group, f), b, 0)
			}
			if err != nil {
				return fmt.Errorf("node: control groups: %w", err)
			}
		}
	}
	return nil
}

// RemoveGroups removes the control groups of nodes whose processes have ended.
// The kernel may take a moment to see that they have.
func RemoveGroups(nodes int) error {
	folders, _ := hierarchies()
	var err error
	for range 100 {
		err = nil
		for _, folder := range folders {
			for n := 1; n <= nodes; n++ {
				err = errors.Join(err, removeGroup(filepath.Join(folder, Group(n))))
			}
			// What containerd asks runc for outside of pods.
			err = errors.Join(err, removeGroup(filepath.Join(folder, "k8s.io")))
		}
		if err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("node: control groups are left: %w", err)
}

// removeGroup removes a group with those in it, the innermost first.
func removeGroup(group string) error {
	var all []string
	err := filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, path)
		}
		return nil // what goes away meanwhile is as it should be
	})
	slices.SortFunc(all, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	for _, path := range all {
		if e := os.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = e
		}
	}
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
