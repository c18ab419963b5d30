package deliver

import (
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/internal/authority"
)

// testProxy is an HTTP proxy on loopback that knows one name, collector.example.
type testProxy struct {
	*httptest.Server
	t    *testing.T
	real string // address of collector.example

	mu       sync.Mutex
	requests []string // method, target, and who asks
}

func startProxy(t *testing.T, real string) *testProxy {
	p := &testProxy{t: t, real: real}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// through is a Proxy: all endpoints go through it, with a password.
func (p *testProxy) through(*url.URL) (*url.URL, error) {
	u, err := url.Parse(p.URL)
	u.User = url.UserPassword("user", "s3cret")
	return u, err
}

func (p *testProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Proxy-Authorization"), "Basic "))
	p.mu.Lock()
	p.requests = append(p.requests, r.Method+" "+r.URL.String()+" by "+string(user))
	p.mu.Unlock()
	if r.Method != http.MethodConnect {
		out := r.Clone(r.Context())
		out.RequestURI, out.URL.Host = "", p.real
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			p.t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
		return
	}
	server, err := net.Dial("tcp", p.real)
	if err != nil {
		p.t.Error(err)
		return
	}
	defer server.Close()
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.t.Error(err)
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	_, _ = io.Copy(client, server)
}

func (p *testProxy) saw() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.requests, ", ")
}

// Every transport goes through a proxy, which is the one that knows the name
// and is shown the password.
func TestThroughAProxy(t *testing.T) {
	ca := authority.New(t, "authority")
	trust, _ := credentials(t, CredentialOptions{CA: newFolder(t).put("ca.PEM", ca.PEM)})
	cert := ca.Issue(authority.Server("collector.example")).Certificate
	h2 := startServer(t, success)
	h2s := startTLS(t, cert, nil, true, success).address()
	plain := strings.TrimPrefix(startHTTP(t, func(http.ResponseWriter, *http.Request) {}), "http://")
	plain, _, _ = strings.Cut(plain, "/")
	https := startTLS(t, cert, nil, false, func(http.ResponseWriter, *http.Request) {}).address()
	for _, c := range []struct {
		name, real, endpoint string
		transport            func(TransportOptions) Transport
		opt                  TransportOptions
		want                 string
	}{
		{
			"otlp-grpc", h2, "collector.example:4317", func(o TransportOptions) Transport { return NewGRPC(o) },
			TransportOptions{},
			"CONNECT //collector.example:4317 by user:s3cret",
		},
		{
			"otlp-grpc by TLS", h2s, "collector.example:4317", func(o TransportOptions) Transport { return NewGRPC(o) },
			TransportOptions{TLS: true, Credentials: trust},
			"CONNECT //collector.example:4317 by user:s3cret",
		},
		{
			"jaeger-grpc", h2, "collector.example:14250", func(o TransportOptions) Transport { return NewJaeger(o) },
			TransportOptions{},
			"CONNECT //collector.example:14250 by user:s3cret",
		},
		{
			"http", plain, "http://collector.example:4318/v1/traces", func(o TransportOptions) Transport { return NewHTTP(o) },
			TransportOptions{},
			"POST http://collector.example:4318/v1/traces by user:s3cret",
		},
		{
			"https", https, "https://collector.example/v1/traces", func(o TransportOptions) Transport { return NewHTTP(o) },
			TransportOptions{Credentials: trust},
			"CONNECT //collector.example:443 by user:s3cret",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxy := startProxy(t, c.real)
			c.opt.Proxy = proxy.through
			transport := c.transport(c.opt)
			defer transport.(interface{ Close() }).Close()
			if a := send(t, transport, Target{Endpoint: c.endpoint}, frame(0, 30)); a.Verdict != Taken {
				t.Errorf("%+v", a)
			}
			if got := proxy.saw(); got != c.want {
				t.Errorf("the proxy saw %s, want %s", got, c.want)
			}
		})
	}
}

