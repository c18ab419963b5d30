package httpserver

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

// open returns a server with an address on loopback, and its URL.
func open(t *testing.T, handler http.HandlerFunc) (*Server, string) {
	t.Helper()
	s, err := New([]string{"127.0.0.1:0", "127.0.0.1:0"}, nil, nil, handler, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s, "http://" + s.Addresses()[1]
}

func get(t *testing.T, url string, header ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil && res.StatusCode == http.StatusOK { // a refusal may be cut off: the server does not read the rest
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestServesEveryAddress(t *testing.T) {
	s, _ := open(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "here") })
	s.Start()
	for _, a := range s.Addresses() {
		if status, body := get(t, "http://"+a); status != 200 || body != "here" {
			t.Errorf("%s: %d %q", a, status, body)
		}
	}
	s.Stop(t.Context())
	if _, err := http.Get("http://" + s.Addresses()[0]); err == nil {
		t.Error("it answers after its end")
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	s, url := open(t, func(http.ResponseWriter, *http.Request) { t.Error("the request came through") })
	s.Start()
	defer s.Stop(t.Context())
	if status, _ := get(t, url, "X-Large", strings.Repeat("x", 4*maxHeaderBytes)); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", status)
	}
}

// An address that is taken is an error at once, and those that were opened
// before are closed again.
func TestAddressInUseIsAnError(t *testing.T) {
	s, _ := open(t, nil)
	defer s.Close()
	taken := s.Addresses()[0]
	if _, err := New([]string{"127.0.0.1:0", taken}, nil, nil, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), "listen tcp 127.0.0.1:") {
		t.Errorf("%v", err)
	}
}

func TestStopsWhileARequestHangs(t *testing.T) {
	hang, asked := make(chan struct{}), make(chan struct{})
	s, url := open(t, func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-hang
	})
	s.Start()
	go func() {
		if res, err := http.Get(url); err == nil {
			res.Body.Close()
		}
	}()
	<-asked
	stopped := make(chan struct{})
	go func() { s.Stop(t.Context()); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(30 * stopTimeout):
		t.Error("it does not stop")
	}
	close(hang)
}
