package accept

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// request is one of so many spans, each with a name of so many bytes.
func request(spans, name int) []byte {
	var b otlp.Builder
	rs := b.Open(otlp.RequestResourceSpans, 0)
	ss := b.Open(otlp.ResourceSpansScopeSpans, 0)
	for i := range spans {
		m := b.Open(otlp.ScopeSpansSpans, 0)
		b.Blob(otlp.SpanTraceID, []byte("0123456789abcdef"))
		b.Blob(otlp.SpanSpanID, fmt.Appendf(nil, "%08d", i+1))
		b.TextString(otlp.SpanName, strings.Repeat("n", name))
		b.Close(m)
	}
	b.Close(ss)
	b.Close(rs)
	return b.Bytes()
}

func framed(compressed bool, msg []byte) []byte {
	return append(grpc.AppendPrefix(nil, compressed, len(msg)), msg...)
}

func gzipped(msg []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(msg)
	z.Close()
	return b.Bytes()
}

// served is a Server with one listener.
type served struct {
	*Server
	*Listener
	t    *testing.T
	lane *fakeLane
	url  string
	stop func()

	process atomic.Pointer[Process] // of the last origin

	h2 *http.Transport // prior knowledge
	h1 *http.Transport
}

// serve runs a listener for OTLP.
func serve(t *testing.T, address string, opt Options) *served {
	t.Helper()
	return serveAs(t, "otlp.grpc", address, opt, nil)
}

// serveAs runs a listener. At the end nothing may be reserved or open any more.
func serveAs(t *testing.T, source, address string, opt Options, answers Answers) *served {
	t.Helper()
	s := &served{t: t, lane: &fakeLane{t: t}}
	s.Server = NewServer(func(o Origin) Lane {
		if o.Listener == "" || o.Peer.IsValid() == strings.HasPrefix(o.Listener, "unix:") {
			t.Errorf("origin %+v", o)
		}
		s.process.Store(&o.Process)
		return s.lane
	}, answers, slog.New(slog.DiscardHandler))
	if err := s.SetOptions(opt); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.Listener, err = s.Listen(address, source); err != nil {
		t.Fatal(err)
	}
	dial := func(context.Context, string, string) (net.Conn, error) { return net.Dial("tcp", s.Address()) }
	s.url = "http://" + s.Address()
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		dial = func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) }
		s.url = "http://localhost"
	}
	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	s.h2 = &http.Transport{Protocols: &prior, DialContext: dial}
	s.h1 = &http.Transport{DialContext: dial, DisableCompression: true}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		s.h1.CloseIdleConnections()
		s.h2.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n, m, z := s.reserved(), s.budget.requests.Load(), s.budget.unpacking.Load(); n != 0 || m != 0 || z != 0 {
			t.Errorf("%d bytes of %d requests are still reserved, %d are being unpacked", n, m, z)
		}
		if n := len(s.conns.open); n != 0 || s.Status().Connections != 0 {
			t.Errorf("%d connections are still open", n)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// reserved is what is being received, in bytes.
func (s *served) reserved() int64 { return s.budget.large.Load() + s.budget.small.Load() }

func newCall(s *served, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+grpc.TracePath, body)
	if err == nil {
		r.Header.Set("Content-Type", "application/grpc+proto")
		r.Header.Set("Te", "trailers")
	}
	return r, err
}

// call makes a gRPC call.
func (s *served) call(body io.Reader, change func(*http.Request)) (grpc.Status, http.Header) {
	s.t.Helper()
	r, err := newCall(s, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	res, err := s.h2.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	h := res.Trailer
	if res.Header.Get("Grpc-Status") != "" {
		h = res.Header
	} else if string(answer) != success {
		s.t.Errorf("answer %x", answer)
	}
	return grpc.ParseStatus(h.Get("Grpc-Status"), h.Get("Grpc-Message"), h.Get("Grpc-Status-Details-Bin")), res.Header
}

// post makes an HTTP request.
func (s *served) post(body io.Reader, header ...string) (int, http.Header, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/v1/traces", body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	for i := 0; i < len(header); i += 2 {
		switch header[i] {
		case "path":
			r.URL.Path = header[i+1]
		case "query":
			r.URL.RawQuery = header[i+1]
		case "method":
			r.Method = header[i+1]
		default:
			r.Header.Set(header[i], header[i+1])
		}
	}
	res, err := s.h1.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(answer)
}

