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
	cfg, err := config.Load(config.Source{File: filepath.Join(systemd, "agent.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	add := func(directive string, lists ...[]string) {
		for _, list := range lists {
			for _, address := range list {
				want = append(want, directive+"="+address)
			}
		}
	}
	add("ListenDatagram", cfg.Accept.Jaeger.Compact, cfg.Accept.Jaeger.Binary)
	add("ListenStream", cfg.Accept.OTLP.GRPC, cfg.Accept.OTLP.HTTP, cfg.Admin.HTTP)

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
