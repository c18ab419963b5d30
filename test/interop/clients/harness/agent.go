package harness

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// Agent is a running wayside-agent.
type Agent struct {
	*Process
	Compact, Binary        string // UDP addresses
	Datagrams              string // unix:/path, for the same
	JaegerGRPC, JaegerHTTP string // as a Jaeger collector's
	GRPC, HTTP             string // OTLP addresses
	Socket                 string // unix:/path, OTLP as well
	Control                string // where tracers ask for strategies by HTTP
	admin                  string
}

// Config is what a test chooses of the agent's whole configuration.
type Config struct {
	Deliver
	Accept string // other keys of accept, as in YAML's braces: "tls: {cert: a.pem, key: a.key}"
	Memory string // of the buffer; "" is the agent's default
	Keys   string // other keys, as in YAML: "sampling: {source: a:1}"
}

// Deliver is the part of the agent's configuration that a test chooses.
type Deliver struct {
	Endpoints   []string
	Compression string
	BatchBytes  string // "" is the agent's default
	BatchAge    string // "" is 50ms: tests have no patience
	More        string // other keys of deliver, as in YAML's braces: "protocol: otlp-http, "
}

// agentVariable names the agent to test in the environment.
const agentVariable = "WAYSIDE_AGENT"

// Main runs the tests of a package with an agent built from this source tree; or the one that WAYSIDE_AGENT names.
func Main(m *testing.M) int {
	if os.Getenv(agentVariable) != "" {
		return m.Run()
	}
	folder, err := os.MkdirTemp("", "wayside-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "wayside-agent")
	if err := buildAgent(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv(agentVariable, path)
	return m.Run()
}

func buildAgent(path string) error {
	root, err := repository()
	if err != nil {
		return err
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "./cmd/wayside-agent")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./cmd/wayside-agent: %w\n%s", err, out)
	}
	return nil
}

// StartAgent starts an agent that differs from its defaults in nothing but how it delivers, and waits until it takes spans.
func StartAgent(t testing.TB, d Deliver) *Agent {
	t.Helper()
	return StartAgentAs(t, Config{Deliver: d})
}

// StartAgentAs starts an agent and waits until it takes spans.
func StartAgentAs(t testing.TB, c Config) *Agent {
	t.Helper()
	if c.BatchBytes == "" {
		c.BatchBytes = "512KiB"
	}
	if c.BatchAge == "" {
		c.BatchAge = "50ms"
	}
	if c.Memory == "" {
		c.Memory = "8MiB"
	}
	folder := t.TempDir()
	a := &Agent{
		Compact: FreePort(t), Binary: FreePort(t), GRPC: FreePort(t), HTTP: FreePort(t), admin: FreePort(t), Control: FreePort(t),
		JaegerGRPC: FreePort(t), JaegerHTTP: FreePort(t),
		Socket: "unix:" + filepath.Join(folder, "otlp"), Datagrams: "unix:" + filepath.Join(folder, "jaeger"),
	}
	config := filepath.Join(folder, "agent.yaml")
	text := fmt.Sprintf(`
accept: {%s
  jaeger: {compact: [%q, %q], binary: %q, grpc: %q, http: %q},
  otlp: {grpc: [%q, %q], http: %q}}
buffer: {memory: %s}
deliver: {%s
  endpoint: ["%s"],
  compression: %s,
  batch: {bytes: %s, age: %s}}
control: {http: %q}
admin: {http: %q}
%s
`, c.Accept, a.Compact, a.Datagrams, a.Binary, a.JaegerGRPC, a.JaegerHTTP, a.GRPC, a.Socket, a.HTTP, c.Memory,
		c.More, strings.Join(c.Endpoints, `", "`), c.Compression, c.BatchBytes, c.BatchAge, a.Control, a.admin, c.Keys)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a.Process = start(t, "wayside-agent", os.Getenv(agentVariable), "--config", config)
	a.awaitStart(t, func() error {
		r, err := http.Get("http://" + a.admin + "/readyz")
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz says %s", r.Status)
		}
		return nil
	})
	return a
}

// Status is what the agent says of its one lane. That its account adds up is checked every time anybody looks.
func (a *Agent) Status(t testing.TB) ledger.Lane {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.admin+"/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var status ledger.Status
	if err := json.NewDecoder(r.Body).Decode(&status); err != nil {
		t.Fatalf("/status: %v", err)
	}
	if len(status.Lanes) != 1 {
		t.Fatalf("/status has %d lanes", len(status.Lanes))
	}
	lane := status.Lanes[0]
	if err := lane.Check(); err != nil {
		t.Fatal(err)
	}
	return lane
}

// Await waits until the lane is as wanted, and returns it.
func (a *Agent) Await(t testing.TB, what string, wanted func(ledger.Lane) bool) ledger.Lane {
	t.Helper()
	var lane ledger.Lane
	for deadline := time.Now().Add(arriveTimeout); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if lane = a.Status(t); wanted(lane) {
			return lane
		}
	}
	t.Fatalf("not %s after %s: %+v", what, arriveTimeout, lane)
	return lane
}

// AwaitDelivered waits until as many spans as were sent are accepted and delivered, and none is held or lost.
func (a *Agent) AwaitDelivered(t testing.TB, sent int) {
	t.Helper()
	lane := a.Await(t, fmt.Sprintf("%d spans delivered", sent), func(l ledger.Lane) bool {
		return l.Delivered >= uint64(sent) && l.Buffered == 0
	})
	a.exactly(t, lane.Account, sent)
}

func (a *Agent) exactly(t testing.TB, account ledger.Account, sent int) {
	t.Helper()
	n := uint64(sent)
	if account.Accepted != n || account.Delivered != n || account.Buffered != 0 || account.Dropped.Sum() != 0 {
		t.Errorf("%d spans were sent, and the ledger says %+v", sent, account)
	}
}

// Finish ends the agent as an init system does. It must end well, and the last line of its log must be the ledger: all
// spans that were sent, delivered; and what it has refused until now.
func (a *Agent) Finish(t testing.TB, sent int) {
	t.Helper()
	want := map[string]int{"accepted": sent, "recovered": 0, "delivered": sent, "buffered": 0, "dropped": 0}
	for reason, n := range a.Status(t).Refused {
		if n > 0 {
			want["refused_"+ledger.RefuseReason(reason).String()] = int(n)
		}
	}
	if code := a.Stop(t); code != 0 {
		t.Errorf("the agent ends with exit code %d", code)
	}
	last := tail(a.Output(), 1)
	account := make(map[string]int)
	for _, m := range regexp.MustCompile(` (\w+)=(\d+)\b`).FindAllStringSubmatch(last, -1) {
		account[m[1]], _ = strconv.Atoi(m[2]) // digits only
	}
	if !maps.Equal(account, want) {
		t.Errorf("the last line of the agent's log says %v, not %v: %s", account, want, last)
	}
}
