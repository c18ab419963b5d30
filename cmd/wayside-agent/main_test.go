package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/ledger"
)

// The test's binary is the agent when it is told so: a process of its own,
// without a build.
func TestMain(m *testing.M) {
	if os.Getenv("WAYSIDE_AGENT_TEST") == "run" {
		main()
	}
	os.Exit(m.Run())
}

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.yaml")
	bad := filepath.Join(dir, "bad.yaml")
	write(t, good, "deliver:\n  endpoint: from-file:4317\n  timeout: 3s\n")
	write(t, bad, "deliver:\n  endpoint: collector:4317\n  comprssion: gzip\nbuffer: {memory: 8}\n")
	for _, c := range []struct {
		name           string
		args           string
		code           int
		stdout, stderr string // regular expressions, of all of it
	}{
		{"version", "version", 0, `wayside-agent \S+ \(go\S+, \S+/\S+\)\n`, ``},
		{"version as a flag", "--version", 0, `wayside-agent .*\n`, ``},
		{"help", "--help", 0, `wayside-agent keeps (?s:.*)Usage:(?s:.*)drain_timeout: 5s\n(?s:.*)`, ``},
		{"help as a command", "help", 0, `wayside-agent keeps (?s:.*)`, ``},
		{"short help", "-h", 0, `wayside-agent keeps (?s:.*)`, ``},

		{"check", "--check --endpoint a:1,b:2", 0, `accept:\n  jaeger:\n(?s:.*)  endpoint: \[a:1, b:2\] # --endpoint\n(?s:.*)`, ``},
		{"check a file", "--check --config " + good, 0, `(?s:.*)  endpoint: from-file:4317 # \S+good.yaml:2\n(?s:.*)  timeout: 3s # \S+good.yaml:3\n(?s:.*)`, ``},
		{"check, overridden", "--check --config " + good + " --endpoint a:1", 0, `(?s:.*)  endpoint: a:1 # --endpoint\n(?s:.*)`, ``},

		{"nothing given", "", 1, ``, `deliver.endpoint: no collector is given; start with --endpoint collector:4317, or set deliver.endpoint in the file\n`},
		{"wrong endpoint", "--endpoint http://c", 1, ``, `--endpoint: deliver.endpoint: "http://c/v1/traces": otlp-grpc takes host:port, not a URL; write c:4317, or set deliver.protocol: otlp-http\n`},
		{"wrong file", "--config " + bad, 1, ``, `\S+bad.yaml:3: deliver.comprssion: unknown key; did you mean deliver.compression\?\n\S+bad.yaml:4: buffer.memory: "8": has no unit; write 8MiB\n`},
		{"check a wrong file", "--check --config " + bad, 1, ``, `\S+bad.yaml:3: (?s:.*)`},
		{"no file", "--config /nowhere/x.yaml", 1, ``, `/nowhere/x.yaml: cannot be read: no such file or directory\n`},

		{"unknown flag", "--endpiont a:1", 2, ``, `wayside-agent: unknown flag --endpiont; did you mean --endpoint\? \(see wayside-agent --help\)\n`},
		{"flag of nowhere", "--verbose", 2, ``, `wayside-agent: unknown flag --verbose; there are --config, --endpoint, --check, --ready, --degraded, --help, --version, and the Jaeger Agent's \(see wayside-agent --help\)\n`},
		{"nearly a flag of the Jaeger Agent", "--admin.http.hostport=:1", 2, ``, `wayside-agent: unknown flag --admin.http.hostport; did you mean --admin.http.host-port\? \(see wayside-agent --help\)\n`},
		{"a flag that the Jaeger Agent had long ago", "--jaeger.tags=a=b", 2, ``, `wayside-agent: unknown flag --jaeger.tags; the Jaeger Agent 1.62 had none of that name either \(see wayside-agent --help\)\n`},
		{"another one, with a successor", "--reporter.tchannel.host-port=c:1", 2, ``, `wayside-agent: unknown flag --reporter.tchannel.host-port; did you mean --reporter.grpc.host-port\? \(see wayside-agent --help\)\n`},
		{"two questions", "--check --ready", 2, ``, `wayside-agent: --check and --ready are two questions; ask one \(see wayside-agent --help\)\n`},
		{"flags of the Jaeger Agent", "--check --reporter.grpc.tls.ca=/x --endpoint a:1", 1, ``, `--reporter.grpc.tls.ca: "/x": has no effect without TLS; give --reporter.grpc.tls.enabled=true, or remove it\n`},
		{
			"flags of the Jaeger Agent over a file", "--check --processor.jaeger-compact.server-host-port 7831 --processor.jaeger-compact.workers=2 --config " + good, 0,
			`(?s:.*)    compact: ":7831" # --processor.jaeger-compact.server-host-port\n    binary: ":6832" # default of the Jaeger Agent\n(?s:.*)    grpc: "" # default of the Jaeger Agent\n(?s:.*)  endpoint: from-file:4317 # \S+good.yaml:2\n  protocol: otlp-grpc\n(?s:.*)`,
			`warning: --processor.jaeger-compact.workers has no effect: a socket has one reader, which keeps up: remove it\n`,
		},
		{
			"a collector of ours beside flags of the Jaeger Agent", "--check --admin.http.host-port=1 --endpoint a:4317", 0,
			`(?s:.*)  endpoint: a:4317 # --endpoint\n  protocol: otlp-grpc\n(?s:.*)  http: ":1" # --admin.http.host-port\n(?s:.*)`, ``,
		},
		{"docs", "docs --format=man", 0, `wayside-agent keeps (?s:.*)`, ``},
		{"flag without value", "--config", 2, ``, `wayside-agent: flag needs an argument: --config \(see wayside-agent --help\)\n`},
		{"flag with empty value", "--endpoint=", 2, ``, `wayside-agent: --endpoint needs a value \(see wayside-agent --help\)\n`},
		{"two files", "--config a --config b", 2, ``, `wayside-agent: --config is given twice; a configuration is one file \(see wayside-agent --help\)\n`},
		{"help with something", "help me", 2, ``, `wayside-agent: help stands first and alone \(see wayside-agent --help\)\n`},
		{"several endpoints", "--check --endpoint a:1 --endpoint b:1,c:1", 0, `(?s:.*)  endpoint: \[a:1, b:1, c:1\] # --endpoint\n(?s:.*)`, ``},
		{"no flag", "collector:4317", 2, ``, `wayside-agent: "collector:4317" is not a flag; the commands are help, status and version \(see wayside-agent --help\)\n`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(strings.Fields(c.args), &out, &errs)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, s := range []struct{ name, got, want string }{{"stdout", out.String(), c.stdout}, {"stderr", errs.String(), c.stderr}} {
				if !regexp.MustCompile(`^` + s.want + `$`).MatchString(s.got) {
					t.Errorf("%s is\n%s\nwant\n%s", s.name, s.got, s.want)
				}
			}
		})
	}
}

