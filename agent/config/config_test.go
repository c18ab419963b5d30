package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// machine is a host whose files and variables are given; a.yaml is the
// configuration.
func machine(yaml string) host {
	files := map[string]string{
		"a.yaml": yaml, "/run/endpoint": "from-file:4317\n", "/run/bad": "s3cret", "/run/two": "a:1,b:2", "/run/secrets/token": "s3cret",
		"/run/headers/X-Tenant": "shop\n", "/run/headers/authorization": "Bearer s3cret", "/run/odd/host": "s3cret", "/run/odd/x-a": "s3c\nret", "/run/odd/x-b": "\n",
		"/tls/cert.pem": testCert, "/tls/key.pem": testKey, "/tls/ca.pem": testCert,
	}
	env := map[string]string{"HOST": "collector-1", "EMPTY": "", "MANY": "a:1, b:2", "COMMA": ",", "INJECT": "x:1\nadmin: {pprof: true}"}
	return host{
		lookupEnv: func(name string) (string, bool) { s, ok := env[name]; return s, ok },
		readFile: func(name string, limit int64) ([]byte, error) {
			s, ok := files[name]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return []byte(s), nil
		},
		headerFiles: func(folder string) ([]string, error) {
			if folder == "/run/not-a-folder" {
				return nil, &fs.PathError{Op: "open", Path: folder, Err: errors.New("not a directory")}
			}
			var names []string
			for f := range files {
				if rest, ok := strings.CutPrefix(f, folder+"/"); ok && folder != "" {
					names = append(names, rest)
				}
			}
			slices.Sort(names)
			return names, nil
		},
		loopback6: func() bool { return true },
		addresses: func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("10.1.2.3")} },
		hostname:  func() (string, error) { return "Here", nil },
	}
}

func loadText(yaml string, set ...Setting) (*Config, error) {
	return load(Source{File: "a.yaml", Set: set}, machine(yaml))
}

func endpoint(v string) Setting { return Setting{"deliver.endpoint", v, "--endpoint"} }

func TestDefaults(t *testing.T) {
	c, err := load(Source{Set: []Setting{endpoint("collector:4317")}}, machine(""))
	if err != nil {
		t.Fatal(err)
	}
	var want Config
	want.Accept.Jaeger.Compact = []string{"127.0.0.1:6831"}
	want.Accept.Jaeger.Binary = []string{"127.0.0.1:6832"}
	want.Accept.Jaeger.SocketBuffer = 4 << 20
	want.Accept.OTLP.GRPC = []string{"127.0.0.1:4317"}
	want.Accept.OTLP.HTTP = []string{"127.0.0.1:4318"}
	want.Buffer.Memory = 8 << 20
	want.Buffer.MaxAge = 24 * time.Hour
	want.Buffer.Disk.Size, want.Buffer.Disk.Sync = 512<<20, "interval"
	want.Deliver.Endpoints = []string{"collector:4317"}
	want.Deliver.Protocol = "otlp-grpc"
	want.Deliver.Batch.Bytes = 512 << 10
	want.Deliver.Batch.Age = time.Second
	want.Deliver.Compression = "gzip"
	want.Deliver.Timeout = 10 * time.Second
	want.Control.HTTP = []string{"127.0.0.1:5778"}
	want.Admin.HTTP = []string{"127.0.0.1:14271"}
	want.Log.Level, want.Log.Format = "info", "text"
	want.DrainTimeout = 5 * time.Second
	want.shown, want.origin = map[string][]string{}, map[string]string{"deliver.endpoint": "--endpoint"}
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("got  %+v\nwant %+v", *c, want)
	}
}

