package deliver

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

func startHTTP(t testing.TB, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL + "/v1/traces"
}

// post sends one request of 30 spans by HTTP.
func post(t testing.TB, opt TransportOptions, endpoint string) Answer {
	t.Helper()
	h := NewHTTP(opt)
	defer h.Close()
	return send(t, h, Target{Endpoint: endpoint}, frame(0, 10), frame(10, 30))
}

func TestHTTPRequestOnTheWire(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		endpoint := startHTTP(t, func(_ http.ResponseWriter, r *http.Request) {
			for key, want := range map[string]string{
				"Content-Type": "application/x-protobuf", "User-Agent": "wayside-agent/1.2", "Accept-Encoding": "", "Idempotency-Key": "",
				"Content-Encoding": map[bool]string{true: "gzip"}[compressed],
			} {
				if got := r.Header.Get(key); got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
			if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Proto != "HTTP/1.1" || r.ContentLength <= 0 {
				t.Errorf("%s %s %s, %d bytes", r.Method, r.URL, r.Proto, r.ContentLength)
			}
			body := io.Reader(r.Body)
			if compressed {
				z, err := gzip.NewReader(r.Body)
				if err != nil {
					t.Error(err)
					return
				}
				body = z
			}
			got, err := io.ReadAll(body)
			if want := append(frame(0, 10), frame(10, 30)...); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes came, want %d; %v", len(got), len(want), err)
			}
		})
		if a := post(t, TransportOptions{UserAgent: "wayside-agent/1.2", Compression: map[bool]Compression{true: Gzip}[compressed]}, endpoint); a.Verdict != Taken || a.Err != nil {
			t.Errorf("%+v", a)
		}
	}
}

// The HTTP rows of the design document's table of answers.
func TestEveryHTTPStatus(t *testing.T) {
	for status, want := range map[int]Verdict{
		200: Taken, 202: Taken, 204: Taken,
		301: Held, 307: Held, 308: Held,
		400: Refused, 401: Held, 403: Held, 404: Held, 405: Refused, 408: Later, 410: Refused, 413: Refused, 415: Refused,
		422: Refused, 429: Later, 431: Refused,
		500: Refused, 501: Refused, 502: Later, 503: Later, 504: Later, 507: Refused,
	} {
		calls := 0
		a := post(t, TransportOptions{}, startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			calls++
			w.Header().Set("Location", "/elsewhere?secret=1")
			w.WriteHeader(status)
		}))
		reason := ledger.Rejected
		if status == 413 {
			reason = ledger.TooBig
		}
		if a.Verdict != want || want == Refused && a.Reason != reason || calls != 1 {
			t.Errorf("HTTP %d: %+v after %d calls, want verdict %d", status, a, calls, want)
		}
		if want == Taken {
			if a.Err != nil {
				t.Errorf("HTTP %d: %v", status, a.Err)
			}
			continue
		}
		if a.Err == nil || !strings.Contains(a.Err.Error(), fmt.Sprint("HTTP status ", status)) || strings.Contains(a.Err.Error(), "secret") {
			t.Errorf("HTTP %d: error %v", status, a.Err)
		}
		if status < 400 && !strings.Contains(a.Err.Error(), "/elsewhere: redirects are not followed") {
			t.Errorf("HTTP %d: error %v", status, a.Err)
		}
	}
}

func TestHTTPRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "soon": 0,
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): time.Hour,
	} {
		for _, status := range []int{429, 503} {
			a := post(t, TransportOptions{}, startHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", value)
				w.WriteHeader(status)
			}))
			if d := want - a.RetryAfter; a.Verdict != Later || d < 0 || d > 5*time.Second {
				t.Errorf("%d, %q: %+v, want %v", status, value, a, want)
			}
		}
	}
}