// refused checks that so much was refused, and nothing else.
func (s *served) refused(what string, want ledger.Refusals) {
	s.t.Helper()
	if got := s.lane.copy().Refused; got != want {
		s.t.Errorf("%s: refused %v, want %v", what, got, want)
	}
}

// bomb is some kB that unpack to 20 MB.
func bomb() []byte { return gzipped(make([]byte, 20<<20)) }

// spoilt is a request with one byte changed where it was found.
func spoilt(find, put string) []byte {
	return bytes.Replace(request(2, 10), []byte(find), []byte(put), 1)
}

func useGzip(r *http.Request) { r.Header.Set("Grpc-Encoding", "gzip") }

func TestGRPC(t *testing.T) {
	small, cut := request(3, 10), request(1000, 4000)
	largest := request(1, otlp.MaxFrame-100)
	over := request(1100, 4000)
	for _, c := range []struct {
		name   string
		body   []byte
		change func(*http.Request)
		code   grpc.Code
		says   string
		spans  uint64
		reason ledger.RefuseReason
	}{
		{name: "plain", body: framed(false, small), spans: 3},
		{name: "cut into frames", body: framed(false, cut), spans: 1000},
		{name: "gzip", body: framed(true, gzipped(small)), change: useGzip, spans: 3},
		{name: "gzip, cut", body: framed(true, gzipped(cut)), change: useGzip, spans: 1000},
		{name: "gzip announced but not used", body: framed(false, small), change: useGzip, spans: 3},
		{name: "no spans", body: framed(false, nil)},
		{name: "the largest span", body: framed(false, largest), spans: 1},
		{name: "a span over a frame", body: framed(false, request(1, otlp.MaxFrame)), code: grpc.ResourceExhausted, reason: ledger.RequestTooBig},
		{name: "nothing", code: grpc.InvalidArgument},
		{name: "cut off", body: framed(false, small)[:50], code: grpc.InvalidArgument, says: "shorter than it says"},
		{name: "longer than it says", body: append(framed(false, small), 0), code: grpc.InvalidArgument, says: "more than one"},
		{name: "bad flag", body: append([]byte{7}, framed(false, small)[1:]...), code: grpc.InvalidArgument, says: "flag"},
		{name: "2 GiB announced", body: []byte{0, 0x7f, 0xff, 0xff, 0xff}, code: grpc.ResourceExhausted, says: "larger than max", reason: ledger.RequestTooBig},
		{name: "over 4 MiB", body: framed(false, over), code: grpc.ResourceExhausted, says: "larger than max", reason: ledger.RequestTooBig},
		{name: "over 4 MiB unpacked", body: framed(true, gzipped(over)), change: useGzip, code: grpc.ResourceExhausted, says: "larger than max", reason: ledger.RequestTooBig},
		{name: "bomb", body: framed(true, bomb()), change: useGzip, code: grpc.ResourceExhausted, says: "larger than max", reason: ledger.RequestTooBig},
		{name: "not gzip", body: framed(true, small), change: useGzip, code: grpc.InvalidArgument, says: "gzip"},
		{name: "gzip cut off", body: framed(true, gzipped(cut)[:500]), change: useGzip, code: grpc.InvalidArgument},
		{name: "gzip and more", body: framed(true, append(gzipped(small), 1, 2, 3)), change: useGzip, code: grpc.InvalidArgument},
		{name: "gzip with a bad sum", body: framed(true, append(gzipped(small)[:len(gzipped(small))-8], 1, 2, 3, 4, 5, 6, 7, 8)), change: useGzip, code: grpc.InvalidArgument},
		{
			name: "zstd", body: framed(true, small), change: func(r *http.Request) { r.Header.Set("Grpc-Encoding", "zstd") },
			code: grpc.Unimplemented, says: "gzip", reason: ledger.Unimplemented,
		},
		{name: "compressed in nobody knows what", body: framed(true, small), code: grpc.Unimplemented, reason: ledger.Unimplemented},
		{name: "zero ids", body: framed(false, spoilt("00000002", "\x00\x00\x00\x00\x00\x00\x00\x00")), code: grpc.InvalidArgument, says: "span id"},
		{name: "not UTF-8", body: framed(false, spoilt("nnn", "n\xffn")), code: grpc.InvalidArgument, says: "UTF-8"},
		{name: "bad length inside", body: framed(false, spoilt("\x12\x0800000002", "\x12\x7f00000002")), code: grpc.InvalidArgument},
		{
			name: "metrics", body: framed(false, small), code: grpc.Unimplemented, says: "traces only", reason: ledger.Unimplemented,
			change: func(r *http.Request) { r.URL.Path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" },
		},
	} {
		s := serve(t, "127.0.0.1:0", Options{})
		st, h := s.call(bytes.NewReader(c.body), c.change)
		if st.Code != c.code || !strings.Contains(st.Message, c.says) || st.RetryDelay != 0 {
			t.Errorf("%s: %+v, want %v … %s", c.name, st, c.code, c.says)
		}
		if encodings := h.Get("Grpc-Accept-Encoding"); (encodings == "identity,gzip") != (st.Code == grpc.Unimplemented) {
			t.Errorf("%s: grpc-accept-encoding %q", c.name, encodings)
		}
		if got := s.lane.copy().Accepted; got != c.spans {
			t.Errorf("%s: %d spans taken, want %d", c.name, got, c.spans)
		}
		var want ledger.Refusals
		if c.code != grpc.OK {
			want[c.reason] = 1
		}
		s.refused(c.name, want)
		if st := s.Status(); (st.Requests.GRPC == 1) != (c.code == grpc.OK) || st.Spans != c.spans || st.Requests.HTTP+st.Requests.HTTPJSON != 0 {
			t.Errorf("%s: %+v", c.name, st)
		}
		s.stop()
	}
}

func TestHTTP(t *testing.T) {
	small, cut := request(3, 10), request(1000, 4000)
	over := request(1100, 4000)
	unsized := func(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b)) }
	gz := []string{"Content-Encoding", "gzip"}
	for _, c := range []struct {
		name   string
		body   io.Reader
		header []string
		status int
		spans  uint64
		reason ledger.RefuseReason
		quiet  bool // not counted
	}{
		{name: "plain", body: bytes.NewReader(small), status: 200, spans: 3},
		{name: "with a parameter", body: bytes.NewReader(small), header: []string{"Content-Type", "Application/X-Protobuf; v=1"}, status: 200, spans: 3},
		{name: "identity", body: bytes.NewReader(small), header: []string{"Content-Encoding", "identity"}, status: 200, spans: 3},
		{name: "without a length", body: unsized(cut), status: 200, spans: 1000},
		{name: "cut into frames", body: bytes.NewReader(cut), status: 200, spans: 1000},
		{name: "gzip", body: bytes.NewReader(gzipped(cut)), header: gz, status: 200, spans: 1000},
		{name: "empty", body: http.NoBody, status: 200},
		{name: "over 4 MiB", body: bytes.NewReader(over), status: 413, reason: ledger.RequestTooBig},
		{name: "over 4 MiB without a length", body: unsized(over), status: 413, reason: ledger.RequestTooBig},
		{name: "bomb", body: bytes.NewReader(bomb()), header: gz, status: 413, reason: ledger.RequestTooBig},
		{name: "not gzip", body: bytes.NewReader(small), header: gz, status: 400},
		{name: "gzip of nothing", body: http.NoBody, header: gz, status: 400},
		{name: "zstd", body: bytes.NewReader(small), header: []string{"Content-Encoding", "zstd"}, status: 415, reason: ledger.Unimplemented},
		{name: "text", body: bytes.NewReader(small), header: []string{"Content-Type", "text/plain"}, status: 415, reason: ledger.Unimplemented},
		{name: "gRPC over HTTP/1", body: bytes.NewReader(small), header: []string{"Content-Type", "application/grpc"}, status: 415, reason: ledger.Unimplemented},
		{name: "no OTLP", body: strings.NewReader("hello"), status: 400},
		{name: "not UTF-8", body: bytes.NewReader(spoilt("nnn", "n\xffn")), status: 400},
		{name: "metrics", body: bytes.NewReader(small), header: []string{"path", "/v1/metrics"}, status: 404, reason: ledger.Unimplemented},
		{name: "logs", body: bytes.NewReader(small), header: []string{"path", "/v1/logs"}, status: 404, reason: ledger.Unimplemented},
		{name: "a browser", body: http.NoBody, header: []string{"path", "/", "method", "GET"}, status: 405, quiet: true},
		{name: "a path that is empty in the variable", body: bytes.NewReader(small), header: []string{"path", "/"}, status: 200, spans: 3},
		{name: "GET", body: http.NoBody, header: []string{"method", "GET"}, status: 405, quiet: true},
		{name: "a question of a browser, with CORS off", body: http.NoBody, status: 405, quiet: true, header: []string{
			"method", "OPTIONS", "Origin", "https://a.example", "Access-Control-Request-Method", "POST",
		}},
	} {
		s := serve(t, "127.0.0.1:0", Options{})
		status, h, body := s.post(c.body, c.header...)
		if status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, status, body, c.status)
		}
		if status == 200 && (body != "" || h.Get("Content-Type") != "application/x-protobuf") || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %q %v", c.name, body, h)
		}
		if got := s.lane.copy().Accepted; got != c.spans {
			t.Errorf("%s: %d spans taken, want %d", c.name, got, c.spans)
		}
		var want ledger.Refusals
		if status != 200 && !c.quiet {
			want[c.reason] = 1
		}
		s.refused(c.name, want)
		if st := s.Status(); (st.Requests.HTTP == 1) != (status == 200) || st.Spans != c.spans {
			t.Errorf("%s: %+v", c.name, st)
		}
		s.stop()
	}
}

