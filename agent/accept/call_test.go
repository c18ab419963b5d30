package accept

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/wayside-tracing/wayside/agent/accept/h2"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// Either HTTP gives the same answers.
func TestHTTP2AsHTTP1(t *testing.T) {
	small, over := request(3, 10), request(1100, 4000)
	gz := []string{"Content-Encoding", "gzip"}
	type post struct {
		name   string
		body   func() io.Reader
		header []string
	}
	of := func(b []byte) func() io.Reader { return func() io.Reader { return bytes.NewReader(b) } }
	for _, c := range []post{
		{"plain", of(small), nil},
		{"without a length", func() io.Reader { return io.MultiReader(bytes.NewReader(small)) }, nil},
		{"gzip", of(gzipped(small)), gz},
		{"gzip of much", of(gzipped(request(9000, 200))), gz},
		{"empty", of(nil), nil},
		{"JSON", of([]byte(`{"resourceSpans":[]}`)), []string{"Content-Type", "application/json"}},
		{"bad JSON", of([]byte(`{`)), []string{"Content-Type", "application/json; charset=utf-8"}},
		{"over 4 MiB", of(over), nil},
		{"over 4 MiB unpacked", of(gzipped(over)), gz},
		{"not gzip", of(small), gz},
		{"zstd", of(small), []string{"Content-Encoding", "zstd"}},
		{"text", of(small), []string{"Content-Type", "text/plain"}},
		{"not UTF-8", of(spoilt("nnn", "n\xffn")), nil},
		{"metrics", of(small), []string{"path", "/v1/metrics"}},
		{"with a query", of(small), []string{"path", "/v1/traces?a=b"}},
		{"GET", of(nil), []string{"method", "GET"}},
		{"a question of a browser", of(nil), []string{"method", "OPTIONS", "Origin", "https://a.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x"}},
		{"of another page", of(nil), []string{"method", "OPTIONS", "Origin", "https://b.example", "Access-Control-Request-Method", "POST"}},
		{"a browser's", of(small), []string{"Origin", "https://a.example"}},
	} {
		s := serve(t, "127.0.0.1:0", Options{Origins: []string{"https://a.example"}})
		one, h1, body1 := s.post(c.body(), c.header...)
		before := s.lane.copy()
		s.h1 = s.h2
		two, h2, body2 := s.post(c.body(), c.header...)
		after := s.lane.copy()
		if one != two || body1 != body2 {
			t.Errorf("%s: %d %q, over HTTP/2 %d %q", c.name, one, body1, two, body2)
		}
		for _, name := range []string{
			"Content-Type", "Accept-Encoding", "Accept-Post", "Allow", "Vary", "Access-Control-Allow-Origin", "Access-Control-Max-Age",
			"Access-Control-Allow-Headers", "X-Content-Type-Options",
		} {
			if a, b := h1.Get(name), h2.Get(name); a != b {
				t.Errorf("%s: %s is %q, over HTTP/2 %q", c.name, name, a, b)
			}
		}
		if h2.Get("Date") == "" && two != 204 && two != 403 {
			t.Errorf("%s: no date", c.name)
		}
		for reason := range after.Refused {
			if after.Refused[reason] != 2*before.Refused[reason] {
				t.Errorf("%s: refused %v, and then %v", c.name, before.Refused, after.Refused)
			}
		}
		if after.Accepted != 2*before.Accepted {
			t.Errorf("%s: %d spans, and then %d", c.name, before.Accepted, after.Accepted)
		}
		s.stop()
	}
}

// However a call's body is cut into pieces, it is the same call, and nothing of
// it stays reserved.
func TestPieces(t *testing.T) {
	for _, piece := range []int{1, 4, 5, 6, 100, 16 << 10} {
		for name, c := range map[string]struct {
			body     []byte
			encoding string
			code     string
			spans    uint64
		}{
			"plain":       {framed(false, request(30, 100)), "", "0", 30},
			"gzip":        {framed(true, gzipped(request(30, 100))), "gzip", "0", 30},
			"nothing":     {framed(false, nil), "", "0", 0},
			"bomb":        {framed(true, bomb()), "gzip", "8", 0},
			"cut off":     {framed(false, request(30, 100))[:200], "", "3", 0},
			"gzip is cut": {framed(true, gzipped(request(30, 100)))[:60], "gzip", "3", 0},
			"too long":    {append(framed(false, request(30, 100)), 1), "", "3", 0},
		} {
			lane := &fakeLane{t: t}
			o := NewServer(func(Origin) Lane { return lane }, nil, nil)
			l := &Listener{server: o, services: o.served["otlp.grpc"]}
			call := l.begin(&h2.Request{Method: "POST", Path: grpc.TracePath, ContentLength: -1, Header: h2.Header{
				{Name: "content-type", Value: "application/grpc"}, {Name: "grpc-encoding", Value: c.encoding},
			}}, sender{}, true)
			r := bytes.NewReader(c.body)
			buf := make([]byte, piece)
			for more := true; more && r.Len() > 0; {
				n, _ := r.Read(buf)
				more = call.Data(buf[:n])
				clear(buf) // they are not kept
			}
			reply := call.End(nil)
			got := reply.Trailer.Get("grpc-status") + reply.Header.Get("grpc-status")
			if a := lane.copy(); got != c.code || a.Accepted != c.spans || (got == "0") == (a.Refused != ledger.Refusals{}) {
				t.Errorf("%s, %d bytes at a time: grpc-status %s, %+v", name, piece, got, a)
			}
			if o.budget.large.Load()+o.budget.small.Load()+o.budget.requests.Load()+o.budget.unpacking.Load() != 0 {
				t.Errorf("%s, %d bytes at a time: something is still reserved", name, piece)
			}
		}
	}
}

// A lane that waits is waited for in a goroutine of its own; then the answers
// of one connection come in any order.
func TestLaneThatWaits(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	s.lane.waits = true
	for range 20 {
		if st, _ := s.call(iotest.HalfReader(bytes.NewReader(framed(false, request(3, 1)))), nil); st.Code != grpc.OK {
			t.Errorf("%+v", st)
		}
	}
	if got := s.lane.copy().Accepted; got != 60 {
		t.Errorf("%d spans", got)
	}
	quick := func(waits bool, size int) bool {
		c := call{service: &service{take: (&otlpTaker{}).take}, lane: &fakeLane{waits: waits}, body: body{bytes: make([]byte, size)}}
		return c.Quick()
	}
	if !quick(false, 100) || quick(true, 100) || quick(false, quickRequest+1) {
		t.Error("what is quick")
	}
}

// A long body that is not taken is answered before its end; a short one is let
// come to it.
func TestUnwanted(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	s.h1 = s.h2
	r, w := io.Pipe()
	go func() {
		_, err := w.Write(make([]byte, maxUnwanted+1))
		for err == nil {
			_, err = w.Write(make([]byte, 1000))
		}
	}()
	if status, _, body := s.post(r, "path", "/v1/metrics"); status != 404 || body == "" {
		t.Errorf("%d %q", status, body)
	}
	r.Close()
	if status, _, body := s.post(strings.NewReader("short"), "path", "/v1/metrics"); status != 404 || body == "" {
		t.Errorf("%d %q", status, body)
	}
}