func TestEveryKeyIsTaken(t *testing.T) {
	c, err := loadText(`
accept:
  jaeger:
    compact: [localhost:6831, "10.0.0.7:6831", "[fe80::1%eth0]:6831"]
    binary: ""
    socket_buffer: 0B
  otlp:
    grpc: [localhost:4316, "unix:/run/wayside/otlp.sock", "unix:///run/../tmp/s"]
    http: ""
    cors: [https://Shop.example, "http://localhost:3000", "*"]
  tls: {cert: /tls/cert.pem, key: /tls/key.pem, client_ca: /tls/ca.pem}
buffer: {memory: 4MB, max_age: 90m}
deliver:
  endpoint: [A.Example.com.:4317, "[::0001]:4317"]
  protocol: otlp-grpc
  batch: {bytes: 100kB, age: 250ms}
  compression: none
  timeout: 1m30s
sampling: {source: ["dns:///Jaeger:14250", "10.0.0.1:14250"], tls: {enabled: true, ca: /tls/ca.pem, cert: /tls/cert.pem, key: /tls/key.pem, server_name: jaeger, skip_verify: true}}
control: {http: [localhost:5778, ":0"]}
admin: {http: ":0", pprof: true}
log: {level: debug, format: json}
drain_timeout: 0s
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ got, want any }{
		{c.Accept.Jaeger.Compact, []string{"127.0.0.1:6831", "[::1]:6831", "10.0.0.7:6831", "[fe80::1%eth0]:6831"}},
		{c.Accept.Jaeger.Binary, []string(nil)},
		{c.Accept.Jaeger.SocketBuffer, 0},
		{c.Accept.OTLP.GRPC, []string{"127.0.0.1:4316", "[::1]:4316", "unix:/run/wayside/otlp.sock", "unix:/tmp/s"}},
		{c.Accept.OTLP.HTTP, []string(nil)},
		{c.Accept.OTLP.CORS, []string{"https://shop.example", "http://localhost:3000", "*"}},
		{[]string{c.Accept.TLS.Cert, c.Accept.TLS.Key, c.Accept.TLS.ClientCA}, []string{"/tls/cert.pem", "/tls/key.pem", "/tls/ca.pem"}},
		{c.Buffer.Memory, 4_000_000},
		{c.Buffer.MaxAge, 90 * time.Minute},
		{c.Deliver.Endpoints, []string{"a.example.com.:4317", "[::1]:4317"}},
		{c.Deliver.Batch.Bytes, 100_000},
		{c.Deliver.Batch.Age, 250 * time.Millisecond},
		{c.Deliver.Compression, "none"},
		{c.Deliver.Timeout, 90 * time.Second},
		{c.Sampling.Sources, []string{"jaeger:14250", "10.0.0.1:14250"}},
		{c.Sampling.TLS, ClientTLS{true, "/tls/ca.pem", "/tls/cert.pem", "/tls/key.pem", "jaeger", true}},
		{c.Control.HTTP, []string{"127.0.0.1:5778", "[::1]:5778", ":0"}},
		{c.Admin.HTTP, []string{":0"}},
		{c.Admin.PProf, true},
		{c.Log.Level, "debug"},
		{c.Log.Format, "json"},
		{c.DrainTimeout, time.Duration(0)},
	} {
		if !reflect.DeepEqual(x.got, x.want) {
			t.Errorf("got %v, want %v", x.got, x.want)
		}
	}
}

func TestValuesExpand(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"${HOST}:4317", "collector-1:4317"},
		{"${HOST}.${DOMAIN:example.com}:${PORT:4317}", "collector-1.example.com:4317"},
		{"x${EMPTY}:4317", "x:4317"},
		{"${EMPTY:other}:4317", "other:4317"},
		{"${file:/run/endpoint}", "from-file:4317"},
		{`"${MANY}"`, "a:1 b:2"},
		{"${file:/run/two}", "a:1 b:2"},
		{"[c:3, '${MANY}']", "c:3 a:1 b:2"},
	} {
		cfg, err := loadText("deliver:\n  endpoint: " + c.value)
		if err != nil {
			t.Errorf("%s: %v", c.value, err)
			continue
		}
		if got := strings.Join(cfg.Deliver.Endpoints, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.value, got, c.want)
		}
	}
	for _, c := range []struct{ text, want string }{{"$${HOST}", "${HOST}"}, {"a$b$$c $", "a$b$$c $"}, {"$$${HOST}", "$${HOST}"}} {
		if got, _, err := machine("").expand(c.text); got != c.want || err != nil {
			t.Errorf("%s: %q, want %q (%v)", c.text, got, c.want, err)
		}
	}
}

func TestWithoutIPv6LocalhostIsIPv4(t *testing.T) {
	h := machine("accept: {jaeger: {compact: localhost:6831}}")
	h.loopback6 = func() bool { return false }
	c, err := load(Source{File: "a.yaml", Set: []Setting{endpoint("x:1")}}, h)
	if err != nil || !reflect.DeepEqual(c.Accept.Jaeger.Compact, []string{"127.0.0.1:6831"}) {
		t.Errorf("%v, %v", c, err)
	}
}

func TestOverride(t *testing.T) {
	c, err := loadText("deliver: {endpoint: from-file:1}\nadmin: {pprof: true}", endpoint("a:1,b:2"))
	if err != nil || !reflect.DeepEqual(c.Deliver.Endpoints, []string{"a:1", "b:2"}) || !c.Admin.PProf {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestEmptyFilesAreDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "deliver:\naccept: ~\n"} {
		if _, err := loadText(text, endpoint("a:1")); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What --check prints is a configuration, and the same one.
func TestEffectiveLoadsAsItself(t *testing.T) {
	first, err := loadText("accept: {jaeger: {compact: localhost:6831, binary: ''}, otlp: {grpc: 'unix:/run/s', cors: [https://a.example, '*']}}\nadmin: {http: ':1'}\nbuffer: {memory: 4MB, disk: {path: /var/lib/wayside, size: 1GiB, sync: always}}\ndeliver: {endpoint: [a:1, '[::1]:2'], timeout: 90s, allow_plaintext: true, headers: {X-Name: '${HOST}', authorization: 'Bearer ${file:/run/bad}', X-Literal: s3cret}}\ndrain_timeout: 0s")
	if err != nil {
		t.Fatal(err)
	}
	var b, again bytes.Buffer
	if err := first.Effective().WriteYAML(&b); err != nil {
		t.Fatal(err)
	}
	// A literal value of a header is not shown, and what is shown for it is none.
	if _, err := loadText(b.String()); err == nil || !strings.Contains(err.Error(), "deliver.headers.x-literal: *** stands for a value that is not shown") {
		t.Errorf("%v", err)
	}
	second, err := loadText(strings.Replace(b.String(), "***", "s3cret", 1))
	if err != nil {
		t.Fatalf("%v in\n%s", err, &b)
	}
	first.origin, second.origin = nil, nil
	if !reflect.DeepEqual(first, second) {
		t.Errorf("not the same:\n%+v\n%+v", first, second)
	}
	_ = second.Effective().WriteYAML(&again)
	if got, want := again.String(), `accept:
  jaeger:
    compact: [127.0.0.1:6831, "[::1]:6831"]
    binary: ""
    zipkin_compact: ""
    grpc: ""
    http: ""
    socket_buffer: 4MiB
  otlp:
    grpc: "unix:/run/s"
    http: 127.0.0.1:4318
    cors: ["https://a.example", "*"]
  zipkin:
    http: ""
  tls:
    cert: ""
    key: ""
    client_ca: ""
buffer:
  memory: 4MB
  disk:
    path: "/var/lib/wayside"
    size: 1GiB
    sync: always
  max_age: 24h
deliver:
  endpoint: [a:1, "[::1]:2"]
  protocol: otlp-grpc
  headers: {authorization: "Bearer ${file:/run/bad}", x-literal: "***", x-name: "${HOST}"}
  headers_from: ""
  allow_plaintext: true
  batch:
    bytes: 512KiB
    age: 1s
  compression: gzip
  tls:
    enabled: false
    ca: ""
    cert: ""
    key: ""
    server_name: ""
    skip_verify: false
  timeout: 1m30s
tags: {}
sampling:
  source: ""
  tls:
    enabled: false
    ca: ""
    cert: ""
    key: ""
    server_name: ""
    skip_verify: false
control:
  http: 127.0.0.1:5778
admin:
  http: ":1"
  tls:
    cert: ""
    key: ""
    client_ca: ""
  pprof: false
log:
  level: info
  format: text
drain_timeout: 0s
stop_delay: 0s
`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What --check prints is a configuration, also where one file holds a list.
func TestListFromOneFileIsShownOnce(t *testing.T) {
	c, err := loadText("deliver: {endpoint: \"${file:/run/two}\"}")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	_ = c.Effective().WriteYAML(&b)
	again, err := loadText(b.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if !slices.Equal(again.Deliver.Endpoints, []string{"a:1", "b:2"}) {
		t.Errorf("%v", again.Deliver.Endpoints)
	}
}

func TestEffectiveSaysWhereAndKeepsSecrets(t *testing.T) {
	c, err := loadText("deliver:\n  endpoint: ${file:/run/endpoint}\n  timeout: 3s\n", Setting{"admin.http", "127.0.0.1:1,127.0.0.1:2", "--test"})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	_ = c.Effective().WriteYAML(&b)
	for _, want := range []string{
		"  endpoint: \"${file:/run/endpoint}\" # a.yaml:2\n",
		"  timeout: 3s # a.yaml:3\n",
		"  http: [127.0.0.1:1, 127.0.0.1:2] # --test\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	j, err := json.Marshal(c.Effective())
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(j, &m); err != nil {
		t.Fatal(err)
	}
	if len(m) != len(table) || m["admin.pprof"] != false || m["buffer.memory"] != "8MiB" ||
		!reflect.DeepEqual(m["deliver.endpoint"], []any{"${file:/run/endpoint}"}) {
		t.Errorf("%s", j)
	}
	shown := maps.Collect(c.Effective().All)
	if shown["admin.http"] != "127.0.0.1:1, 127.0.0.1:2" {
		t.Errorf("%v", shown)
	}
}

func TestErrorsAreFound(t *testing.T) {
	_, err := loadText("buffer: {memory: 1}\nlog: {level: x}")
	if e, ok := errors.AsType[*Error](err); !ok || e.Key != "buffer.memory" {
		t.Errorf("%v", err)
	}
}

func TestRealFiles(t *testing.T) {
	_, err := Load(Source{File: t.TempDir() + "/none.yaml"})
	if err == nil || !strings.HasSuffix(err.Error(), "/none.yaml: cannot be read: no such file or directory") {
		t.Errorf("%v", err)
	}
	if _, err := readFile("/dev/zero", 10); err == nil || err.Error() != "larger than 10B" {
		t.Errorf("%v", err)
	}
	loopback6() // either answer is right; it must not fail
	if len(interfaceAddresses()) == 0 {
		t.Error("a machine without addresses")
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{formatSize(0), "0B"},
		{formatSize(1), "1B"},
		{formatSize(1024), "1KiB"},
		{formatSize(1000), "1kB"},
		{formatSize(4_000_000), "4MB"},
		{formatSize(1 << 30), "1GiB"},
		{formatSize(1025), "1025B"},
		{formatDuration(24 * time.Hour), "24h"},
		{formatDuration(90 * time.Minute), "1h30m"},
		{formatDuration(10 * time.Second), "10s"},
		{formatDuration(0), "0s"},
		{formatDuration(time.Minute), "1m"},
		{formatDuration(100 * time.Minute), "1h40m"},
		{formatDuration(250 * time.Millisecond), "250ms"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"delivery", "deliver"},
		{"buffers", "buffer"},
		{"drain-timeout", "drain_timeout"},
		{"drainTimeout", "drain_timeout"},
		{"foo", ""},
		{strings.Repeat("x", 1000), ""},
		{"lgo", ""},
		{"logs", "log"},
	} {
		if got := Nearest(c.word, children("")); got != c.want {
			t.Errorf("%s: %q, want %q", c.word, got, c.want)
		}
	}
}
