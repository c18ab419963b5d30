package main

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// freePort is an address of loopback that nobody has.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// until waits for the account to be as f says.
func until(t *testing.T, p *process, admin, what string, f func(ledger.Lane) bool) ledger.Status {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		st := status(t, admin)
		if err := st.Lanes[0].Check(); err != nil {
			t.Fatal(err)
		}
		if f(st.Lanes[0]) {
			return st
		}
		if time.Now().After(end) {
			t.Fatalf("not %s: %+v\n%s", what, st.Lanes[0], p.text())
		}
	}
}

func sendSpans(t *testing.T, address string, n int) {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 1, webBatch(n))); err != nil {
		t.Fatal(err)
	}
}

func degradedMetric(t *testing.T, admin string) string {
	t.Helper()
	res, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(regexp.MustCompile(`(?m)^wayside_agent_degraded .*$`).Find(b))
}

// secureCollector takes OTLP over HTTPS from those who have its token.
func secureCollector(t *testing.T) (s *httptest.Server, arrived *atomic.Int64) {
	t.Helper()
	arrived = new(atomic.Int64)
	s = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Token") != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		for range otlp.Spans(body) {
			arrived.Add(1)
		}
	}))
	t.Cleanup(s.Close)
	return s, arrived
}

// Whatever is wrong, an agent that may be degraded starts, says so and keeps
// spans; when it is put right, they arrive.
func TestDegraded(t *testing.T) {
	for _, c := range []struct {
		name        string
		spoil, mend func(t *testing.T, folder, good string) // good is the text of agent.yaml
		says        string
	}{
		{
			"no file",
			func(t *testing.T, folder, good string) { rename(t, folder, "agent.yaml", "away") },
			func(t *testing.T, folder, good string) { rename(t, folder, "away", "agent.yaml") },
			"agent.yaml: cannot be read: no such file or directory",
		},
		{
			"no endpoint",
			func(t *testing.T, folder, good string) {
				write(t, filepath.Join(folder, "agent.yaml"), regexp.MustCompile(`endpoint: \S+,`).ReplaceAllString(good, ""))
			},
			func(t *testing.T, folder, good string) { write(t, filepath.Join(folder, "agent.yaml"), good) },
			"deliver.endpoint: no collector is given",
		},
		{
			"one wrong value",
			func(t *testing.T, folder, good string) {
				write(t, filepath.Join(folder, "agent.yaml"), good+"drain_timeout: soon\n")
			},
			func(t *testing.T, folder, good string) { write(t, filepath.Join(folder, "agent.yaml"), good) },
			`agent.yaml:7: drain_timeout: "soon": is not a duration`,
		},
		{
			"not YAML",
			func(t *testing.T, folder, good string) { write(t, filepath.Join(folder, "agent.yaml"), "deliver: [") },
			func(t *testing.T, folder, good string) { write(t, filepath.Join(folder, "agent.yaml"), good) },
			"agent.yaml:1: is not YAML",
		},
		{
			"no authority",
			func(t *testing.T, folder, good string) { rename(t, folder, "ca.crt", "away") },
			func(t *testing.T, folder, good string) { rename(t, folder, "away", "ca.crt") },
			"ca.crt\": can't be read: no such file or directory",
		},
		{
			"no token",
			func(t *testing.T, folder, good string) { rename(t, folder, "token", "away") },
			func(t *testing.T, folder, good string) { rename(t, folder, "away", "token") },
			"token: no such file or directory",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			secure, arrived := secureCollector(t)
			ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
			folder := t.TempDir()
			file := filepath.Join(folder, "agent.yaml")
			good := `
accept: {jaeger: {binary: ""}, otlp: {grpc: "", http: ""}}
control: {http: ""}
log: {format: json}
deliver: {endpoint: ` + secure.URL + `, protocol: otlp-http, compression: none, batch: {age: 20ms}, tls: {ca: ` + folder + `/ca.crt}, headers: {x-token: "${file:` + folder + `/token}"}}
# 6
`
			write(t, file, good)
			write(t, filepath.Join(folder, "ca.crt"), string(ca))
			write(t, filepath.Join(folder, "token"), "s3cret\n")
			admin, udp := freePort(t), freePort(t)
			args := []string{"--config", file, "--admin.http.host-port=" + admin, "--processor.jaeger-compact.server-host-port=" + udp}
			c.spoil(t, folder, good)
			p := start(t, append(args, "--degraded")...)
			if line := p.await(t, "degraded: the configuration is wrong", 1); !strings.Contains(strings.ReplaceAll(line, `\"`, `"`), c.says) {
				t.Errorf("the log says %s", line)
			}
			p.await(t, "ready", 1)
			sendSpans(t, udp, 20)
			st := until(t, p, admin, "accepted", func(l ledger.Lane) bool { return l.Accepted == 20 })
			if len(st.Degraded) == 0 || !strings.Contains(st.Degraded[0], c.says) || !st.Ready {
				t.Errorf("its status is %v, %q", st.Ready, st.Degraded)
			}
			if m := degradedMetric(t, admin); m != "wayside_agent_degraded 1" {
				t.Errorf("metric: %s", m)
			}
			if code, out, errs := question(t, append(args, "--ready")...); code != ok || !strings.HasPrefix(out, "ready, degraded: ") || !strings.Contains(out, c.says) {
				t.Errorf("--ready: %d %q %q", code, out, errs)
			}
			time.Sleep(2500 * time.Millisecond) // it is tried again meanwhile
			if l := status(t, admin).Lanes[0]; l.Buffered != 20 || l.Delivered != 0 {
				t.Errorf("%+v", l)
			}
			if n := strings.Count(p.text(), "degraded: the configuration is wrong"); n != 1 {
				t.Errorf("it says so %d times", n)
			}

			c.mend(t, folder, good)
			p.await(t, "configuration reloaded", 1)
			until(t, p, admin, "delivered", func(l ledger.Lane) bool { return l.Delivered == 20 && l.Buffered == 0 })
			if arrived.Load() != 20 {
				t.Errorf("%d spans arrived", arrived.Load())
			}
			// Ports that others on this machine have are none of this test's business.
			if st := status(t, admin); strings.Contains(strings.Join(st.Degraded, "\n"), c.says) {
				t.Errorf("it is still degraded: %q", st.Degraded)
			}
			send(t, p, syscall.SIGTERM)
			if code := p.end(t); code != 0 {
				t.Errorf("exit code %d:\n%s", code, p.text())
			}
		})
	}
}

