package jaegerflags

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// testdata/help.txt is what the Jaeger Agent says of itself:
//
//	$(test/peers/build.sh jaeger-agent) help >agent/config/jaegerflags/testdata/help.txt
//
// test/interop holds it against the program.
func jaegersHelp(t *testing.T) (flags map[string]string) {
	t.Helper()
	b, err := os.ReadFile("testdata/help.txt")
	if err != nil {
		t.Fatal(err)
	}
	flags = map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, |)--(\S+)( \w+)? {2,}(.*)$`).FindAllStringSubmatch(string(b), -1) {
		flags[m[1]] = strings.TrimSpace(m[2])
	}
	if len(flags) < 30 { // it has 39
		t.Fatalf("its help has %d flags", len(flags))
	}
	delete(flags, "help") // is ours as well
	return flags
}

func TestTableIsTheJaegerAgentsHelp(t *testing.T) {
	real := jaegersHelp(t)
	kinds := map[kind][]string{text: {"string"}, number: {"int", "uint"}, boolean: {""}}
	for _, f := range table {
		is, ok := real[f.name]
		switch {
		case !ok:
			t.Errorf("the Jaeger Agent has no --%s", f.name)
		case !slices.Contains(kinds[f.kind], is):
			t.Errorf("--%s takes %q there", f.name, is)
		}
		delete(real, f.name)
	}
	for name := range real {
		t.Errorf("--%s is missing", name)
	}
}

// A value that is not the default, for each flag: what it becomes, or that it
// becomes a warning.
func TestEveryFlagHasAnEffectOrAWarning(t *testing.T) {
	values := map[string]string{
		"agent.tags":         "a=b",
		"log-encoding":       "console",
		"log-level":          "debug",
		"metrics-backend":    "none",
		"metrics-http-route": "/m",
	}
	// These have their effect with others, in TestTLS, TestConfigFile and TestReporterType.
	others := []string{"config-file", "reporter.type", "reporter.grpc.tls.enabled", "admin.http.tls.enabled"}
	for name, takes := range jaegersHelp(t) {
		if slices.Contains(others, name) {
			continue
		}
		value, ok := values[name]
		switch {
		case ok:
		case takes == "int" || takes == "uint":
			value = "7"
		case takes == "":
			value = "true"
		case strings.HasSuffix(name, "host-port"):
			value = "127.0.0.1:9"
		default:
			value = "x"
		}
		flags := map[string]string{name: value}
		if prefix, _, ok := strings.Cut(name, "tls."); ok { // needs it
			flags[prefix+"tls.enabled"] = "true"
			if prefix == "admin.http." && name != "admin.http.tls.cert" {
				flags["admin.http.tls.cert"] = "c"
			}
		}
		r, err := Translate(flags, Host{Getenv: func(string) string { return "" }})
		if err != nil {
			t.Errorf("--%s=%s: %v", name, value, err)
			continue
		}
		from := "--" + name
		set := 0
		for _, s := range r.Set {
			if s.From == from {
				set++
			}
		}
		warned := 0
		for _, w := range r.Warnings {
			if w.Flag == from && len(w.Why) > 10 {
				warned++
			}
		}
		if set+warned != 1 {
			t.Errorf("--%s=%s sets %d keys and has %d warnings", name, value, set, warned)
		}
	}
}
