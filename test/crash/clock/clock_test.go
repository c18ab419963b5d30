package clock

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The Go that is used has the text that is changed: a newer one that has not is
// found here, and not after a build.
func TestThisGoIsKnown(t *testing.T) {
	folder := t.TempDir()
	args, err := Overlay(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(args) != 2 || args[0] != "-overlay" {
		t.Errorf("arguments %q", args)
	}
	b, err := os.ReadFile(filepath.Join(folder, "time.go"))
	if err != nil || strings.Count(string(b), changed) != 1 {
		t.Errorf("time.go is not changed; %v", err)
	}
}

func TestEnv(t *testing.T) {
	got := Env(Jump{3 * time.Second, 24 * time.Hour}, Jump{6 * time.Second, -24 * time.Hour})
	if want := variable + "=3:86400 6:-86400"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
