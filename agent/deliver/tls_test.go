package deliver

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/internal/authority"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// protocols are the two ways to send.
var protocols = []struct {
	name  string
	http2 bool
	make  func(TransportOptions) interface {
		Transport
		Close()
	}
	endpoint func(address string) string
	// read reads the request, and accept answers it with a success.
	read   func(t testing.TB, r *http.Request) []byte
	accept func(w http.ResponseWriter)
}{
	{
		"grpc", true,
		func(o TransportOptions) interface {
			Transport
			Close()
		} {
			o.TLS = true
			return NewGRPC(o)
		},
		func(address string) string { return address },
		func(t testing.TB, r *http.Request) []byte {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			msg, _, err := grpc.ReadMessage(body)
			if err != nil {
				t.Error(err)
			}
			return msg
		},
		func(w http.ResponseWriter) { reply(w, grpc.PartialSuccess{}) },
	},
	{
		"http", false,
		func(o TransportOptions) interface {
			Transport
			Close()
		} {
			return NewHTTP(o)
		},
		func(address string) string { return "https://" + address + "/v1/traces" },
		func(t testing.TB, r *http.Request) []byte {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			return body
		},
		func(http.ResponseWriter) {},
	},
}

func send(t testing.TB, transport Transport, to Target, chunks ...[]byte) Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return transport.Export(ctx, to, chunks)
}

// Batches of any size arrive whole through TLS, with the headers.
func TestTLS(t *testing.T) {
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			f, ca := newFolder(t), authority.New(t, "ca")
			var want []byte
			s := startTLS(t, ca.Issue(authority.Server("127.0.0.1")).Certificate, nil, p.http2, func(w http.ResponseWriter, r *http.Request) {
				if got := p.read(t, r); !bytes.Equal(got, want) {
					t.Errorf("%d bytes came, want %d", len(got), len(want))
				}
				if r.Header.Get("Authorization") != "Bearer one" || r.Header.Get("X-Static") != "fixed" || r.TLS == nil {
					t.Errorf("headers %v", r.Header)
				}
				p.accept(w)
			})
			c, _ := credentials(t, CredentialOptions{CA: f.put("ca", ca.PEM), Headers: tokenHeader(f.put("token", []byte("one")))})
			transport := p.make(TransportOptions{Credentials: c})
			defer transport.Close()
			for _, n := range []int{0, 1, 100, 5000} {
				a, b, d := frame(0, n), frame(n, 2*n), frame(2*n, 3*n+1)
				want = bytes.Join([][]byte{a, b, d}, nil)
				if answer := send(t, transport, Target{Endpoint: p.endpoint(s.address())}, a, b, d); answer.Verdict != Taken || answer.Err != nil {
					t.Fatalf("%+v", answer)
				}
			}
			if s.shakes != 1 {
				t.Errorf("%d handshakes for four requests", s.shakes)
			}
		})
	}
}