// An error is a google.rpc.Status in the type of the request.
func TestHTTPErrors(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	s.lane.err = ledger.Refused{Reason: ledger.QueueFull}
	status, h, body := s.post(bytes.NewReader(request(1, 1)))
	wantBody := string(grpc.Status{Code: grpc.ResourceExhausted, Message: "the agent's buffer is full: its collector is slow or away", RetryDelay: fullDelay}.AppendProto(nil))
	if status != 429 || h.Get("Retry-After") != "2" || h.Get("Content-Type") != "application/x-protobuf" || body != wantBody {
		t.Errorf("%d %v %q", status, h, body)
	}
	status, h, body = s.post(strings.NewReader("{}"), "Content-Type", "application/json", "path", "/v1/logs")
	var told struct {
		Code    int
		Message string
	}
	if err := json.Unmarshal([]byte(body), &told); err != nil || status != 404 || told.Code != int(grpc.NotFound) || told.Message == "" || h.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v %q: %v", status, h, body, err)
	}
	status, h, _ = s.post(strings.NewReader("x"), "Content-Type", "text/plain")
	if status != 415 || h.Get("Accept-Encoding") != "gzip" || !strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %v", status, h)
	}
	s.refused("all", ledger.Refusals{ledger.QueueFull: 1, ledger.Unimplemented: 2})
}

