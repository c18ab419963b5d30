package config

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// What is made of a wrong configuration is right but for the endpoint.
func salvaged(t *testing.T, s Source, h host) *Config {
	t.Helper()
	c := salvage(s, h)
	if len(c.Deliver.Endpoints)+len(c.Deliver.Headers) != 0 {
		t.Errorf("it sends to %v", c.Deliver.Endpoints)
	}
	var b bytes.Buffer
	if err := c.Effective().WriteYAML(&b); err != nil {
		t.Fatal(err)
	}
	nothing := len(wantedListeners(c)) == 0 // which is an error for who wants to start so
	if _, err := load(Source{File: "a.yaml", Set: []Setting{endpoint("collector:4317")}}, machine(b.String())); err != nil && !nothing {
		t.Errorf("%v in\n%s", err, b.String())
	}
	return c
}

func wantedListeners(c *Config) []string {
	j, o := &c.Accept.Jaeger, &c.Accept.OTLP
	return slices.Concat(j.Compact, j.Binary, j.ZipkinCompact, j.GRPC, j.HTTP, o.GRPC, o.HTTP, c.Accept.Zipkin.HTTP)
}

func TestEveryWrongConfigurationStartsAnAgent(t *testing.T) {
	for _, c := range wrongs {
		t.Run(c.name, func(t *testing.T) { salvaged(t, Source{File: "a.yaml"}, machine(c.yaml)) })
	}
	salvaged(t, Source{File: "gone.yaml"}, machine(""))
	salvaged(t, Source{File: "gone.yaml", Set: []Setting{endpoint("x"), {"admin.http", "y", "--z"}}}, machine(""))
}

// What is right stays, and what is wrong has its default.
func TestSalvage(t *testing.T) {
	const ports = `
accept: {jaeger: {compact: ":6831"}, otlp: {grpc: ["127.0.0.1:7317", "unix:/run/otlp"]}}
admin: {http: "127.0.0.1:15000"}
buffer: {memory: 16MiB, disk: {path: /var/lib/wayside}}
`
	for _, c := range []struct {
		name, yaml string
		want       string // of --check, what is no default
	}{
		{"no endpoint", ports, "compact: \":6831\",grpc: [127.0.0.1:7317, \"unix:/run/otlp\"],memory: 16MiB,path: \"/var/lib/wayside\",http: 127.0.0.1:15000"},
		{"an unknown key", ports + "nonsense: 1", "compact: \":6831\",grpc: [127.0.0.1:7317, \"unix:/run/otlp\"],memory: 16MiB,path: \"/var/lib/wayside\",http: 127.0.0.1:15000"},
		{"one wrong value", "admin: {http: [\"127.0.0.1:15000\", nowhere], pprof: true}\nlog: {level: loud}", "pprof: true"},
		{"no file for TLS out", ports + "deliver: {endpoint: \"c:1\", tls: {enabled: true, ca: /gone}}", "compact: \":6831\",grpc: [127.0.0.1:7317, \"unix:/run/otlp\"],memory: 16MiB,path: \"/var/lib/wayside\",http: 127.0.0.1:15000"},
		{"values that do not go together", "buffer: {memory: 64MiB, disk: {path: /d, size: 100MiB}}", "memory: 64MiB,path: \"/d\""},
		{"a value and a default that do not go together", "log: {level: warn}\naccept: {otlp: {grpc: \"127.0.0.1:14271\"}}", ""},
		{"no listener", "accept: {jaeger: {compact: '', binary: ''}, otlp: {grpc: '', http: ''}}", ""},
		{"tags", "tags: {a: '${NONE}', b: c}", ""},
		{"sampling", "sampling: {source: 'c:1', tls: {enabled: true, ca: /gone}}", ""},
		{"not YAML", "accept: [", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := salvaged(t, Source{File: "a.yaml"}, machine(c.yaml))
			var b bytes.Buffer
			_ = got.Effective().WriteYAML(&b)
			var set []string
			for line := range strings.Lines(b.String()) {
				if text, _, ok := strings.Cut(line, " # "); ok {
					set = append(set, strings.TrimSpace(text))
				}
			}
			if s := strings.Join(set, ","); s != c.want {
				t.Errorf("it has %s, want %s", s, c.want)
			}
		})
	}
}

// What clients were to prove themselves to by TLS is not open without.
func TestSalvageOpensNothingWithoutTLS(t *testing.T) {
	c := salvaged(t, Source{File: "a.yaml"}, machine("accept: {tls: {cert: /gone, key: /tls/key.pem}, otlp: {grpc: [':4317', 'unix:/run/otlp']}}"))
	if got := wantedListeners(c); !slices.Equal(got, []string{"127.0.0.1:6831", "127.0.0.1:6832", "unix:/run/otlp"}) {
		t.Errorf("it listens on %v", got)
	}
}

func TestAdminOfADegradedAgent(t *testing.T) {
	for yaml, want := range map[string]string{
		"admin: {http: '127.0.0.1:15000'}":                                       "127.0.0.1:15000",
		"admin: {http: '127.0.0.1:15000'}\nbuffer: {memory: 1}":                  "127.0.0.1:15000",
		"admin: {http: nonsense}":                                                "127.0.0.1:14271",
		"admin: {http: ':15000', tls: {cert: /gone, key: /tls/key.pem}}":         "127.0.0.1:15000",
		"admin: {http: ':15000', tls: {cert: /tls/cert.pem, key: /tls/key.pem}}": ":15000",
		"admin: {http: ''}\nnonsense: 1":                                         "",
		"accept: {otlp: {grpc: ':15000'}}\nadmin: {http: ':15000'}":              "127.0.0.1:14271",
	} {
		c := salvaged(t, Source{File: "a.yaml"}, machine(yaml))
		if got := strings.Join(c.Admin.HTTP, ","); got != want {
			t.Errorf("%s: %s, want %s", yaml, got, want)
		}
	}
}
