package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wayside-tracing/wayside/internal/authority"
)

// questions runs the program and returns its exit code and what it says.
func question(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestReady(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	status, body := http.StatusOK, "ready\n"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || r.Method != http.MethodGet {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer s.Close()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // is for what goes far
	address := s.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)

	for _, c := range []struct {
		name, config string
		args         []string
	}{
		{"by the file", `admin: {http: "` + address + `"}`, []string{"--config", file}},
		{"by a file with more in it, which is wrong", `admin: {http: "` + address + `"}` + "\nbuffer: {memory: 3}\nhuh: 1", []string{"--config", file}},
		{"on every interface", `admin: {http: ":` + port + `"}`, []string{"--config", file}},
		{"by localhost", `admin: {http: "localhost:` + port + `"}`, []string{"--config", file}},
		{"the second address", `admin: {http: ["127.0.0.1:1", "` + address + `"]}`, []string{"--config", file}},
		{"by a flag of the Jaeger Agent", "", []string{"--admin.http.host-port=" + port, "--endpoint=c:1"}},
	} {
		write(t, file, c.config)
		if code, out, errs := question(t, append(c.args, "--ready")...); code != ok || out != "ready\n" || errs != "" {
			t.Errorf("%s: exit code %d, %q, %q", c.name, code, out, errs)
		}
	}

	write(t, file, `admin: {http: "`+address+`"}`)
	status, body = http.StatusServiceUnavailable, "not ready: starting or stopping\n"
	code, out, errs := question(t, "--ready", "--config", file)
	if want := "wayside-agent: not ready: " + address + " answers 503 Service Unavailable: not ready: starting or stopping\n"; code != failure || out != "" || errs != want {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}

// An admin address with TLS is asked with it, certificates of clients included; and
// one whose agent began with another configuration the other way.
func TestReadyByTLS(t *testing.T) {
	folder := t.TempDir()
	ca := authority.New(t, "ca")
	pair := ca.Issue(both("agent", "127.0.0.1"))
	put := func(name string, b []byte) string {
		write(t, filepath.Join(folder, name), string(b))
		return filepath.Join(folder, name)
	}
	cert, key, authorities := put("cert", pair.PEM), put("key", pair.Key), put("ca", ca.PEM)
	file, admin := filepath.Join(folder, "agent.yaml"), freePort(t)
	text := func(tls string) string {
		return strings.Replace(running, `admin: {http: "127.0.0.1:0"}`, `admin: {http: "`+admin+`"`+tls+"}\ndrain_timeout: 0s", 1)
	}
	secure := ", tls: {cert: " + cert + ", key: " + key + "}"
	mutual := ", tls: {cert: " + cert + ", key: " + key + ", client_ca: " + authorities + "}"
	for _, c := range []struct{ began, now string }{
		{secure, secure},
		{mutual, mutual},
		{secure, ""},
		{"", secure},
	} {
		write(t, file, text(c.began))
		p := start(t, "--config", file)
		p.await(t, `"msg":"ready"`, 1)
		anybody := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool(ca)}, DisableKeepAlives: true}}
		if res, err := anybody.Get("https://" + admin + "/readyz"); (err == nil) != (c.began == secure) {
			t.Errorf("%s: by HTTPS: %v", c.began, err)
		} else if err == nil {
			res.Body.Close()
		}
		write(t, file, text(c.now))
		if code, out, errs := question(t, "--ready", "--config", file); code != ok || out != "ready\n" {
			t.Errorf("began with %q and asked by %q: exit code %d, %q, %q", c.began, c.now, code, out, errs)
		}
		send(t, p, syscall.SIGTERM)
		if code := p.end(t); code != 0 {
			t.Errorf("exit code %d:\n%s", code, p.text())
		}
	}
}

// both is a certificate that is shown by a server and by a client.
func both(names ...string) *x509.Certificate {
	c := authority.Server(names...)
	c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	return c
}

func TestNotReady(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	file := filepath.Join(t.TempDir(), "agent.yaml")
	for _, c := range []struct{ admin, want string }{
		{gone.Addr().String(), "nobody listens at " + gone.Addr().String() + "; is the agent running, with the same flags?"},
		{silent.Addr().String(), silent.Addr().String() + " did not answer in 900ms"},
		{"", "admin.http is off, there is nobody to ask"},
		{"127.0.0.1:0", "admin.http is 127.0.0.1:0, a port that the system chose: give it one"},
	} {
		write(t, file, `admin: {http: "`+c.admin+`"}`)
		code, out, errs := question(t, "--ready", "--config", file)
		if code != failure || out != "" || errs != "wayside-agent: not ready: "+c.want+"\n" {
			t.Errorf("%s: exit code %d, %q, %q", c.admin, code, out, errs)
		}
	}
}

// As `jaeger-agent status` does, it writes the answer of / and fails when that is
// not 200.
func TestStatusCommand(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Errorf("asked %s", r.URL)
		}
		_, _ = w.Write([]byte(`{"status":"Server available"}`))
	}))
	defer s.Close()
	address := s.Listener.Addr().String()
	for _, flag := range []string{"--status.http.host-port=" + address, "--admin.http.host-port=" + address} {
		if code, out, errs := question(t, "status", flag); code != ok || strings.TrimSpace(out) != `{"status":"Server available"}` || errs != "" {
			t.Errorf("%s: exit code %d, %q, %q", flag, code, out, errs)
		}
	}
}
