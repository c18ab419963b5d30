package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// jaegerCollector is a collector of Jaeger's, and what came to it.
type jaegerCollector struct {
	*httptest.Server
	mu   sync.Mutex
	text bytes.Buffer // all requests: names and tags are in them as they are
}

func startJaegerCollector(t *testing.T, secure bool) *jaegerCollector {
	t.Helper()
	c := &jaegerCollector{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", grpc.ContentType)
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write(make([]byte, grpc.PrefixLen))
		status := "0"
		if r.URL.Path != "/jaeger.api_v2.CollectorService/PostSpans" {
			status = "12" // UNIMPLEMENTED
		}
		w.Header().Set("Grpc-Status", status)
		c.mu.Lock()
		defer c.mu.Unlock()
		if status == "0" {
			c.text.Write(body)
		}
	}))
	c.Config.Protocols = new(http.Protocols)
	if secure {
		c.Config.Protocols.SetHTTP2(true)
		c.EnableHTTP2 = true
		c.StartTLS()
	} else {
		c.Config.Protocols.SetUnencryptedHTTP2(true)
		c.Start()
	}
	t.Cleanup(c.Close)
	return c
}

func (c *jaegerCollector) has(s string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Contains(c.text.Bytes(), []byte(s))
}

// Manifests that ran a Jaeger Agent run this one, with nothing but other ports.
func TestManifestsOfTheJaegerAgent(t *testing.T) {
	plain, secure := startJaegerCollector(t, false), startJaegerCollector(t, true)
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		write(t, path, text)
		return path
	}
	ca := file("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	address := func(c *jaegerCollector) string { return c.Listener.Addr().String() }
	// The Jaeger Agent's own ports are for one at a time.
	ports := map[string]string{
		"PROCESSOR_ZIPKIN_COMPACT_SERVER_HOST_PORT": "127.0.0.1:0", "PROCESSOR_JAEGER_COMPACT_SERVER_HOST_PORT": "127.0.0.1:0",
		"PROCESSOR_JAEGER_BINARY_SERVER_HOST_PORT": "127.0.0.1:0", "HTTP_SERVER_HOST_PORT": "127.0.0.1:0", "ADMIN_HTTP_HOST_PORT": "127.0.0.1:0",
	}

	for _, c := range []struct {
		name      string
		args      []string
		env       map[string]string
		collector *jaegerCollector
		tags      []string // that the spans have
	}{
		{
			// jaeger-operator v1.65.0, pkg/inject/sidecar.go
			"a sidecar of the operator's",
			[]string{
				"--agent.tags=cluster=undefined,container.name=app,deployment.name=app,host.ip=${HOST_IP:},pod.name=${POD_NAME:},pod.namespace=shop",
				"--reporter.grpc.host-port=dns:///" + address(plain),
			},
			map[string]string{"POD_NAME": "app-7d4f", "HOST_IP": "10.1.2.3"},
			plain,
			[]string{"pod.name", "app-7d4f", "host.ip", "10.1.2.3", "pod.namespace", "deployment.name"},
		},
		{
			// the same file, on OpenShift
			"a sidecar of the operator's, with TLS",
			[]string{
				"--agent.tags=pod.name=${POD_NAME:}", "--reporter.grpc.host-port=dns:///" + address(secure),
				"--reporter.grpc.tls.ca=" + ca, "--reporter.grpc.tls.enabled=true",
				"--reporter.grpc.tls.server-name=example.com", // httptest's certificate is for it
			},
			map[string]string{"POD_NAME": "app-8e50"},
			secure,
			[]string{"app-8e50"},
		},
		{
			// helm-charts, charts/jaeger 3.4.1, templates/agent-ds.yaml
			"the Helm chart", nil, map[string]string{"REPORTER_GRPC_HOST_PORT": address(plain), "LOG_LEVEL": "info"}, plain, nil,
		},
		{
			// jaeger-kubernetes, production/configmap.yml and daemonset/jaeger-agent.yml
			"the templates' ConfigMap",
			[]string{"--config-file=" + file("agent.yaml", "reporter:\n  grpc:\n    host-port: "+address(plain)+"\n"), "--processor.jaeger-compact.server-queue-size", "100"},
			nil, plain, nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := maps.Clone(ports)
			maps.Copy(env, c.env)
			p := startIn(t, env, c.args...)
			ready := p.await(t, `"msg":"ready"`, 1)
			admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
			if code, _, errs := question(t, "--ready", "--admin.http.host-port="+admin); code != ok {
				t.Errorf("--ready: %s", errs)
			}
			if code, out, errs := question(t, "status", "--status.http.host-port="+admin); code != ok || !strings.HasPrefix(out, `{"status":"Server available","upSince":"2`) {
				t.Errorf("status: %s%s", out, errs)
			}

			service := "service of " + c.name
			b := &jaegerthrift.Batch{Process: jaegerthrift.Process{ServiceName: service}, Spans: []jaegerthrift.Span{{TraceIDLow: 1, SpanID: 1, OperationName: "op"}}}
			packet := jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 1, b)
			sockets := regexp.MustCompile(`udp (127\.0\.0\.1:\d+)`).FindAllStringSubmatch(ready, -1)
			if len(sockets) != 3 {
				t.Errorf("there are %d sockets: %s", len(sockets), ready)
			}
			for _, udp := range sockets {
				conn, err := net.Dial("udp", udp[1])
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Write(packet); err != nil {
					t.Fatal(err)
				}
				conn.Close()
			}
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				l := status(t, admin).Lanes[0]
				if err := l.Check(); err != nil {
					t.Fatal(err)
				}
				if l.Delivered == uint64(len(sockets)) && c.collector.has(service) {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%+v\n%s", l, p.text())
				}
			}
			for _, tag := range c.tags {
				if !c.collector.has(tag) {
					t.Errorf("no span has %s", tag)
				}
			}
			send(t, p, syscall.SIGTERM)
			if code := p.end(t); code != 0 {
				t.Errorf("exit code %d:\n%s", code, p.text())
			}
		})
	}
}

// The document for those who come from the Jaeger Agent names metrics that exist.
func TestDocumentedMetricsExist(t *testing.T) {
	b, err := os.ReadFile("../../docs/migrating-from-jaeger-agent.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(b), "| `wayside_agent_…` |\n")
	if !found {
		t.Fatal("the document has no table of metrics")
	}
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, running)
	p := start(t, "--config", file)
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(p.await(t, `"msg":"ready"`, 1))[1]
	res, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| .*? \\| (`.*) \\|$").FindAllStringSubmatch(section, -1)
	if len(rows) < 8 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		for _, m := range regexp.MustCompile("`([a-z_]+)[`{]").FindAllStringSubmatch(row[1], -1) {
			if !bytes.Contains(metrics, []byte("\n# TYPE wayside_agent_"+m[1]+" ")) {
				t.Errorf("there is no wayside_agent_%s", m[1])
			}
		}
	}
	send(t, p, syscall.SIGTERM)
	p.end(t)
}
