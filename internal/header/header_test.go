package header

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for name, right := range map[string]bool{
		"authorization": true, "x-tenant": true, "x_1.y~": true,
		"": false, "X-Tenant": false, "a b": false, "ä": false, "a:": false, ":authority": false,
		"host": false, "grpc-timeout": false, "content-type": false,
	} {
		if err := CheckName(name); (err == nil) != right {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestValues(t *testing.T) {
	for value, right := range map[string]bool{
		"a b": true, strings.Repeat("x", MaxValue): true,
		"": false, " a": false, "a\n": false, "a\nb": false, "ä": false, strings.Repeat("x", MaxValue+1): false,
	} {
		if err := CheckValue(value); (err == nil) != right {
			t.Errorf("%.20q: %v", value, err)
		} else if err != nil && value != "" && strings.Contains(err.Error(), strconvQuoted(value)) {
			t.Errorf("%q is shown: %v", value, err)
		}
	}
}

func strconvQuoted(s string) string { return fmt.Sprintf("%q", s) }

// As Kubernetes writes it: ..data and ..2026 are its own, files are links.
func TestFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "headers")
	if names, err := Files(folder); names != nil || err != nil {
		t.Errorf("of a folder that is not there: %v, %v", names, err)
	}
	version := filepath.Join(folder, "..2026")
	if err := os.MkdirAll(version, 0o700); err != nil {
		t.Fatal(err)
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("..2026", "..data")
	for _, name := range []string{"x-tenant", "authorization"} {
		if err := os.WriteFile(filepath.Join(version, name), []byte("v"), 0o600); err != nil {
			t.Fatal(err)
		}
		link(filepath.Join("..data", name), name)
	}
	if err := os.Mkdir(filepath.Join(folder, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	if names, err := Files(folder); err != nil || !slices.Equal(names, []string{"authorization", "x-tenant"}) {
		t.Errorf("%v, %v", names, err)
	}
	for i := range Max {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint("h", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Files(folder); err == nil || !strings.Contains(err.Error(), "has 34 files") {
		t.Errorf("%v", err)
	}
	if _, err := Files(filepath.Join(folder, "h1")); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestValueOfAFile(t *testing.T) {
	if v := Value([]byte(" Bearer x\r\n")); v != "Bearer x" {
		t.Errorf("%q", v)
	}
}