// What a browser sends: ids in hex, 64-bit numbers as strings.
func TestJSON(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{Origins: []string{"*"}})
	const span = `{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"x","startTimeUnixNano":"1544712660000000000"}`
	spans := func(list string) string { return `{"resourceSpans":[{"scopeSpans":[{"spans":[` + list + `]}]}]}` }
	many := spans(span + strings.Repeat(","+span, 5000))
	for _, c := range []struct {
		body   string
		status int
		answer string
	}{
		{spans(span), 200, "{}"},
		{many, 200, "{}"},
		{"{}", 200, "{}"},
		{spans(`{"traceId":"00"}`), 400, `{"code":3,`},
		{`{"resourceSpans":`, 400, `{"code":3,`},
		{"", 400, `{"code":3,`},
	} {
		status, h, body := s.post(strings.NewReader(c.body), "Content-Type", "application/json; charset=utf-8", "Origin", "null")
		if status != c.status || !strings.HasPrefix(body, c.answer) || h.Get("Content-Type") != "application/json" {
			t.Errorf("%.80s: %d %s %v", c.body, status, body, h)
		}
	}
	if st := s.Status(); st.Requests.HTTPJSON != 3 || st.Spans != 5002 || s.lane.copy().Accepted != 5002 {
		t.Errorf("%+v", st)
	}
	s.refused("all", ledger.Refusals{ledger.Malformed: 3})
}

