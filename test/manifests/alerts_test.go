package manifests

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
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
	answer, err := http.Get("http://" + strings.TrimPrefix(admin, "http://") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllSubmatch(text, -1) {
		found[string(match[1])] = true
	}
	return found
}

// An alert on a metric that does not exist never fires, and nobody notices.
func TestAlertsAreOnWhatAgentsExpose(t *testing.T) {
	exposed := families(t)
	rules := all[*monitoringv1.PrometheusRule](kustomize(t, "overlays/alerts"))
	if len(rules) != 1 || len(rules[0].Spec.Groups) != 1 {
		t.Fatal("want one PrometheusRule with one group")
	}
	pages := map[string]string{}
	for _, rule := range rules[0].Spec.Groups[0].Rules {
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
						t.Errorf("%s is on %s, which agents do not expose", rule.Alert, f.Value)
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