func TestHelpIsReadable(t *testing.T) {
	var b bytes.Buffer
	writeHelp(&b)
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(line)) - 1; n > 82 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for k := range config.Keys {
		if !strings.Contains(b.String(), "\n  "+k.Path+": ") {
			t.Errorf("%s is missing", k.Path)
		}
	}
}

// process is a running agent.
type process struct {
	*exec.Cmd
	mu  sync.Mutex
	log bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// await waits for the nth log line that has s in it.
func (p *process) await(t *testing.T, s string, nth int) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		n := 0
		for line := range strings.Lines(p.text()) {
			if strings.Contains(line, s) && strings.HasSuffix(line, "\n") {
				if n++; n == nth {
					return line
				}
			}
		}
	}
	t.Fatalf("no %q in the log:\n%s", s, p.text())
	return ""
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startIn(t, nil, args...)
}

// startIn starts the agent with other variables beside the environment's.
func startIn(t *testing.T, env map[string]string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...)}
	p.Env = append(os.Environ(), "WAYSIDE_AGENT_TEST=run")
	for name, value := range env {
		p.Env = append(p.Env, name+"="+value)
	}
	p.Stdout, p.Stderr = p, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// end waits for the process and returns its exit code.
func (p *process) end(t *testing.T) int {
	t.Helper()
	late := time.AfterFunc(20*time.Second, func() { _ = p.Process.Kill() })
	defer late.Stop()
	_ = p.Wait() // the code says it
	return p.ProcessState.ExitCode()
}