// What does not check out is no connection, and says why.
func TestTLSRefused(t *testing.T) {
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			f, ca, other := newFolder(t), authority.New(t, "ca"), authority.New(t, "other")
			f.put("ca", ca.PEM)
			f.put("other", other.PEM)
			ok := func(w http.ResponseWriter, r *http.Request) { p.read(t, r); p.accept(w) }
			good := startTLS(t, ca.Issue(authority.Server("127.0.0.1")).Certificate, nil, p.http2, ok)
			named := startTLS(t, ca.Issue(authority.Server("collector.example")).Certificate, nil, p.http2, ok)
			expired := startTLS(t, ca.Issue(authority.Expired(authority.Server("127.0.0.1"))).Certificate, nil, p.http2, ok)
			early := startTLS(t, ca.Issue(authority.Early(authority.Server("127.0.0.1"))).Certificate, nil, p.http2, ok)
			wrong := startTLS(t, ca.Issue(authority.Server("other.example")).Certificate, nil, p.http2, ok)
			for name, pair := range map[string]authority.Issued{
				"mine":    ca.Issue(authority.Client("agent")),
				"theirs":  other.Issue(authority.Client("agent")),
				"expired": ca.Issue(authority.Expired(authority.Client("agent"))),
				"early":   ca.Issue(authority.Early(authority.Client("agent"))),
			} {
				f.put(name+".pem", pair.PEM)
				f.put(name+".key", pair.Key)
			}
			shows := func(name string) CredentialOptions {
				return CredentialOptions{CA: f.file("ca"), Cert: f.file(name + ".pem"), Key: f.file(name + ".key")}
			}
			asks := startTLS(t, ca.Issue(authority.Server("127.0.0.1")).Certificate, authority.Pool(ca), p.http2, ok)
			plain, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer plain.Close()
			go func() {
				for {
					c, err := plain.Accept()
					if err != nil {
						return
					}
					_, _ = c.Write([]byte("220 mail.example ESMTP\r\n"))
					c.Close()
				}
			}()
			// With TLS 1.3, a server says that it wants a certificate when the client
			// has begun to send: that may fail before it has heard why.
			const anyError = " "
			for name, c := range map[string]struct {
				address string
				opt     CredentialOptions
				want    string // of the error; "" is success
			}{
				"another CA":            {good.address(), CredentialOptions{CA: f.file("other")}, "unknown authority"},
				"another CA, not asked": {good.address(), CredentialOptions{CA: f.file("other"), SkipVerify: true}, ""},
				"another name":          {named.address(), CredentialOptions{CA: f.file("ca")}, "doesn't contain any IP SANs"},
				"server_name":           {named.address(), CredentialOptions{CA: f.file("ca"), ServerName: "collector.example"}, ""},
				"expired":               {expired.address(), CredentialOptions{CA: f.file("ca")}, "has expired"},
				"not yet valid":         {early.address(), CredentialOptions{CA: f.file("ca")}, "is before"},
				"server_name of others": {wrong.address(), CredentialOptions{CA: f.file("ca"), ServerName: "collector.example"}, "valid for other.example, not collector.example"},

				"no client certificate":        {asks.address(), CredentialOptions{CA: f.file("ca")}, anyError},
				"client certificate":           {asks.address(), shows("mine"), ""},
				"client certificate of others": {asks.address(), shows("theirs"), anyError},
				"client certificate, expired":  {asks.address(), shows("expired"), anyError},
				"client certificate, not yet":  {asks.address(), shows("early"), anyError},
				"not TLS":                      {plain.Addr().String(), CredentialOptions{CA: f.file("ca")}, "TLS"},
			} {
				creds, _ := credentials(t, c.opt)
				transport := p.make(TransportOptions{Credentials: creds})
				a := send(t, transport, Target{Endpoint: p.endpoint(c.address)}, frame(0, 10))
				switch {
				case c.want == "" && a.Verdict != Taken:
					t.Errorf("%s: %+v", name, a)
				case c.want != "" && (a.Verdict != Later || a.Err == nil || !strings.Contains(a.Err.Error(), c.want)):
					t.Errorf("%s: %+v, want %q", name, a, c.want)
				}
				transport.Close()
			}
		})
	}
}

// A server that speaks TLS and no HTTP/2 is not one for gRPC.
func TestTLSWithoutHTTP2(t *testing.T) {
	f, ca := newFolder(t), authority.New(t, "ca")
	s := startTLS(t, ca.Issue(authority.Server("127.0.0.1")).Certificate, nil, false, success)
	c, _ := credentials(t, CredentialOptions{CA: f.put("ca", ca.PEM)})
	g := NewGRPC(TransportOptions{TLS: true, Credentials: c})
	defer g.Close()
	a := send(t, g, Target{Endpoint: s.address()}, frame(0, 1))
	if a.Verdict != Later || a.Err == nil || !strings.Contains(a.Err.Error(), "TLS") {
		t.Errorf("%+v", a)
	}
}

