package layout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// pkg is what `go list -json` says of a package, as far as the rules ask.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	Standard     bool
	GoFiles      []string // without tests
	Imports      []string
	TestImports  []string // of tests in the package itself
	XTestImports []string // of tests in package NAME_test
	Deps         []string // everything that Imports leads to
	Module       *struct{ Main bool }
}

// folder is the package's place below the module's root: "" for the root
// itself, and the import path where the package is not ours.
func (p *pkg) folder() string { return folderOf(p.ImportPath) }

func folderOf(importPath string) string {
	if importPath == module {
		return ""
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func ours(importPath string) bool { return under(importPath, module) }

// under reports whether path is folder or lies below it.
func under(path, folder string) bool {
	rest, ok := strings.CutPrefix(path, folder)
	return ok && (rest == "" || rest[0] == '/')
}

// list asks the go tool for packages as they are built for linux/amd64 without
// cgo, which is how the agent ships: the answer is the same on every machine.
func list(t *testing.T, patterns ...string) []*pkg {
	t.Helper()
	args := append([]string{
		"list", "-e", "-tags=crash",
		"-json=ImportPath,Name,Dir,Standard,GoFiles,Imports,TestImports,XTestImports,Deps,Module",
	}, patterns...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	pkgs, err := decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

func decode(r io.Reader) ([]*pkg, error) {
	var pkgs []*pkg
	for dec := json.NewDecoder(r); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs, nil
		case err != nil:
			return nil, fmt.Errorf("reading go list's answer: %w", err)
		}
		pkgs = append(pkgs, &p)
	}
}