func status(t *testing.T, admin string) ledger.Status {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+admin+"/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var st ledger.Status
	if err := json.Unmarshal(b, &st); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return st
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const running = `
accept: {jaeger: {compact: "127.0.0.1:0", binary: ""}, otlp: {grpc: "127.0.0.1:0", http: ""}}
admin: {http: "127.0.0.1:0"}
control: {http: ""}
log: {format: json}
deliver: {endpoint: "127.0.0.1:9"}
`

func TestLifeOfAnAgent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, running)
	p := start(t, "--config", file)
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(p.await(t, `"msg":"ready"`, 1))
	if admin == nil {
		t.Fatalf("the log does not say where it listens: %s", p.text())
	}
	setting := func(key string) any { return status(t, admin[1]).Config.(map[string]any)[key] }
	if st := status(t, admin[1]); !st.Ready || len(st.Sockets) != 1 || setting("deliver.timeout") != "10s" {
		t.Errorf("%+v", st)
	}

	write(t, file, running+"drain_timeout: 1s\n")
	p.await(t, `"configuration reloaded"`, 1) // the file was seen to change
	if got := setting("drain_timeout"); got != "1s" {
		t.Errorf("drain_timeout is %v after the file changed", got)
	}

	write(t, file, running+"drain_timeout: soon\n")
	send(t, p, syscall.SIGHUP)
	line := p.await(t, `"the configuration is wrong"`, 1)
	if !strings.Contains(line, `agent.yaml:7: drain_timeout: \"soon\": is not a duration`) {
		t.Errorf("the log says %s", line)
	}
	p.await(t, "the old one stays in force", 1)
	if got := setting("drain_timeout"); got != "1s" {
		t.Errorf("drain_timeout is %v after a wrong file", got)
	}

	write(t, file, strings.Replace(running, "compact: ", `socket_buffer: 1MiB, compact: `, 1))
	send(t, p, syscall.SIGHUP)
	if line := p.await(t, "when the agent is restarted", 1); !strings.Contains(line, "accept.jaeger.socket_buffer") {
		t.Errorf("the log says %s", line)
	}

	send(t, p, syscall.SIGTERM)
	if code := p.end(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(strings.TrimSpace(p.text()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, `"msg":"ledger"`) {
		t.Errorf("the last line is %s", last)
	}
}

func send(t *testing.T, p *process, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestAddressThatIsTaken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, running)
	first := start(t, "--config", file)
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(first.await(t, `"msg":"ready"`, 1))[1]
	write(t, file, strings.Replace(running, `http: "127.0.0.1:0"`, `http: "`+admin+`"`, 1))
	second := start(t, "--config", file)
	if code := second.end(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if want := "wayside-agent: admin.http: listen tcp " + admin + ": bind: address already in use; stop what has it (another agent, such as the Jaeger Agent?), or set admin.http\n"; second.text() != want {
		t.Errorf("it says %q, want %q", second.text(), want)
	}
	send(t, first, syscall.SIGINT)
	if code := first.end(t); code != 0 {
		t.Errorf("exit code of the first: %d", code)
	}
}

func TestTerminationMessage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "termination-log")
	st := ledger.Status{Lanes: []ledger.Lane{{Name: "default", Account: ledger.Account{Accepted: 3, Delivered: 1, Dropped: ledger.Drops{ledger.Shutdown: 2}}}}}
	terminationMessage(file, st, nil)
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was made where there was none")
	}
	write(t, file, "what was there before, and longer than what comes now: "+strings.Repeat("x", 500))
	terminationMessage(file, st, errors.New("boom"))
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := "ledger of lane default: [accepted=3 recovered=0 delivered=1 buffered=0 dropped=2 dropped_shutdown=2]\nboom\n"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}
