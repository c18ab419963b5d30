package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
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
