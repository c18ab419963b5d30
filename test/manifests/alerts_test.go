package manifests

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
)

// families are the metrics that a running agent, with a disk, exposes.
func families(t *testing.T) map[string]bool {
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	config := t.TempDir() + "/agent.yaml"
	if err := os.WriteFile(config, []byte(`
accept: {jaeger: {compact: "127.0.0.1:0", binary: ""}, otlp: {grpc: "127.0.0.1:0", http: ""}}
buffer: {disk: {path: `+t.TempDir()+`}}
deliver: {endpoint: "127.0.0.1:1"}
control: {http: ""}
admin: {http: "127.0.0.1:0"}
log: {format: json}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	agent := exec.Command(file, "--config", config)
	stderr, err := agent.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.Process.Kill(); agent.Wait() })
	address := make(chan string, 1)
	go func() {
		var log strings.Builder
		buffer := make([]byte, 4096)
		for {
			n, err := stderr.Read(buffer)
			log.Write(buffer[:n])
			if found := regexp.MustCompile(`"admin ([^"]+)"`).FindStringSubmatch(log.String()); found != nil {
				address <- found[1]
				io.Copy(io.Discard, stderr)
				return
			}
			if err != nil {
				address <- ""
				return
			}
		}
	}()
	var admin string
	select {
	case admin = <-address:
	case <-time.After(10 * time.Second):
	}
	if admin == "" {
		t.Fatal("the agent's log did not name its admin address")
	}
	text := get(t, "http://"+admin+"/metrics")
	account(t, text)
	found := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(text, -1) {
		found[match[1]] = true
	}
	return found
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// account asserts what holds at every moment of an agent's life.
func account(t *testing.T, metrics string) {
	t.Helper()
	sums := map[string]float64{}
	lines := regexp.MustCompile(`(?m)^wayside_agent_spans_(\w+)\{[^}]*\} (\S+)$`).FindAllStringSubmatch(metrics, -1)
	for _, line := range lines {
		value, err := strconv.ParseFloat(line[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		sums[line[1]] += value
	}
	if len(sums) != 5 {
		t.Fatalf("the account has %v, want accepted, recovered, delivered, buffered and dropped", sums)
	}
	if in, out := sums["accepted_total"]+sums["recovered_total"], sums["delivered_total"]+sums["buffered"]+sums["dropped_total"]; in != out {
		t.Errorf("accepted and recovered are %v, delivered, buffered and dropped %v", in, out)
	}
}

// operators are the metrics of wayside-operator, as its source names them: it runs
// only in a cluster.
func operators(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"../../kube/*/*.go", "../../cmd/wayside-operator/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range regexp.MustCompile(`"(wayside_operator_\w+)"`).FindAllStringSubmatch(string(text), -1) {
				names = append(names, name[1])
			}
		}
	}
	return names
}

// An alert on a metric that does not exist never fires, and nobody notices.
func TestAlertsAreOnWhatAgentsExpose(t *testing.T) {
	exposed := families(t)
	for _, name := range operators(t) {
		exposed[name] = true
	}
	found := all[*monitoringv1.PrometheusRule](kustomize(t, "overlays/alerts"))
	if len(found) != 1 || len(found[0].Spec.Groups) != 2 {
		t.Fatal("want one PrometheusRule with two groups, the agent's and the operator's")
	}
	rules := slices.Concat(found[0].Spec.Groups[0].Rules, found[0].Spec.Groups[1].Rules)
	pages := map[string]string{}
	for _, rule := range rules {
		expr, err := metricsql.Parse(rule.Expr.String())
		if err != nil {
			t.Errorf("%s: %v", rule.Alert, err)
			continue
		}
		names := 0
		metricsql.VisitAll(expr, func(e metricsql.Expr) {
			metric, ok := e.(*metricsql.MetricExpr)
			if !ok {
				return
			}
			for _, filters := range metric.LabelFilterss {
				for _, f := range filters {
					if f.Label != "__name__" {
						continue
					}
					names++
					if !exposed[f.Value] {
						t.Errorf("%s is on %s, which nobody exposes", rule.Alert, f.Value)
					}
				}
			}
		})
		if names == 0 {
			t.Errorf("%s is on no metric", rule.Alert)
		}
		page, anchor, _ := strings.Cut(rule.Annotations["runbook_url"], "#")
		file := "../../docs/" + page[strings.LastIndex(page, "/")+1:]
		if pages[file] == "" {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
				continue
			}
			pages[file] = string(text)
		}
		if !strings.Contains(anchors(pages[file]), "#"+anchor+"\n") {
			t.Errorf("%s: %s has no heading #%s", rule.Alert, file, anchor)
		}
	}
}

// anchors are those of a page's headings, as GitHub makes them, each on a line.
func anchors(page string) string {
	var b strings.Builder
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		anchor := strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")
		b.WriteString("#" + regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(anchor, "") + "\n")
	}
	return b.String()
}
