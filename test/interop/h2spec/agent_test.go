package h2spec

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// agent is a running wayside-agent.
type agent struct {
	t           *testing.T
	otlp, admin string
	process     *exec.Cmd
}

// startAgent builds the agent from this source tree and runs it. accept is
// what is added to the configuration's key of that name.
func startAgent(t *testing.T, accept string) *agent {
	t.Helper()
	folder := t.TempDir()
	program, config := filepath.Join(folder, "wayside-agent"), filepath.Join(folder, "agent.yaml")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./cmd/wayside-agent")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/wayside-agent: %v\n%s", err, out)
	}
	text := fmt.Sprintf(`
accept: {jaeger: {compact: "", binary: ""}, otlp: {grpc: 127.0.0.1:0, http: ""}%s}
deliver: {endpoint: 127.0.0.1:1}
admin: {http: 127.0.0.1:0}
control: {http: ""}
drain_timeout: 0s
`, accept)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, process: exec.Command(program, "--config", config)}
	stderr, err := a.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.stop)
	lines := bufio.NewScanner(stderr)
	address := regexp.MustCompile(`(otlp\.grpc|admin) (127\.0\.0\.1:\d+)`)
	for a.otlp == "" && lines.Scan() {
		if regexp.MustCompile(`"?msg"?[=:]"?ready`).MatchString(lines.Text()) {
			for _, m := range address.FindAllStringSubmatch(lines.Text(), -1) {
				if m[1] == "admin" {
					a.admin = m[2]
				} else {
					a.otlp = m[2]
				}
			}
		}
	}
	if a.otlp == "" || a.admin == "" {
		t.Fatal("the agent did not start")
	}
	go func() {
		for lines.Scan() {
			if regexp.MustCompile("panic").MatchString(lines.Text()) {
				t.Errorf("the agent says: %s", lines.Text())
			}
		}
	}()
	return a
}

// status checks that the account adds up.
func (a *agent) status() ledger.Lane {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, "http://"+a.admin+"/status", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer r.Body.Close()
	var s ledger.Status
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil || len(s.Lanes) != 1 {
		a.t.Fatalf("/status: %v, %+v", err, s)
	}
	if err := s.Lanes[0].Check(); err != nil {
		a.t.Error(err)
	}
	return s.Lanes[0]
}

func (a *agent) stop() {
	if err := a.process.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Errorf("the agent is gone: %v", err)
	}
	if err := a.process.Wait(); err != nil {
		a.t.Errorf("the agent's end: %v", err)
	}
}
