package agent

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// A running agent goes over to OTLP HTTP with TLS and a token, and back to what
// it had; a token that changes is taken up, and none is shown or logged.
func TestReloadToHTTPS(t *testing.T) {
	var token atomic.Value
	var spans, refused atomic.Int64
	token.Store("first-secret")
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token.Load().(string) {
			refused.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for range otlp.Spans(body) {
			spans.Add(1)
		}
	}))
	defer s.Close()
	folder := t.TempDir()
	put := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := put("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	file := put("token", []byte("first-secret\n"))

	plain := startCollector(t)
	r := run(t, plain.address, "")
	r.send("grpc", 20)
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 20 })

	https := func(ca string) *config.Config {
		t.Helper()
		text := "admin: {http: 127.0.0.1:0}\ncontrol: {http: 127.0.0.1:0}\naccept: {jaeger: {compact: 127.0.0.1:0, binary: 127.0.0.1:0}}\n" +
			"deliver:\n  endpoint: " + s.URL + "\n  protocol: otlp-http\n  compression: none\n  batch: {age: 20ms}\n" +
			"  tls: {ca: " + ca + "}\n  headers: {Authorization: \"Bearer ${file:" + file + "}\"}\n"
		cfg, err := config.Load(config.Source{File: put("agent.yaml", []byte(text))})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	if restart, err := r.Reload(https(ca)); err != nil || len(restart) != 0 {
		t.Fatal(restart, err)
	}
	r.send("https", 20)
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 40 })
	if spans.Load() != 20 || refused.Load() != 0 {
		t.Errorf("%d spans came, %d requests refused", spans.Load(), refused.Load())
	}

	// The collector wants another token from now on; the agent is given it later.
	token.Store("second-secret")
	r.send("https", 10)
	r.until("held", func(l ledger.Lane) bool { return r.Status().Lanes[0].Endpoints[0].State == ledger.EndpointHeld })
	put("token", []byte("second-secret\n"))
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 50 && l.Dropped.Sum() == 0 })

	// Files that went bad in between change nothing.
	cfg := https(ca)
	put("ca.pem", []byte("nothing"))
	cfg.Deliver.TLS.ServerName = "example.com"
	if _, err := r.Reload(cfg); err == nil || !strings.Contains(err.Error(), "no certificate in it") {
		t.Errorf("%v", err)
	}
	put("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	r.send("https", 5)
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 55 })

	var shown strings.Builder
	for key, value := range r.cfg.Effective().All {
		shown.WriteString(key + " " + value + "\n")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if text := r.log.String() + shown.String(); strings.Contains(text, "secret") {
		t.Errorf("a secret is shown:\n%s", text)
	}
}

// An agent whose Secret is not mounted yet is refused, keeps spans, and delivers
// them when the folder of headers is there.
func TestHeadersComeLate(t *testing.T) {
	var spans atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Tenant") != "shop" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for range otlp.Spans(body) {
			spans.Add(1)
		}
	}))
	defer s.Close()
	folder := filepath.Join(t.TempDir(), "headers")
	r := run(t, "127.0.0.1:1", "")
	cfg := r.load("admin: {http: 127.0.0.1:0}\ncontrol: {http: 127.0.0.1:0}\naccept: {jaeger: {compact: 127.0.0.1:0, binary: 127.0.0.1:0}}\n" +
		"deliver: {endpoint: " + s.URL + ", protocol: otlp-http, compression: none, batch: {age: 20ms}, allow_plaintext: true, headers_from: " + folder + "}\n")
	if _, err := r.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	r.send("late", 20)
	r.until("refused", func(ledger.Lane) bool { return r.Status().Lanes[0].Endpoints[0].State == ledger.EndpointHeld })
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "x-tenant"), []byte("shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.until("delivered", func(l ledger.Lane) bool { return l.Accepted == 20 && l.Delivered == 20 })
	if spans.Load() != 20 {
		t.Errorf("%d spans arrived", spans.Load())
	}
}
