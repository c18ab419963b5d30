// Package clock makes a program's wall clock jump, and leaves its monotonic clock
// alone: what a process sees when somebody sets the time of the host.
//
// The kernel offers nothing for that: time namespaces shift CLOCK_MONOTONIC and
// CLOCK_BOOTTIME, not CLOCK_REALTIME (time_namespaces(7)), Go reads the clock
// without a system call, and setting it for the whole host is not a test's to do.
// So the program is built with one line more in package time's Now, by `go build
// -overlay`. What the kernel stamps, such as the times of files, does not jump.
package clock

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Jump is how far the wall clock is off, from so long after the start on. Both
// are whole seconds.
type Jump struct{ After, Off time.Duration }

// The text that is changed in time.go, and what it becomes.
const (
	asItIs  = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {"
	changed = "\tsec, nsec, mono := runtimeNow()\n\tsec += jumped(mono)\n\tif mono == 0 {"
)

// added is a file of package time. The variable holds "AFTER:OFF" in seconds,
// separated by spaces, in order.
const added = `package time

import "syscall"

type jump struct{ after, off int64 }

var jumps = readJumps()

func readJumps() (list []jump) {
	text, _ := syscall.Getenv("` + variable + `")
	n, sign, j := int64(0), int64(1), jump{}
	for _, c := range text + " " {
		switch {
		case c == '-':
			sign = -1
		case c == ':':
			j.after, n = n*1e9, 0
		case c == ' ':
			j.off = sign * n
			if text != "" {
				list = append(list, j)
			}
			n, sign, j = 0, 1, jump{}
		default:
			n = n*10 + int64(c-'0')
		}
	}
	return list
}

func jumped(mono int64) (off int64) {
	for _, j := range jumps {
		if mono-startNano >= j.after {
			off = j.off
		}
	}
	return off
}
`

const variable = "WAYSIDE_CRASH_CLOCK"

// Env is the environment variable that makes a program's clock jump.
func Env(jumps ...Jump) string {
	list := make([]string, len(jumps))
	for i, j := range jumps {
		list[i] = fmt.Sprintf("%d:%d", j.After/time.Second, j.Off/time.Second)
	}
	return variable + "=" + strings.Join(list, " ")
}

// Overlay writes what go build needs into a folder, and returns its arguments.
func Overlay(folder string) ([]string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("clock: go env GOROOT: %w", err)
	}
	there := filepath.Join(strings.TrimSpace(string(root)), "src/time")
	source, err := os.ReadFile(filepath.Join(there, "time.go"))
	if err != nil {
		return nil, fmt.Errorf("clock: %w", err)
	}
	if strings.Count(string(source), asItIs) != 1 {
		return nil, fmt.Errorf("clock: this Go's %s is not the one that is known here: look at Now, and renew asItIs and changed", filepath.Join(there, "time.go"))
	}
	now, jump := filepath.Join(folder, "time.go"), filepath.Join(folder, "jump.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(there, "time.go"): now,
		filepath.Join(there, "jump.go"): jump,
	}})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "overlay.json")
	if err := errors.Join(
		os.WriteFile(now, []byte(strings.Replace(string(source), asItIs, changed, 1)), 0o600),
		os.WriteFile(jump, []byte(added), 0o600),
		os.WriteFile(file, overlay, 0o600),
	); err != nil {
		return nil, fmt.Errorf("clock: %w", err)
	}
	return []string{"-overlay", file}, nil
}
