// Package node runs the programs of this module that are written for Node.
package node

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNotHere says that there is no Node on this machine, and none to be had.
var ErrNotHere = errors.New("there is no Node for this")

// statusNotHere is the exit status of node.sh when it could not set Node up.
const statusNotHere = 3

// A Program is a script for Node.
type Program struct {
	Folder string // of the script and the lock file of the packages that it needs, seen from the module's folder
	Script string
	Args   []string
	Env    []string // key=value, beside this process's
}

// Run runs a program with what it reads from standard input, and returns what it has written to standard error. The packages
// that it needs are installed if they are not there yet.
func (p Program) Run(stdin []byte) (stderr string, err error) {
	if err := Install(p.Folder); err != nil {
		return "", err
	}
	folder, err := find(p.Folder)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	run := exec.Command("node", append([]string{p.Script}, p.Args...)...)
	run.Dir, run.Stdin, run.Stderr, run.Env = folder, bytes.NewReader(stdin), &out, append(os.Environ(), p.Env...)
	if err := run.Run(); err != nil {
		return out.String(), fmt.Errorf("node %s: %w\n%s", p.Script, err, out.String())
	}
	return out.String(), nil
}

// Install installs what a folder's lock file names, if it is not there yet; the folder is seen from the module's. The error
// is ErrNotHere where there is no Node.
func Install(folder string) error {
	setup, err := find("node.sh")
	if err != nil {
		return err
	}
	folder, err = find(folder)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	install := exec.Command(setup, folder)
	install.Stderr = &out
	err = install.Run()
	if status, ok := errors.AsType[*exec.ExitError](err); ok && status.ExitCode() == statusNotHere {
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return fmt.Errorf("%w: %s", ErrNotHere, lines[len(lines)-1])
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", setup, err, out.String())
	}
	return nil
}

// find is the path of what the nearest folder above has by this name, which may be a path itself. So a test finds what is
// named from the module's folder in whichever package it runs.
func find(name string) (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", fmt.Errorf("no folder above has %s", name)
		}
		folder = parent
	}
}
