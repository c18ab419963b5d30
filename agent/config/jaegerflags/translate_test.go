package jaegerflags

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/agent/config"
)

// translate reads flags, with an environment and files (both name → text), and
// gives what is set, "key: value < from", later ones in place of earlier ones.
func translate(flags, env, files map[string]string) (set map[string]string, r Translation, err error) {
	r, err = Translate(flags, Host{
		Getenv: func(name string) string { return env[name] },
		ReadFile: func(name string) ([]byte, error) {
			if s, ok := files[name]; ok {
				return []byte(s), nil
			}
			return nil, fs.ErrNotExist
		},
	})
	set = map[string]string{}
	for _, s := range r.Set {
		set[s.Key] = s.Value + " < " + s.From
	}
	return set, r, err
}

func TestTranslate(t *testing.T) {
	type m = map[string]string
	for _, c := range []struct {
		name             string
		flags, env, file m
		want             m
	}{
		{"a port alone", m{"processor.jaeger-compact.server-host-port": "7831"}, nil, nil, m{"accept.jaeger.compact": ":7831 < --processor.jaeger-compact.server-host-port"}},
		{"an address", m{"processor.jaeger-binary.server-host-port": "0.0.0.0:7832"}, nil, nil, m{"accept.jaeger.binary": "0.0.0.0:7832 < --processor.jaeger-binary.server-host-port"}},
		{"the admin port", m{"admin.http.host-port": ":1427"}, nil, nil, m{"admin.http": ":1427 < --admin.http.host-port"}},
		{"a variable", nil, m{"ADMIN_HTTP_HOST_PORT": ":1427"}, nil, m{"admin.http": ":1427 < ADMIN_HTTP_HOST_PORT"}},
		{"a variable with _ for -", nil, m{"PROCESSOR_JAEGER_COMPACT_SERVER_HOST_PORT": "1"}, nil, m{"accept.jaeger.compact": ":1 < PROCESSOR_JAEGER_COMPACT_SERVER_HOST_PORT"}},
		{"an empty variable is none", nil, m{"ADMIN_HTTP_HOST_PORT": ""}, nil, nil},

		{"a collector", m{"reporter.grpc.host-port": "c:14250"}, nil, nil, m{"deliver.endpoint": "c:14250 < --reporter.grpc.host-port"}},
		{"several", m{"reporter.grpc.host-port": "c:14250, d:14250"}, nil, nil, m{"deliver.endpoint": "c:14250,d:14250 < --reporter.grpc.host-port"}},
		{"as the operator gives it", m{"reporter.grpc.host-port": "dns:///simplest-collector-headless.observability.svc:14250"}, nil, nil, m{"deliver.endpoint": "simplest-collector-headless.observability.svc:14250 < --reporter.grpc.host-port"}},
		{"as gRPC has it, too", m{"reporter.grpc.host-port": "dns://8.8.8.8/c:1"}, nil, nil, m{"deliver.endpoint": "c:1 < --reporter.grpc.host-port"}},
		{"without slashes", m{"reporter.grpc.host-port": "dns:c:1"}, nil, nil, m{"deliver.endpoint": "c:1 < --reporter.grpc.host-port"}},
		{"gRPC's port", m{"reporter.grpc.host-port": "dns:///c"}, nil, nil, m{"deliver.endpoint": "c:443 < --reporter.grpc.host-port"}},
		{"what is no variable here", m{"reporter.grpc.host-port": "c:1", "reporter.grpc.tls.enabled": "1", "reporter.grpc.tls.ca": "/${CA}"}, nil, nil, m{
			"deliver.endpoint": "c:1 < --reporter.grpc.host-port", "deliver.tls.enabled": "true < --reporter.grpc.tls.enabled", "deliver.tls.ca": "/$${CA} < --reporter.grpc.tls.ca",
		}},

		{"the largest buffer", m{
			"processor.jaeger-binary.server-socket-buffer-size": "100000", "processor.jaeger-compact.server-socket-buffer-size": "0x100000", "processor.zipkin-compact.server-socket-buffer-size": "0",
		}, nil, nil, m{"accept.jaeger.socket_buffer": "1048576B < --processor.jaeger-compact.server-socket-buffer-size"}},
		{"the system's buffer", m{"processor.jaeger-binary.server-socket-buffer-size": "0"}, nil, nil, m{"accept.jaeger.socket_buffer": "0B < --processor.jaeger-binary.server-socket-buffer-size"}},

		{"a level of zap's", m{"log-level": "FATAL"}, nil, nil, m{"log.level": "error < --log-level"}},
		{"console", m{"log-encoding": "console"}, nil, nil, m{"log.format": "text < --log-encoding"}},
		{"a general variable is the app's", nil, m{"LOG_LEVEL": "trace", "CONFIG_FILE": "/app"}, nil, nil},
		{"a general variable beside a flag", m{"admin.http.host-port": "1"}, m{"LOG_LEVEL": "debug"}, nil, m{"admin.http": ":1 < --admin.http.host-port", "log.level": "debug < LOG_LEVEL"}},

		{
			"the command line first, the environment second, the file third",
			m{"config-file": "a.yaml", "reporter.grpc.host-port": "flag:1"},
			m{"REPORTER_GRPC_HOST_PORT": "variable:1", "ADMIN_HTTP_HOST_PORT": ":2"},
			m{"a.yaml": "reporter.grpc.host-port: file:1\nadmin: {http: {host-port: ':3'}}\nhttp-server: {}\nprocessor:\n  jaeger-compact: {server-host-port: 4}\nlog-level: warn\n"},
			m{
				"deliver.endpoint":      "flag:1 < --reporter.grpc.host-port",
				"admin.http":            ":2 < ADMIN_HTTP_HOST_PORT",
				"accept.jaeger.compact": ":4 < a.yaml: processor.jaeger-compact.server-host-port",
				"log.level":             "warn < a.yaml: log-level",
			},
		},
		{"JSON", m{"config-file": "a.json"}, nil, m{"a.json": `{"Reporter": {"GRPC": {"Host-Port": "c:1"}}}`}, m{"deliver.endpoint": "c:1 < a.json: reporter.grpc.host-port"}},
		{"an empty file", m{"config-file": "a.yml"}, nil, m{"a.yml": ""}, nil},
		{"a file that a variable names", m{"agent.tags": ""}, m{"CONFIG_FILE": "a.yml"}, m{"a.yml": "admin.http.host-port: 1"}, m{"admin.http": ":1 < a.yml: admin.http.host-port"}},
		{"nothing", nil, nil, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := translate(c.flags, c.env, c.file)
			if err != nil || !maps.Equal(got, c.want) {
				t.Errorf("got %q, %v\nwant %q", got, err, c.want)
			}
		})
	}
}

