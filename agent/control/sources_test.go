package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/sampling"
)

// dial connects without TLS.
func dial(ctx context.Context, address string, secure bool, _ string) (net.Conn, error) {
	if secure {
		return nil, errors.New("no TLS here")
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// serve runs a server of HTTP/1 and HTTP/2, and returns its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// manager is a collector's SamplingManager: how it ends a call is for the test.
func manager(t *testing.T, status func(service string) (grpc.Code, *sampling.Strategy)) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		msg, _, err2 := grpc.ReadMessage(body)
		service, err3 := sampling.ReadRequest(msg)
		if err := errors.Join(err, err2, err3); err != nil || r.URL.Path != sampling.Method || r.Header.Get("Te") != "trailers" ||
			r.Header.Get("User-Agent") != "test" || r.Header.Get("Grpc-Timeout") == "" {
			t.Errorf("%s %v, %v", r.URL, r.Header, err)
		}
		code, s := status(service)
		w.Header().Set("Content-Type", grpc.ContentType)
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		if code == grpc.OK {
			reply := s.AppendProto(nil)
			w.Write(append(grpc.AppendPrefix(nil, false, len(reply)), reply...))
		}
		w.Header().Set("Grpc-Status", fmt.Sprint(int(code)))
		w.Header().Set("Grpc-Message", "because")
	})
}

func sick(err error) bool {
	_, no := errors.AsType[noStrategy](err)
	return err != nil && !no
}

func TestCollector(t *testing.T) {
	address := manager(t, func(service string) (grpc.Code, *sampling.Strategy) {
		var code grpc.Code
		if _, err := fmt.Sscan(service, &code); err != nil {
			return grpc.OK, rate(float64(len(service)) / 10)
		}
		return code, nil
	})
	c := newCollector(Options{Sources: []string{address}, Dial: dial, UserAgent: "test"})
	defer c.close()
	for _, service := range []string{"shop", "", "ü"} {
		if s, err := c.ask(t.Context(), service); err != nil || s.Probabilistic.Rate != float64(len(service))/10 {
			t.Errorf("%q: %v, %v", service, s, err)
		}
	}
	for _, code := range []grpc.Code{grpc.Unavailable, grpc.Unauthenticated, grpc.PermissionDenied, grpc.Unimplemented, grpc.ResourceExhausted, grpc.Cancelled} {
		if _, err := c.ask(t.Context(), fmt.Sprint(int(code))); !sick(err) || err.Error() != code.String()+": because" {
			t.Errorf("%v: %v", code, err)
		}
	}
	for _, code := range []grpc.Code{grpc.Unknown, grpc.Internal, grpc.NotFound, grpc.InvalidArgument} {
		if _, err := c.ask(t.Context(), fmt.Sprint(int(code))); err == nil || sick(err) {
			t.Errorf("%v: %v", code, err)
		}
	}
}

// What answers need not be a collector.
func TestWhatIsNoCollector(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a web page": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"nothing":    func(http.ResponseWriter, *http.Request) {},
		"an answer that is cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "Grpc-Status")
			w.Write([]byte{0, 0, 0, 0, 9, 1})
			w.Header().Set("Grpc-Status", "0")
		},
		"a compressed answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "Grpc-Status")
			w.Write([]byte{1, 0, 0, 0, 0})
			w.Header().Set("Grpc-Status", "0")
		},
	} {
		c := newCollector(Options{Sources: []string{serve(t, h)}, Dial: dial})
		if s, err := c.ask(t.Context(), "shop"); !sick(err) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		c.close()
	}
}

// The first source that answers counts, and is asked first from then on.
func TestSeveralSources(t *testing.T) {
	var asked atomic.Int32
	ill := manager(t, func(string) (grpc.Code, *sampling.Strategy) { asked.Add(1); return grpc.Unavailable, nil })
	well := manager(t, func(string) (grpc.Code, *sampling.Strategy) { return grpc.OK, rate(0.5) })
	c := newCollector(Options{Sources: []string{ill, well}, Dial: dial, UserAgent: "test"})
	defer c.close()
	for range 3 {
		if s, err := c.ask(t.Context(), "shop"); err != nil || s.Probabilistic.Rate != 0.5 {
			t.Errorf("%v, %v", s, err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the one that is ill was asked %d times", n)
	}
	both := newCollector(Options{Sources: []string{ill, ill}, Dial: dial, UserAgent: "test"})
	defer both.close()
	if _, err := both.ask(t.Context(), "shop"); !sick(err) || err.Error() != ill+": UNAVAILABLE: because" {
		t.Errorf("%v", err)
	}
}

func TestWeb(t *testing.T) {
	var files atomic.Int32
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		service := r.URL.Query()["service"]
		if len(service) != 1 || r.Header.Get("User-Agent") != "test" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		switch r.URL.Path {
		case "/sampling":
			if r.URL.Query().Get("tenant") != "a" {
				t.Errorf("%s", r.URL)
			}
			w.Write(rate(float64(len(service[0])) / 10).JSON())
		case "/legacy":
			w.Write(rate(float64(len(service[0])) / 10).LegacyJSON())
		case "/file":
			files.Add(1)
			io.WriteString(w, `{"default_strategy": {"type": "probabilistic", "param": 0.1},
				"service_strategies": [{"service": "shop", "type": "probabilistic", "param": 0.4}]}`)
		case "/elsewhere":
			http.Redirect(w, r, "/sampling", http.StatusFound)
		case "/large":
			w.Write(make([]byte, 2*maxFile))
		case "/nonsense":
			io.WriteString(w, "<html>")
		default:
			var status int
			fmt.Sscan(r.URL.Path[1:], &status)
			http.Error(w, "because\nof that", status)
		}
	})
	ask := func(path, service string) (*sampling.Strategy, error) {
		w := newWeb(Options{Sources: []string{"http://" + address + path}, Dial: dial, UserAgent: "test"})
		defer w.close()
		return w.ask(t.Context(), service)
	}
	for _, path := range []string{"/sampling?tenant=a", "/legacy", "/file"} {
		if s, err := ask(path, "shop"); err != nil || s.Probabilistic.Rate != 0.4 {
			t.Errorf("%s: %v, %v", path, s, err)
		}
	}
	if s, err := ask("/legacy", "a b&c=ü"); err != nil || s.Probabilistic.Rate != 0.8 {
		t.Errorf("%v, %v", s, err)
	}
	for _, path := range []string{"/elsewhere", "/large", "/404", "/401", "/503", "/429"} {
		if s, err := ask(path, "shop"); !sick(err) {
			t.Errorf("%s: %v, %v", path, s, err)
		}
	}
	for _, path := range []string{"/nonsense", "/500", "/400"} {
		if s, err := ask(path, "shop"); err == nil || sick(err) {
			t.Errorf("%s: %v, %v", path, s, err)
		}
	}
	if _, err := ask("/503", "shop"); err == nil || err.Error() != "HTTP status 503: because" {
		t.Errorf("%v", err)
	}

	// A strategies file is fetched once for all services.
	files.Store(0)
	r := newRemote("x", newWeb(Options{Sources: []string{"http://" + address + "/file"}, Dial: dial, UserAgent: "test"}), slog.New(slog.DiscardHandler))
	defer r.close()
	expect(t, r, "shop", 0.4, false)
	for i := range 10 {
		expect(t, r, strings.Repeat("other", i), 0.1, false)
	}
	if n := files.Load(); n > 3 { // more than once if this takes longer than it is fresh
		t.Errorf("the file was fetched %d times", n)
	}
}