// A full buffer is told with a delay, a request that will never fit without one.
func TestLaneRefuses(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	for _, c := range []struct {
		reason ledger.RefuseReason
		delay  time.Duration
		http   int
	}{{ledger.QueueFull, fullDelay, 429}, {ledger.RequestTooBig, 0, 413}} {
		s.lane.err, s.lane.put = ledger.Refused{Reason: c.reason}, 2
		for _, body := range [][]byte{request(1, 1), request(1000, 4000)} {
			st, _ := s.call(bytes.NewReader(framed(false, body)), nil)
			if st.Code != grpc.ResourceExhausted || st.RetryDelay != c.delay {
				t.Errorf("%v: %+v", c.reason, st)
			}
			if status, h, _ := s.post(bytes.NewReader(body)); status != c.http || (h.Get("Retry-After") == "") != (c.delay == 0) {
				t.Errorf("%v: %d %v", c.reason, status, h)
			}
		}
	}
	a := s.lane.copy()
	if a.Accepted != 0 || a.Refused != (ledger.Refusals{ledger.QueueFull: 4, ledger.RequestTooBig: 4}) {
		t.Errorf("%+v", a)
	}
	if s.Status().Requests.Sum() != 0 {
		t.Error("what was refused is counted as taken")
	}
}

func TestCORS(t *testing.T) {
	ask := []string{"method", "OPTIONS", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-token"}
	for _, c := range []struct {
		origins []string
		origin  string
		allowed bool
	}{
		{[]string{"https://shop.example"}, "https://shop.example", true},
		{[]string{"https://shop.example"}, "https://evil.example", false},
		{[]string{"*"}, "null", true},
	} {
		s := serve(t, "127.0.0.1:0", Options{Origins: c.origins})
		status, h, _ := s.post(http.NoBody, append(ask, "Origin", c.origin)...)
		if c.allowed && (status != 204 || h.Get("Access-Control-Allow-Origin") != c.origin || h.Get("Access-Control-Allow-Headers") != "content-type,x-token" || h.Get("Access-Control-Allow-Methods") != "POST") {
			t.Errorf("%s: %d %v", c.origin, status, h)
		}
		if !c.allowed && (status != 403 || h.Get("Access-Control-Allow-Origin") != "") {
			t.Errorf("%s: %d %v", c.origin, status, h)
		}
		status, h, _ = s.post(bytes.NewReader(request(1, 1)), "Origin", c.origin)
		if status != 200 || (h.Get("Access-Control-Allow-Origin") == c.origin) != c.allowed || h.Get("Vary") != "Origin" {
			t.Errorf("%s: %d %v", c.origin, status, h)
		}
		if s.lane.copy().Refused != (ledger.Refusals{}) {
			t.Errorf("%s: %v", c.origin, s.lane.copy().Refused)
		}
		s.stop()
	}
}

// Either port takes either protocol, gRPC with TLS as without.
func TestHTTP2WithoutGRPC(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	s.h1 = s.h2
	if status, _, body := s.post(bytes.NewReader(request(3, 1))); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if s.Status().Requests.HTTP != 1 {
		t.Errorf("%+v", s.Status())
	}
}

func TestTLSClientsOnly(t *testing.T) {
	ca := newAuthority(t)
	opt := Options{TLS: ca.server(t, "one")}
	s := serve(t, "127.0.0.1:0", opt)
	for _, transport := range []**http.Transport{&s.h1, &s.h2} {
		(*transport).TLSClientConfig = &tls.Config{RootCAs: ca.pool}
	}
	var both http.Protocols
	both.SetHTTP2(true)
	s.h2.Protocols = &both
	if status, _, _ := s.post(bytes.NewReader(request(3, 1))); status != 400 {
		t.Errorf("plain text: %d", status)
	}
	s.url = strings.Replace(s.url, "http:", "https:", 1)
	if st, _ := s.call(bytes.NewReader(framed(false, request(3, 1))), nil); st.Code != grpc.OK {
		t.Errorf("%+v", st)
	}
	if status, _, body := s.post(bytes.NewReader(request(3, 1))); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if !s.Status().TLS || s.Status().Spans != 6 {
		t.Errorf("%+v", s.Status())
	}
}
