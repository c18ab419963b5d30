package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/agent/config"
)

const systemd = "../../deploy/systemd"

// The sockets that systemd keeps are those that the packaged configuration
// listens on, each of them and no other.
func TestSocketUnitsFitTheConfiguration(t *testing.T) {
	if _, err := config.Load(config.Source{File: filepath.Join(systemd, "agent.yaml")}); err != nil {
		t.Fatal(err)
	}
	if text := read(t, filepath.Join(systemd, "agent.yaml")); strings.Contains(text, "accept:") || strings.Contains(text, "http:") {
		t.Fatal("it has listeners of its own; this test knows the defaults only")
	}
	var want []string
	for k := range config.Keys {
		switch {
		case !strings.HasPrefix(k.Default, "127.0.0.1:"):
		case strings.HasSuffix(k.Path, "compact") || strings.HasSuffix(k.Path, "binary"):
			want = append(want, "ListenDatagram="+k.Default)
		default:
			want = append(want, "ListenStream="+k.Default)
		}
	}

	units, err := filepath.Glob(filepath.Join(systemd, "*.socket"))
	if err != nil || len(units) == 0 {
		t.Fatalf("no socket units: %v", err)
	}
	var got []string
	for _, unit := range units {
		for line := range strings.Lines(read(t, unit)) {
			if strings.HasPrefix(line, "Listen") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		if !strings.Contains(read(t, filepath.Join(systemd, "wayside-agent.service")), filepath.Base(unit)) {
			t.Errorf("wayside-agent.service does not name %s", filepath.Base(unit))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the units have\n%s\nthe configuration\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What the packaged configuration calls a default is one.
func TestPackagedConfigurationTellsDefaults(t *testing.T) {
	text := read(t, filepath.Join(systemd, "agent.yaml"))
	for k := range config.Keys {
		if k.Path == "buffer.disk.size" && !strings.Contains(text, "# size: "+k.Default+"\n") {
			t.Errorf("it does not say that %s is %s", k.Path, k.Default)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