// What a proxy answers is told, and its password is not.
func TestProxyThatDoesNotConnect(t *testing.T) {
	for name, c := range map[string]struct{ scheme, answer, want string }{
		"asks for a password": {"http", "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 5\r\n\r\nhello", `it answers "407 Proxy Authentication Required" to CONNECT collector.example:4317`},
		"can't reach it":      {"http", "HTTP/1.1 502 Bad Gateway\r\n\r\n", "502 Bad Gateway"},
		"is none":             {"http", "SSH-2.0-OpenSSH\r\n\r\n", "malformed HTTP"},
		"hangs up":            {"http", "HTTP/1.1 200", "EOF"},
		"talks for ever":      {"http", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxProxyAnswer), "16 KiB"},
		"no TLS":              {"https", "HTTP/1.1 400 Bad Request\r\n\r\n", "TLS"},
		"another protocol":    {"socks5", "", "is not one by HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer conn.Close()
						_, _ = conn.Read(make([]byte, 4096))
						_, _ = io.WriteString(conn, c.answer)
						conn.(*net.TCPConn).CloseWrite()
						_, _ = io.Copy(io.Discard, conn)
					}()
				}
			}()
			proxy := func(*url.URL) (*url.URL, error) {
				return &url.URL{Scheme: c.scheme, Host: l.Addr().String(), User: url.UserPassword("user", "s3cret")}, nil
			}
			g := NewGRPC(TransportOptions{Proxy: proxy})
			defer g.Close()
			a := send(t, g, Target{Endpoint: "collector.example:4317"}, frame(0, 1))
			if a.Verdict != Later || a.Err == nil || !strings.Contains(a.Err.Error(), c.want) {
				t.Errorf("%+v, want %s", a, c.want)
			}
			if a.Err != nil && strings.Contains(a.Err.Error(), "s3cret") {
				t.Errorf("the password is in %v", a.Err)
			}
		})
	}
}

// A proxy that says nothing is left when the export's time is over.
func TestProxyThatSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 1)) // it has connected
		cancel()
		_, _ = io.Copy(io.Discard, conn)
	}()
	conn, err := tunnel(ctx, &url.URL{Scheme: "http", Host: l.Addr().String()}, "collector.example:4317", "test")
	if err == nil || conn != nil {
		t.Errorf("%v, %v", conn, err)
	}
}

// What is behind a proxy is not looked up here.
func TestNamesBehindAProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := newEndpoints([]string{"behind.example:4317", "direct.example:4317"},
			func(_ context.Context, host string) ([]netip.Addr, error) {
				if host != "direct.example" {
					t.Errorf("%s is looked up", host)
				}
				return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
			},
			func(to *url.URL) (*url.URL, error) {
				if to.Scheme != "https" {
					t.Errorf("asked for %s", to)
				}
				if to.Host == "behind.example:4317" {
					return url.Parse("http://user:s3cret@proxy.example:3128")
				}
				return nil, nil
			}, slog.New(slog.NewTextHandler(&log, nil)), func(time.Duration) time.Duration { return 0 })
		seen := map[string]bool{}
		for range 4 {
			a, err := s.acquire(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			seen[a.endpoint.target.label()] = true
			synctest.Wait()
		}
		if len(seen) != 2 {
			t.Errorf("%v", seen)
		}
		if text := log.String(); !strings.Contains(text, "proxy=proxy.example:3128") || strings.Contains(text, "s3cret") {
			t.Errorf("the log says %s", text)
		}
		s.done()
	})
}

// The rules are Go's own. Their variables are read once in a process, so this
// test needs one of its own.
func TestEnvironmentProxy(t *testing.T) {
	if os.Getenv("HTTPS_PROXY") != "http://user:pw@proxy.example:3128" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEnvironmentProxy$", "-test.v")
		again.Env = append(os.Environ(), "https_proxy=", "HTTP_PROXY=", "no_proxy=", "REQUEST_METHOD=",
			"HTTPS_PROXY=http://user:pw@proxy.example:3128", "http_proxy=other.example", "NO_PROXY=svc.cluster.local,10.0.0.0/8")
		if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	for endpoint, want := range map[string]string{
		"collector.example:4317":                  "http://user:pw@proxy.example:3128",
		"https://collector.example/v1/traces":     "http://user:pw@proxy.example:3128",
		"http://collector.example:4318/v1/tra":    "http://other.example",
		"collector.obs.svc.cluster.local:4317":    "",
		"10.1.2.3:4317":                           "",
		"localhost:4317":                          "",
		"127.0.0.1:4317":                          "",
		"http://[::1]:4318/v1/traces":             "",
		"https://collector.obs.svc.cluster.local": "",
	} {
		got := ""
		proxy, err := Proxy(EnvironmentProxy).of(endpoint)
		if proxy != nil {
			got = proxy.String()
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", endpoint, got, err, want)
		}
	}
}
