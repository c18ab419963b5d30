package main

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// machine is where figures were taken.
type machine struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Memory  string `json:"memory"`
	Kernel  string `json:"kernel"`
	Go      string `json:"go"`
	RmemMax string `json:"rmem_max_bytes"` // net.core.rmem_max bounds the socket buffer that is granted
	Load    string `json:"load_before"`    // /proc/loadavg before the first run
	Disk    device `json:"disk"`
}

// thisMachine describes it; disk is where the disk buffers are.
func thisMachine(disk string) machine {
	return machine{
		CPU:     labelled("/proc/cpuinfo", "model name"),
		Cores:   runtime.NumCPU(),
		Memory:  labelled("/proc/meminfo", "MemTotal"),
		Kernel:  firstLine("/proc/sys/kernel/osrelease"),
		Go:      runtime.Version(),
		RmemMax: firstLine("/proc/sys/net/core/rmem_max"),
		Load:    firstLine("/proc/loadavg"),
		Disk:    measureDevice(disk),
	}
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func labelled(path, label string) string {
	b, _ := os.ReadFile(path)
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == label {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// binary is a program's file.
type binary struct {
	Bytes    int64 `json:"bytes"`
	Static   bool  `json:"static"`   // asks for no dynamic linker
	Stripped bool  `json:"stripped"` // has no symbol table
}

func inspect(path string) (b binary, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return b, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return b, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	b = binary{Bytes: info.Size(), Static: true, Stripped: f.Section(".symtab") == nil}
	for _, p := range f.Progs {
		b.Static = b.Static && p.Type != elf.PT_INTERP
	}
	return b, nil
}

// output runs a command in folder dir and returns what it printed, without the last newline.
func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// checkout is the folder of the module and its commit, marked when the files differ from it.
func checkout() (root, commit string, err error) {
	gomod, err := output("", "go", "env", "GOMOD")
	if err != nil {
		return "", "", err
	}
	root = filepath.Dir(gomod)
	commit, err = output(root, "git", "rev-parse", "--short=10", "HEAD")
	if err != nil {
		return root, "unknown", nil // a source archive, say
	}
	changed, err := output(root, "git", "status", "--porcelain", "--", ".", ":!bench/results")
	if changed != "" {
		commit += "-changed"
	}
	return root, commit, err
}

// build returns the path of every program that is wanted, by name, building those
// of this repository into dir, as they are released: static and stripped.
func build(root, dir string, wanted []string, given string) (map[string]string, error) {
	paths := map[string]string{}
	var peers []string
	for _, name := range wanted {
		name := program(name)
		if paths[name] != "" || slices.Contains(peers, name) {
			continue
		}
		var command []string
		switch name {
		case jaegerAgent, otelcol:
			peers = append(peers, name)
			continue
		case wayside:
			if given != "" {
				paths[name] = given
				continue
			}
			command = []string{filepath.Join(root, "cmd/wayside-agent/build.sh"), filepath.Join(dir, name)}
		case floor:
			command = []string{"go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), "./bench/floor"}
		}
		paths[name] = filepath.Join(dir, name)
		if _, err := output(root, command[0], command[1:]...); err != nil {
			return nil, err
		}
	}
	if len(peers) == 0 {
		return paths, nil
	}
	built, err := output(root, filepath.Join(root, "test/peers/build.sh"), peers...)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(built, "\n")
	if len(lines) != len(peers) {
		return nil, fmt.Errorf("test/peers/build.sh printed %d paths for %d programs", len(lines), len(peers))
	}
	for i, name := range peers {
		paths[name] = lines[i]
	}
	return paths, nil
}
