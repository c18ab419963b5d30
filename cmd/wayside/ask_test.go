package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/kube/apiserver/fake"
)

// kubeconfig is a file that leads to an API server.
func kubeconfig(t *testing.T, server *fake.Server) string {
	t.Helper()
	h := httptest.NewServer(server)
	t.Cleanup(h.Close)
	file := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u, namespace: shop}}]
clusters: [{name: c, cluster: {server: %q}}]
users: [{name: u, user: {token: t}}]
`, h.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func objects(t *testing.T, text string) []fake.Object {
	t.Helper()
	list, err := fake.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

const somePod = `
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop}
spec: {nodeName: node-1, containers: [{name: web, image: web}]}
status: {phase: Running}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {sidecar.wayside.dev/inject: "false"}}
`

func TestExplain(t *testing.T) {
	file := kubeconfig(t, &fake.Server{Objects: objects(t, somePod)})
	const reason = "No agent: its namespace's label sidecar.wayside.dev/inject is false."
	for _, args := range [][]string{
		{"explain", "pod/web-1", "--kubeconfig", file},
		{"explain", "--kubeconfig=" + file, "web-1"},
		{"explain", "--kubeconfig", file, "-n", "shop", "pod", "web-1"},
		{"explain", "ns/shop", "--kubeconfig", file, "-n", "elsewhere"},
	} {
		code, stdout, stderr := call(t, args...)
		if code != ok || stderr != "" || !strings.Contains(stdout, reason) {
			t.Errorf("%q: exit %d, %q\n%s", args, code, stderr, stdout)
		}
	}
	code, stdout, stderr := call(t, "explain", "web-1", "--json", "--kubeconfig", file)
	var report struct {
		Pods []struct {
			Gets  string
			Would struct{ Code string }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &report); code != ok || stderr != "" || err != nil || len(report.Pods) != 1 ||
		report.Pods[0].Gets != "nothing" || report.Pods[0].Would.Code != "OptedOut" {
		t.Errorf("exit %d, %q, %v\n%s", code, stderr, err, stdout)
	}
}

func TestExplainFails(t *testing.T) {
	file := kubeconfig(t, &fake.Server{Objects: objects(t, somePod), Forbid: []string{"get pods in namespace secret"}})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"pod/web-2"}, "there is no pod web-2 in namespace shop; -n NAMESPACE names another"},
		{[]string{"pod/web-1", "-n", "secret"}, "you may not get pods in namespace secret"},
		{[]string{"pod/web-1", "--context", "there"}, `kubeconfig: context "there" does not exist`},
	} {
		code, stdout, stderr := call(t, slices.Concat([]string{"explain", "--kubeconfig", file}, c.args)...)
		if code != failure || stdout != "" || stderr != "wayside explain: "+c.want+"\n" {
			t.Errorf("%q: exit %d, %q, %q; want %q", c.args, code, stdout, stderr, c.want)
		}
	}
}

const oldSidecar = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: web}
      - {name: jaeger-agent, image: jaegertracing/jaeger-agent, args: ["--reporter.grpc.host-port=c:14250"]}
`

func TestMigrate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "manifests.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(oldSidecar, ", namespace: shop", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	server := &fake.Server{Objects: objects(t, oldSidecar), Unknown: []string{"jaegers", "opentelemetrycollectors", "traceagents"}}
	cluster := kubeconfig(t, server)
	half := *server
	half.Forbid = []string{"list cronjobs.batch in namespace shop"}
	for _, c := range []struct {
		args   []string
		code   int
		stdout []string
		stderr string
	}{
		{[]string{"--kubeconfig", cluster}, ok, []string{"kubectl -n shop patch deployment/web", "kind: TraceAgent"}, "1 place found, 2 steps to run"},
		{[]string{"--kubeconfig", cluster, "-A"}, ok, []string{"kubectl -n shop patch deployment/web"}, "1 place found, 2 steps to run"},
		{[]string{"--kubeconfig", cluster, "-n", "other"}, ok, []string{"nothing was found"}, "nothing of the Jaeger Agent or of sidecar operators was found"},
		{[]string{"--kubeconfig", kubeconfig(t, &half)}, undecided, []string{"not seen: cronjobs: you may not list cronjobs.batch in namespace shop"}, "1 place found, 2 steps to run"},
		{[]string{"--from-file", file, "-n", "cart"}, ok, []string{"kubectl -n cart patch deployment/web"}, "1 place found, 2 steps to run"},
		{[]string{"--from-file", file, "--json"}, ok, []string{`"command": "kubectl -n default patch deployment/web --patch-file /dev/stdin"`}, "1 place found, 2 steps to run"},
	} {
		code, stdout, stderr := call(t, slices.Concat([]string{"migrate"}, c.args)...)
		if code != c.code || !strings.HasPrefix(stderr, "wayside migrate: "+c.stderr) {
			t.Errorf("%q: exit %d, %q; want %d, %q", c.args, code, stderr, c.code, c.stderr)
		}
		for _, want := range c.stdout {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q: no %q in\n%s", c.args, want, stdout)
			}
		}
	}
	code, stdout, stderr := call(t, "migrate", "--from-file", file+".none")
	if code != failure || stdout != "" || !strings.Contains(stderr, "no such file") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}
