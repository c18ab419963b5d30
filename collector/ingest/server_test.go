package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// sink keeps what it is given, and answers with err.
type sink struct {
	mu     sync.Mutex
	frames [][]byte
	spans  int
	err    error
}

func (s *sink) Put(_ context.Context, frame []byte, spans int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.frames = append(s.frames, bytes.Clone(frame))
	s.spans += spans
	return nil
}

// frame is a request with so many spans, each with a name of so many bytes.
func frame(spans, name int) []byte {
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

// start serves until the test ends.
func start(t *testing.T, s Sink, memory int) (*Server, func(body io.Reader, change func(*http.Request)) (grpc.Status, *http.Response)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := New(s, memory)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- server.Serve(ctx, l) }()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := server.budget.used.Load(); n != 0 {
			t.Errorf("%d bytes are still reserved", n)
		}
	})
	return server, func(body io.Reader, change func(*http.Request)) (grpc.Status, *http.Response) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+grpc.TracePath, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/grpc+proto")
		r.Header.Set("Te", "trailers")
		if change != nil {
			change(r)
		}
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		h := res.Trailer
		if v := res.Header.Get("Grpc-Status"); v != "" {
			h = res.Header
		} else if res.StatusCode == http.StatusOK && !bytes.Equal(answer, success) {
			t.Errorf("answer %x", answer)
		}
		return grpc.ParseStatus(h.Get("Grpc-Status"), h.Get("Grpc-Message"), h.Get("Grpc-Status-Details-Bin")), res
	}
}

func TestExport(t *testing.T) {
	s := &sink{}
	server, send := start(t, s, 0)
	useGzip := func(r *http.Request) { r.Header.Set("Grpc-Encoding", "gzip") }
	small, large := frame(3, 10), frame(1000, 4000)
	for _, c := range []struct {
		name   string
		body   []byte
		change func(*http.Request)
		code   grpc.Code
		says   string
	}{
		{name: "plain", body: framed(false, small)},
		{name: "large", body: framed(false, large)},
		{name: "gzip", body: framed(true, gzipped(small)), change: useGzip},
		{name: "large gzip", body: framed(true, gzipped(large)), change: useGzip},
		{name: "gzip announced but not used", body: framed(false, small), change: useGzip},
		{name: "no spans", body: framed(false, nil)},
		{"nothing", nil, nil, grpc.Cancelled, "broke off"},
		{"cut off", framed(false, small)[:50], nil, grpc.Cancelled, "broke off"},
		{"two messages", append(framed(false, small), framed(false, small)...), nil, grpc.InvalidArgument, "more than one"},
		{"bad flag", append([]byte{7}, framed(false, small)[1:]...), nil, grpc.InvalidArgument, "flag"},
		{"not OTLP", framed(false, []byte("this is not protobuf")), nil, grpc.InvalidArgument, "malformed OTLP"},
		{"one byte too many", framed(false, make([]byte, MaxMessage+1)), nil, grpc.ResourceExhausted, "larger than max"},
		{"4 GB announced", []byte{0, 0xff, 0xff, 0xff, 0xff}, nil, grpc.ResourceExhausted, "larger than max"},
		{"gzip bomb", framed(true, gzipped(make([]byte, 64<<20))), useGzip, grpc.ResourceExhausted, "larger than max"},
		{"not gzip", framed(true, []byte("this is not gzip")), useGzip, grpc.InvalidArgument, "gzip"},
		{"gzip cut off", framed(true, gzipped(large)[:100]), useGzip, grpc.InvalidArgument, "EOF"},
		{"gzip and more", framed(true, append(gzipped(small), "tail"...)), useGzip, grpc.InvalidArgument, ""},
		{"unknown compression", framed(true, small), func(r *http.Request) { r.Header.Set("Grpc-Encoding", "br") }, grpc.Unimplemented, `"br"`},
		{"metrics", framed(false, nil), func(r *http.Request) { r.URL.Path = "/metrics.Service/Export" }, grpc.Unimplemented, "traces only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st, _ := send(bytes.NewReader(c.body), c.change)
			if st.Code != c.code || !strings.Contains(st.Message, c.says) || st.RetryDelay != 0 {
				t.Errorf("%v %q retry in %v; want %v, %q", st.Code, st.Message, st.RetryDelay, c.code, c.says)
			}
		})
	}
	want := [][]byte{small, large, small, large, small, nil}
	if len(s.frames) != len(want) {
		t.Fatalf("%d frames, want %d", len(s.frames), len(want))
	}
	for i := range want {
		if !bytes.Equal(s.frames[i], want[i]) {
			t.Errorf("frame %d is not what was sent", i)
		}
	}
	wantStats := Stats{
		Requests: 6, Spans: 2009, Bytes: uint64(3*len(small) + 2*len(large)),
		Malformed: 6, TooBig: 3, Unimplemented: 2, Lost: 2,
	}
	if got := server.Stats(); got != wantStats || uint64(s.spans) != got.Spans {
		t.Errorf("%+v, want %+v; the sink has %d spans", got, wantStats, s.spans)
	}
}