func TestWhatIsWrong(t *testing.T) {
	type m = map[string]string
	for _, c := range []struct {
		name        string
		flags, file m
		want        string
	}{
		{"TLS that is off", m{"reporter.grpc.tls.ca": "ca.pem"}, nil, `--reporter.grpc.tls.ca: "ca.pem": has no effect without TLS; give --reporter.grpc.tls.enabled=true, or remove it`},
		{"TLS that is turned off", m{"reporter.grpc.tls.enabled": "false", "reporter.grpc.tls.skip-host-verify": "true"}, nil, `--reporter.grpc.tls.skip-host-verify: "true": has no effect without TLS; give --reporter.grpc.tls.enabled=true, or remove it`},
		{"TLS of the admin port that is off", m{"admin.http.tls.min-version": "1.2"}, nil, `--admin.http.tls.min-version: "1.2": has no effect without TLS; give --admin.http.tls.enabled=true, or remove it`},
		{"another reporter", m{"reporter.type": "tchannel"}, nil, `--reporter.type: "tchannel": is not a choice; write grpc, or set deliver.protocol in a --config file`},
		{"metrics by another way", m{"metrics-backend": "expvar"}, nil, `--metrics-backend: "expvar": is not a choice; write prometheus`},
		{"a number", m{"processor.jaeger-compact.workers": "many"}, nil, `--processor.jaeger-compact.workers: "many": is not a whole number; write one, like 1000`},
		{"less than none", m{"processor.jaeger-compact.server-socket-buffer-size": "-1"}, nil, `--processor.jaeger-compact.server-socket-buffer-size: "-1": is not a whole number; write one, like 1000`},
		{"TLS of the admin port without a certificate", m{"admin.http.tls.enabled": "true"}, nil, `--admin.http.tls.enabled: "true": there is no TLS without a certificate; give --admin.http.tls.cert and --admin.http.tls.key as well`},
		{"a boolean", m{"reporter.grpc.tls.enabled": "yes"}, nil, `--reporter.grpc.tls.enabled: "yes": is neither true nor false; write one of them`},
		{"a level", m{"log-level": "verbose"}, nil, `--log-level: "verbose": is not a choice; write debug, info, warn or error`},
		{"a tag", m{"agent.tags": "a=b,c"}, nil, `--agent.tags: "a=b,c": "c" is no tag; write key=value, with commas between them`},
		{"no file", m{"config-file": "a.yaml"}, nil, `--config-file: "a.yaml": cannot be read: file does not exist`},
		{"another format", m{"config-file": "a.properties"}, nil, `--config-file: "a.properties": is read as YAML or JSON, and its name says otherwise; write it so, with a name that ends in .yaml or .json`},
		{"no YAML", m{"config-file": "a.yaml"}, m{"a.yaml": "a: ["}, `--config-file: "a.yaml": is not YAML: line 1: did not find expected node content`},
		{"a list", m{"config-file": "a.yaml"}, m{"a.yaml": "agent: {tags: [a, b]}"}, `a.yaml: agent.tags: is not one value; write one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := translate(c.flags, nil, c.file)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			if _, ok := errors.AsType[config.Errors](err); !ok {
				t.Errorf("it is a %T", err)
			}
		})
	}
}

func TestOldDefaults(t *testing.T) {
	type m = map[string]string
	for _, c := range []struct {
		name            string
		flags, env      m
		defaults, sends bool
	}{
		{"a flag of a processor", m{"processor.jaeger-compact.workers": "9"}, nil, true, false},
		{"a flag of the HTTP server", m{"http-server.host-port": "1"}, nil, true, false},
		{"a flag of the admin port", m{"admin.http.host-port": "1"}, nil, true, false},
		{"tags", m{"agent.tags": "a=b"}, nil, true, false},
		{"a collector", m{"reporter.grpc.host-port": "c:1"}, nil, true, true},
		{"a collector in the environment", nil, m{"REPORTER_GRPC_HOST_PORT": "c:1"}, true, true},
		{"a level", m{"log-level": "debug"}, nil, false, false},
		{"general variables", nil, m{"LOG_LEVEL": "debug", "METRICS_BACKEND": "x", "LOG_ENCODING": "json"}, false, false},
		{"nothing", nil, nil, false, false},
	} {
		_, r, err := translate(c.flags, c.env, nil)
		if err != nil || len(r.Defaults) > 0 != c.defaults || len(r.Sending) > 0 != c.sends {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
	}
}

func TestReporterType(t *testing.T) {
	if set, r, err := translate(map[string]string{"reporter.type": "grpc"}, nil, nil); err != nil || len(set)+len(r.Warnings) > 0 || r.Defaults == nil {
		t.Error(set, r, err)
	}
}

// A file says that the Jaeger Agent is meant, whatever is in it; what is no
// flag of its is told.
func TestConfigFile(t *testing.T) {
	_, r, err := translate(map[string]string{"config-file": "a.yaml"}, nil, map[string]string{"a.yaml": "collector: {host-port: c:14267}"})
	if err != nil || r.File != "a.yaml" || r.Defaults == nil {
		t.Fatal(r, err)
	}
	if len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0].String(), "a.yaml: collector.host-port has no effect: it is no flag of") {
		t.Error(r.Warnings)
	}
}

// All that is set is for keys that there are, so that config takes it.
func TestKeysExist(t *testing.T) {
	var keys []string
	for k := range config.Keys {
		keys = append(keys, k.Path)
	}
	flags := map[string]string{}
	for _, f := range table {
		flags[f.name] = map[kind]string{text: "x", number: "1", boolean: "true"}[f.kind]
	}
	maps.Copy(flags, map[string]string{
		"config-file": "a.yaml", "agent.tags": "a=b", "log-level": "info", "log-encoding": "json", "metrics-backend": "none", "reporter.type": "grpc",
	})
	_, r, err := translate(flags, nil, map[string]string{"a.yaml": ""})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slices.Concat(r.Defaults, r.Sending, r.Set) {
		if !slices.Contains(keys, s.Key) {
			t.Errorf("%s: there is no key %s", s.From, s.Key)
		}
	}
}