// The name that was configured is the one that certificates are checked for and
// that servers are told, whatever address is connected to.
func TestNameOfAnAddress(t *testing.T) {
	for _, p := range protocols {
		f, ca := newFolder(t), authority.New(t, "ca")
		var host atomic.Value
		s := startTLS(t, ca.Issue(authority.Server("collector.example")).Certificate, nil, p.http2, func(w http.ResponseWriter, r *http.Request) {
			p.read(t, r)
			host.Store(r.Host)
			p.accept(w)
		})
		_, port, _ := net.SplitHostPort(s.address())
		c, _ := credentials(t, CredentialOptions{CA: f.put("ca", ca.PEM)})
		transport := p.make(TransportOptions{Credentials: c})
		a := send(t, transport, Target{Endpoint: p.endpoint("collector.example:" + port), IP: "127.0.0.1"}, frame(0, 1))
		if a.Verdict != Taken || host.Load() != "collector.example:"+port {
			t.Errorf("%s: %+v, host %v", p.name, a, host.Load())
		}
		transport.Close()
	}
}

// Client certificate, CA and server are replaced under load, on connections that
// are in use all the time: what comes after a bounded time comes with the new
// certificate, and every span is settled once.
func TestRotation(t *testing.T) {
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			f, oldCA, newCA := newFolder(t), authority.New(t, "old"), authority.New(t, "new")
			put := func(ca []byte, from *authority.Authority, name string) {
				pair := from.Issue(authority.Client(name))
				f.put("ca", ca)
				f.put("cert", pair.PEM)
				f.put("key", pair.Key)
			}
			fake := newFake(t, nil)
			seen := map[string]int{}
			slow := make(chan struct{}) // holds one request on an old connection
			release := sync.OnceFunc(func() { close(slow) })
			var held atomic.Bool
			s := startTLS(t, oldCA.Issue(authority.Server("127.0.0.1")).Certificate, authority.Pool(oldCA), p.http2, func(w http.ResponseWriter, r *http.Request) {
				msg := p.read(t, r)
				if held.CompareAndSwap(false, true) {
					<-slow
				}
				fake.mu.Lock()
				seen[r.TLS.PeerCertificates[0].Subject.CommonName]++
				for _, n := range spanNumbers(t, [][]byte{msg}) {
					fake.taken[n]++
				}
				fake.mu.Unlock()
				p.accept(w)
			})
			t.Cleanup(release)
			put(oldCA.PEM, oldCA, "before")
			c, log := credentials(t, CredentialOptions{CA: f.file("ca"), Cert: f.file("cert"), Key: f.file("key")})
			transport := p.make(TransportOptions{Credentials: c})
			defer transport.Close()
			r := startOn(t, transport, fake, p.endpoint(s.address()))
			await := func(name string) {
				t.Helper()
				for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
					r.send(20)
					fake.mu.Lock()
					n := seen[name]
					fake.mu.Unlock()
					if n >= 5 {
						return
					}
				}
				t.Fatalf("nothing came with certificate %q: %v\n%s", name, seen, log)
			}
			await("before")
			// A certificate of the same authority.
			put(oldCA.PEM, oldCA, "between")
			await("between")
			// The server goes over to the new authority, which both trust by now.
			put(append(bytes.Clone(oldCA.PEM), newCA.PEM...), newCA, "after")
			s.change(newCA.Issue(authority.Server("127.0.0.1")).Certificate, authority.Pool(oldCA, newCA))
			await("after")
			time.Sleep(100 * time.Millisecond) // what was on old connections, but for the one that is held, has ended
			fake.mu.Lock()
			old, young := seen["before"]+seen["between"], seen["after"]
			fake.mu.Unlock()
			// What can't be used changes nothing.
			before := c.current()
			f.put("key", []byte("no key"))
			r.send(10, 10, 10)
			time.Sleep(50 * time.Millisecond)
			if c.current() != before {
				t.Error("a key that is none is in force")
			}
			release()
			if dropped := r.finish(t); dropped.Sum() != 0 {
				t.Errorf("dropped %v", dropped)
			}
			if !strings.Contains(log.String(), "the old ones stay in force") || strings.Count(log.String(), "are in force") < 2 {
				t.Errorf("log\n%s", log)
			}
			// Old connections are gone: of what was sent last, nothing came with an
			// old certificate but for the request that was held on one.
			fake.mu.Lock()
			defer fake.mu.Unlock()
			if n := seen["before"] + seen["between"]; n != old+1 || seen["after"] < young+3 {
				t.Errorf("%d and %d requests with old and new certificates, then %v", old, young, seen)
			}
		})
	}
}