func TestNotGRPC(t *testing.T) {
	_, send := start(t, &sink{}, 0)
	_, res := send(strings.NewReader("{}"), func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
	if res.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("HTTP %d", res.StatusCode)
	}
}

func TestSinkRefuses(t *testing.T) {
	s := &sink{}
	server, send := start(t, s, 0)
	for _, c := range []struct {
		err  error
		code grpc.Code
	}{
		{fmt.Errorf("store: %w", ErrOverloaded), grpc.ResourceExhausted},
		{errors.New("disk is full"), grpc.Unavailable},
	} {
		s.err = c.err
		st, _ := send(bytes.NewReader(framed(false, frame(1, 1))), nil)
		if st.Code != c.code || st.Message != c.err.Error() || st.RetryDelay != time.Second {
			t.Errorf("%v: %+v", c.err, st)
		}
	}
	if got := server.Stats(); got != (Stats{Overload: 1, Failed: 1}) {
		t.Errorf("%+v", got)
	}
}

// Senders that announce much and send slowly hold what they announced; those
// that come after are told to come again, and are taken when there is room.
func TestBudget(t *testing.T) {
	s := &sink{}
	server, send := start(t, s, 5<<20)
	body := framed(false, frame(1000, 3000)) // 3 MB
	r, w := io.Pipe()
	slow := make(chan grpc.Status)
	go func() {
		st, _ := send(r, nil)
		slow <- st
	}()
	w.Write(body[:100])
	for server.budget.used.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	st, _ := send(bytes.NewReader(body), nil)
	if st.Code != grpc.ResourceExhausted || st.RetryDelay != retryDelay || !strings.Contains(st.Message, "overloaded") {
		t.Errorf("without room: %+v", st)
	}
	// A packed message is counted as it unpacks.
	st, _ = send(bytes.NewReader(framed(true, gzipped(body[5:]))), func(r *http.Request) { r.Header.Set("Grpc-Encoding", "gzip") })
	if st.Code != grpc.ResourceExhausted || st.RetryDelay != retryDelay {
		t.Errorf("packed, without room: %+v", st)
	}
	if st, _ = send(bytes.NewReader(framed(false, frame(10, 10))), nil); st.Code != grpc.OK {
		t.Errorf("a small one: %+v", st)
	}
	w.Write(body[100:])
	w.Close()
	if st := <-slow; st.Code != grpc.OK {
		t.Errorf("the slow one: %+v", st)
	}
	if st, _ = send(bytes.NewReader(body), nil); st.Code != grpc.OK {
		t.Errorf("with room again: %+v", st)
	}
	if s.spans != 2010 {
		t.Errorf("%d spans", s.spans)
	}
}

// FuzzRead reads any body: memory stays within the budget and is given back.
func FuzzRead(f *testing.F) {
	small := frame(3, 10)
	f.Add(framed(false, small), "")
	f.Add(framed(true, gzipped(small)), "gzip")
	f.Add(framed(true, gzipped(make([]byte, 100_000))), "gzip")
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff}, "identity")
	f.Fuzz(func(t *testing.T, body []byte, encoding string) {
		b := &budget{limit: 1 << 20}
		m, err := b.read(bytes.NewReader(body), encoding)
		if used := b.used.Load(); used > b.limit || used != int64(m.reserved) || cap(m.bytes) > m.reserved+step {
			t.Errorf("%d bytes are counted, %d reserved, %d taken", used, m.reserved, cap(m.bytes))
		}
		if err == nil && body[0] == 0 && !bytes.Equal(m.bytes, body[grpc.PrefixLen:]) {
			t.Error("not the message")
		}
		m.free()
		if b.used.Load() != 0 {
			t.Error("not given back")
		}
	})
}