func rename(t *testing.T, folder, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(folder, from), filepath.Join(folder, to)); err != nil {
		t.Fatal(err)
	}
}

// An agent that is ended while it is degraded does not wait for anybody to take
// what it holds: it says what was lost.
func TestEndOfADegradedAgent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, "drain_timeout: 1m\n"+strings.Replace(running, "deliver:", "#", 1))
	p := start(t, "--config", file, "--degraded")
	ready := p.await(t, `"msg":"ready"`, 1)
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
	sendSpans(t, regexp.MustCompile(`udp (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1], 20)
	until(t, p, admin, "accepted", func(l ledger.Lane) bool { return l.Accepted == 20 })
	send(t, p, syscall.SIGTERM)
	if code := p.end(t); code != 0 || !strings.Contains(p.text(), `"dropped":20,"dropped_shutdown":20`) {
		t.Errorf("exit code %d:\n%s", code, p.text())
	}
}

// Ports that somebody else has are gone without, until they are free.
func TestDegradedByTakenPorts(t *testing.T) {
	url, arrived := collector(t)
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	grpc, control := holdPort(t), holdPort(t)
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, `
accept: {jaeger: {compact: "`+taken.LocalAddr().String()+`", binary: ""}, otlp: {grpc: "`+grpc.Addr().String()+`", http: ""}}
admin: {http: "127.0.0.1:0"}
control: {http: "`+control.Addr().String()+`"}
log: {format: json}
deliver: {endpoint: "`+url+`", protocol: otlp-http, compression: none, batch: {age: 20ms}}
`)
	p := start(t, "--config", file, "--degraded")
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(p.await(t, `"msg":"ready"`, 1))[1]
	st := status(t, admin)
	all := strings.Join(st.Degraded, "\n")
	for _, key := range []string{"accept.jaeger.compact: ", "accept.otlp.grpc: ", "control.http: "} {
		if !strings.Contains(all, key) || len(st.Degraded) != 3 {
			t.Errorf("%s is not in %s", key, all)
		}
	}
	if !st.Ready || degradedMetric(t, admin) != "wayside_agent_degraded 1" {
		t.Errorf("ready %v", st.Ready)
	}
	taken.Close()
	grpc.Close()
	control.Close()
	p.await(t, "could be opened after all", 2)
	for end := time.Now().Add(20 * time.Second); len(status(t, admin).Degraded) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still: %q", status(t, admin).Degraded)
		}
	}
	if res, err := http.Get("http://" + control.Addr().String() + "/sampling?service=x"); err != nil {
		t.Error(err)
	} else {
		res.Body.Close()
	}
	sendSpans(t, taken.LocalAddr().String(), 20)
	until(t, p, admin, "delivered", func(l ledger.Lane) bool { return l.Accepted == 20 && l.Delivered == 20 })
	if arrived.Load() != 20 {
		t.Errorf("%d arrived", arrived.Load())
	}
	send(t, p, syscall.SIGTERM)
	if code := p.end(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.text())
	}
}

// A program that has the admin address and answers something else does not make a
// probe say that the agent is not ready.
func TestReadyWithoutItsAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("abstract sockets are Linux's")
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	admin := other.Listener.Addr().String()
	file := filepath.Join(t.TempDir(), "agent.yaml")
	write(t, file, strings.Replace(running, `admin: {http: "127.0.0.1:0"}`, `admin: {http: "`+admin+`"}`, 1))
	p := start(t, "--config", file, "--degraded")
	p.await(t, `"msg":"ready"`, 1)
	code, out, errs := question(t, "--ready", "--config", file)
	if code != ok || !strings.HasPrefix(out, "ready, degraded: admin.http: ") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	other.Close()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if code, out, errs = question(t, "--ready", "--config", file); code == ok && out == "ready\n" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("with its address: %d, %q, %q", code, out, errs)
		}
	}
	if st := status(t, admin); st.Lanes[0].Check() != nil || len(st.Degraded) > 0 {
		t.Errorf("%+v", st)
	}
	send(t, p, syscall.SIGTERM)
	if code := p.end(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.text())
	}
	if code, _, errs := question(t, "--ready", "--config", file); code != failure || !strings.Contains(errs, "nobody listens at "+admin) {
		t.Errorf("after its end: %d %q", code, errs)
	}
}

func holdPort(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// A directory that can't be used is a disk that does not work: what is promised of
// it holds, and the agent starts.
func TestDegradedDisk(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "agent.yaml")
	write(t, filepath.Join(folder, "disk"), "a file where a directory should be")
	write(t, file, running+"buffer: {disk: {path: "+folder+"/disk}}\n")
	strict := start(t, "--config", file)
	if code := strict.end(t); code != failure || !strings.Contains(strict.text(), "buffer.disk.path") {
		t.Errorf("without --degraded: exit code %d:\n%s", code, strict.text())
	}
	p := start(t, "--config", file, "--degraded")
	ready := p.await(t, `"msg":"ready"`, 1)
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1]
	sendSpans(t, regexp.MustCompile(`udp (127\.0\.0\.1:\d+)`).FindStringSubmatch(ready)[1], 20)
	st := until(t, p, admin, "accepted", func(l ledger.Lane) bool { return l.Accepted == 20 })
	if d := st.Lanes[0].Buffer.Disk; d == nil || d.State != ledger.DiskFailed {
		t.Errorf("%+v", d)
	}
	if err := os.Remove(filepath.Join(folder, "disk")); err != nil {
		t.Fatal(err)
	}
	p.await(t, "the disk buffer works again", 1)
	send(t, p, syscall.SIGKILL)
	p.end(t)
}