// What stands in the body: a partial success; why it was refused.
func TestHTTPBody(t *testing.T) {
	status := []byte("\x08\x0e\x12\x0dqueue is full") // google.rpc.Status: code 14, a message
	for name, c := range map[string]struct {
		status  int
		media   string
		body    []byte
		verdict Verdict
		n       int64
		err     string
	}{
		"success":           {200, "application/x-protobuf", nil, Taken, 0, ""},
		"partial success":   {200, "application/x-protobuf", grpc.AppendTraceResponse(nil, grpc.PartialSuccess{Rejected: 3, Message: "too old"}), Taken, 3, "partial success: 3 spans rejected: too old"},
		"with parameters":   {200, "application/x-protobuf; charset=utf-8", grpc.AppendTraceResponse(nil, grpc.PartialSuccess{Rejected: 2}), Taken, 2, "partial success: 2 spans rejected: "},
		"warning":           {200, "application/x-protobuf", grpc.AppendTraceResponse(nil, grpc.PartialSuccess{Message: "old"}), Taken, 0, "taken, with a warning: old"},
		"not a message":     {200, "application/x-protobuf", []byte("hello, world"), Taken, 0, ""},
		"other type":        {200, "application/json", []byte(`{}`), Taken, 0, ""},
		"a web page":        {200, "text/html; charset=utf-8", []byte("<h1>hello"), Held, 0, "HTTP status 200 with a web page: is this the address of an OTLP receiver?"},
		"status":            {503, "application/x-protobuf", status, Later, 0, "HTTP status 503: queue is full"},
		"text":              {400, "text/plain", []byte("no\nsecond line"), Refused, 0, "HTTP status 400: no"},
		"long text":         {400, "text/plain", bytes.Repeat([]byte("x"), 1<<20), Refused, 0, "HTTP status 400: " + strings.Repeat("x", maxSaid)},
		"a proxy's page":    {502, "text/html", []byte("<h1>hello"), Later, 0, "HTTP status 502"},
		"a proxy's refusal": {401, "", nil, Held, 0, "HTTP status 401"},
	} {
		a := post(t, TransportOptions{}, startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", c.media)
			w.WriteHeader(c.status)
			_, _ = w.Write(c.body)
		}))
		got := ""
		if a.Err != nil {
			got = a.Err.Error()
		}
		if a.Verdict != c.verdict || a.Rejected != c.n || got != c.err {
			t.Errorf("%s: %+v, want verdict %d, %d rejected, error %q", name, a, c.verdict, c.n, c.err)
		}
	}
}

func TestHTTPTrouble(t *testing.T) {
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	for name, endpoint := range map[string]string{
		"nobody listens": "http://" + refusing.Addr().String() + "/",
		"no such name":   "http://no-such-host.invalid/",
		"closes at once": startHTTP(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
	} {
		if a := post(t, TransportOptions{}, endpoint); a.Verdict != Later || a.Err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}

	done := make(chan struct{})
	endpoint := startHTTP(t, func(http.ResponseWriter, *http.Request) { <-done })
	defer close(done)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	h := NewHTTP(TransportOptions{})
	defer h.Close()
	if a := h.Export(ctx, Target{Endpoint: endpoint}, nil); a.Verdict != Later || a.Err == nil || a.Err.Error() != "no answer in time" {
		t.Errorf("slow server: %+v", a)
	}
}

// An answer that comes before the request is read, and a large request, do not
// make the transport use chunks that it has given back.
func TestHTTPEarlyAnswer(t *testing.T) {
	endpoint := startHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	h := NewHTTP(TransportOptions{})
	defer h.Close()
	for range 30 {
		chunk := make([]byte, 1<<20)
		if a := send(t, h, Target{Endpoint: endpoint}, chunk); a.Verdict != Later {
			t.Fatalf("%+v", a)
		}
		for i := range chunk {
			chunk[i] = 1 // the race detector sees who reads it
		}
	}
}

// A Deliverer on the real transport, with a server that fails, refuses and
// takes part: every span is settled once.
func TestDeliversByHTTP(t *testing.T) {
	fake := newFake(t, nil)
	calls := 0
	endpoint := startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		fake.mu.Lock()
		defer fake.mu.Unlock()
		spans := spanNumbers(t, [][]byte{body})
		calls++
		switch {
		case calls%5 == 0:
			w.WriteHeader(http.StatusTooManyRequests)
		case len(spans) > 300:
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		default:
			for _, n := range spans {
				fake.taken[n]++
			}
		}
	})
	h := NewHTTP(TransportOptions{})
	defer h.Close()
	r := startOn(t, h, fake, endpoint)
	for range 10 {
		r.send(500)
	}
	if dropped := r.finish(t); dropped.Sum() != 0 || len(fake.taken) != 5000 {
		t.Errorf("dropped %v, taken %d", dropped, len(fake.taken))
	}
}
