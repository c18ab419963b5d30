package accept

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// postSpans is a PostSpansRequest of so many spans with a name of so many bytes,
// and so many with no ids.
func postSpans(spans, name, invalid int) []byte {
	var b otlp.Builder
	batch := b.Open(1, 0)
	for i := range spans + invalid {
		m := b.Open(1, 0)
		if i < spans {
			b.TraceID(1, 0, 7)
			b.SpanID(2, uint64(i+1))
		}
		b.TextString(3, strings.Repeat("n", name))
		b.Close(m)
	}
	p := b.Open(2, 0)
	b.TextString(1, "shop")
	b.Close(p)
	b.Close(batch)
	return b.Bytes()
}

// bareBatch is the same as Thrift over HTTP has it.
func bareBatch(spans, name, invalid int) []byte {
	b := &jaegerthrift.Batch{Process: jaegerthrift.Process{ServiceName: "shop"}}
	for i := range spans + invalid {
		s := jaegerthrift.Span{SpanID: uint64(i + 1), OperationName: strings.Repeat("n", name)}
		if i < spans {
			s.TraceIDLow = 7
		}
		b.Spans = append(b.Spans, s)
	}
	p := jaegerthrift.AppendEmitBatch(nil, thrift.Binary, thrift.Call, 1, b)
	const head = 4 + 4 + len("emitBatch") + 4 + 3 // version, name, sequence, header of the argument
	return p[head : len(p)-1]
}

func TestPostSpans(t *testing.T) {
	post := func(change func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			r.URL.Path = postSpansMethod
			if change != nil {
				change(r)
			}
		}
	}
	small, cut := postSpans(3, 10, 0), postSpans(1000, 4000, 0)
	for _, c := range []struct {
		name            string
		body            []byte
		change          func(*http.Request)
		code            grpc.Code
		says            string
		spans           uint64
		frames          int
		invalid, tooBig uint64
		reason          ledger.RefuseReason
	}{
		{name: "plain", body: framed(false, small), spans: 3, frames: 1},
		{name: "gzip", body: framed(true, gzipped(small)), change: useGzip, spans: 3, frames: 1},
		{name: "cut into frames", body: framed(false, cut), spans: 1000, frames: 8},
		{name: "gzip, cut", body: framed(true, gzipped(cut)), change: useGzip, spans: 1000, frames: 8},
		{name: "as large as is made of one piece", body: framed(false, postSpans(60, 4000, 0)), spans: 60, frames: 1},
		{name: "nothing", body: framed(false, nil)},
		{name: "no spans", body: framed(false, postSpans(0, 0, 0))},
		{name: "impossible spans", body: framed(false, postSpans(3, 10, 2)), spans: 3, frames: 1, invalid: 2},
		{name: "impossible spans alone", body: framed(false, postSpans(0, 10, 2)), invalid: 2},
		{name: "impossible spans of many", body: framed(false, postSpans(1000, 4000, 2)), spans: 1000, frames: 8, invalid: 2},
		{name: "a span over a frame", body: framed(false, append(postSpans(1, otlp.MaxFrame, 0), small...)), spans: 3, frames: 1, tooBig: 1},
		{name: "over 4 MiB", body: framed(false, postSpans(1100, 4000, 0)), code: grpc.ResourceExhausted, says: "larger than max", reason: ledger.RequestTooBig},
		{name: "bomb", body: framed(true, bomb()), change: useGzip, code: grpc.ResourceExhausted, says: "larger than max", reason: ledger.RequestTooBig},
		{name: "no protobuf", body: framed(false, []byte("hello")), code: grpc.InvalidArgument, says: "malformed PostSpansRequest"},
		{name: "cut off", body: framed(false, small[:len(small)-3]), code: grpc.InvalidArgument, says: "malformed PostSpansRequest"},
		{name: "cut off after frames", body: framed(false, cut[:len(cut)-3]), code: grpc.InvalidArgument, says: "malformed PostSpansRequest"},
		{
			name: "zstd", body: framed(true, small), change: func(r *http.Request) { r.Header.Set("Grpc-Encoding", "zstd") },
			code: grpc.Unimplemented, says: "gzip", reason: ledger.Unimplemented,
		},
		{
			name: "the method of OTLP", body: framed(false, request(3, 10)), code: grpc.Unimplemented, says: postSpansMethod, reason: ledger.Unimplemented,
			change: func(r *http.Request) { r.URL.Path = grpc.TracePath },
		},
	} {
		s := serveAs(t, "jaeger.grpc", "127.0.0.1:0", Options{}, nil)
		st, _ := s.call(bytes.NewReader(c.body), post(c.change))
		if st.Code != c.code || !strings.Contains(st.Message, c.says) {
			t.Errorf("%s: %+v, want %v … %s", c.name, st, c.code, c.says)
		}
		a := s.lane.copy()
		if a.Accepted != c.spans || s.lane.frames != c.frames || a.Dropped[ledger.Invalid] != c.invalid || a.Dropped[ledger.TooBig] != c.tooBig {
			t.Errorf("%s: %d frames, %+v", c.name, s.lane.frames, a)
		}
		var want ledger.Refusals
		if c.code != grpc.OK {
			want[c.reason] = 1
		}
		s.refused(c.name, want)
		if st := s.Status(); (st.Requests.GRPC == 1) != (c.code == grpc.OK) || st.Spans != c.spans || st.Source != "jaeger.grpc" {
			t.Errorf("%s: %+v", c.name, st)
		}
		s.stop()
	}
}

func TestThriftOverHTTP(t *testing.T) {
	small, cut := bareBatch(3, 10, 0), bareBatch(1000, 4000, 0)
	gz := []string{"Content-Encoding", "gzip"}
	for _, c := range []struct {
		name            string
		body            []byte
		header          []string
		status          int
		spans           uint64
		frames          int
		invalid, tooBig uint64
		reason          ledger.RefuseReason
		quiet           bool
	}{
		{name: "plain", body: small, status: 202, spans: 3, frames: 1},
		{name: "with the format that clients add", body: small, header: []string{"query", "format=jaeger.thrift"}, status: 202, spans: 3, frames: 1},
		{name: "the other type", body: small, header: []string{"Content-Type", "application/vnd.apache.thrift.binary"}, status: 202, spans: 3, frames: 1},
		{name: "a type with a parameter", body: small, header: []string{"Content-Type", "Application/X-Thrift; charset=utf-8"}, status: 202, spans: 3, frames: 1},
		{name: "gzip", body: gzipped(small), header: gz, status: 202, spans: 3, frames: 1},
		{name: "cut into frames", body: cut, status: 202, spans: 1000, frames: 8},
		{name: "impossible spans", body: bareBatch(3, 10, 2), status: 202, spans: 3, frames: 1, invalid: 2},
		{name: "a span over a frame", body: bareBatch(1, otlp.MaxFrame, 0), status: 202, tooBig: 1},
		{name: "no spans", body: bareBatch(0, 0, 0), status: 202},
		{name: "nothing", status: 400},
		{name: "no Thrift", body: []byte("hello"), status: 400},
		{name: "a message", body: packet(thrift.Binary, 3, 1), status: 400},
		{name: "compact", body: packet(thrift.Compact, 3, 1), status: 400},
		{name: "cut off after frames", body: cut[:len(cut)-20], status: 400},
		{name: "over 4 MiB", body: bareBatch(1100, 4000, 0), status: 413, reason: ledger.RequestTooBig},
		{name: "bomb", body: bomb(), header: gz, status: 413, reason: ledger.RequestTooBig},
		{name: "protobuf", body: small, header: []string{"Content-Type", "application/x-protobuf"}, status: 415, reason: ledger.Unimplemented},
		{name: "no type", body: small, header: []string{"Content-Type", ""}, status: 415, reason: ledger.Unimplemented},
		{name: "OTLP", body: small, header: []string{"path", "/v1/traces"}, status: 404, reason: ledger.Unimplemented},
		{name: "GET", header: []string{"method", "GET"}, status: 405, quiet: true},
	} {
		s := serveAs(t, "jaeger.http", "127.0.0.1:0", Options{}, nil)
		header := append([]string{"path", batchPath, "Content-Type", typeThrift}, c.header...)
		status, h, body := s.post(bytes.NewReader(c.body), header...)
		if status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, status, body, c.status)
		}
		if status == http.StatusAccepted && (body != "" || h.Get("Content-Type") != "") ||
			status >= 300 && (body == "" || !strings.HasPrefix(h.Get("Content-Type"), "text/plain")) {
			t.Errorf("%s: %q %v", c.name, body, h)
		}
		if status == http.StatusUnsupportedMediaType && (h.Get("Accept-Post") != typeThrift+", "+typeThriftBinary || !strings.Contains(body, typeThriftBinary+" are")) {
			t.Errorf("%s: %q %v", c.name, body, h)
		}
		a := s.lane.copy()
		if a.Accepted != c.spans || s.lane.frames != c.frames || a.Dropped[ledger.Invalid] != c.invalid || a.Dropped[ledger.TooBig] != c.tooBig {
			t.Errorf("%s: %d frames, %+v", c.name, s.lane.frames, a)
		}
		var want ledger.Refusals
		if status >= 300 && !c.quiet {
			want[c.reason] = 1
		}
		s.refused(c.name, want)
		if st := s.Status(); (st.Requests.HTTPThrift == 1) != (status == 202) || st.Spans != c.spans {
			t.Errorf("%s: %+v", c.name, st)
		}
		s.stop()
	}
}

// A full buffer is told with a delay, whatever is left out of the request; and
// what is left out is not counted, since it comes again.
func TestJaegerIsRefused(t *testing.T) {
	full := ledger.Refused{Reason: ledger.QueueFull}
	s := serveAs(t, "jaeger.http", "127.0.0.1:0", Options{}, nil)
	s.lane.err = full
	for _, body := range [][]byte{bareBatch(3, 10, 1), bareBatch(1000, 4000, 1)} {
		status, h, _ := s.post(bytes.NewReader(body), "path", batchPath, "Content-Type", typeThrift)
		if status != http.StatusTooManyRequests || h.Get("Retry-After") != "2" {
			t.Errorf("%d %v", status, h)
		}
	}
	if a := s.lane.copy(); a.Accepted != 0 || a.Dropped.Sum() != 0 || a.Refused[ledger.QueueFull] != 2 {
		t.Errorf("%+v", a)
	}
	s = serveAs(t, "jaeger.grpc", "127.0.0.1:0", Options{}, nil)
	s.lane.err = full
	for _, body := range [][]byte{postSpans(3, 10, 1), postSpans(1000, 4000, 1)} {
		st, _ := s.call(bytes.NewReader(framed(false, body)), func(r *http.Request) { r.URL.Path = postSpansMethod })
		if st.Code != grpc.ResourceExhausted || st.RetryDelay != fullDelay {
			t.Errorf("%+v", st)
		}
	}
	if a := s.lane.copy(); a.Accepted != 0 || a.Dropped.Sum() != 0 || a.Refused[ledger.QueueFull] != 2 {
		t.Errorf("%+v", a)
	}
}

// Many at once, small and large, on one connection and on several.
func TestManyBatchesAtOnce(t *testing.T) {
	s := serveAs(t, "jaeger.grpc", "127.0.0.1:0", Options{}, nil)
	bodies := [][]byte{framed(false, postSpans(1, 5, 0)), framed(false, postSpans(100, 4000, 0))}
	answers := make(chan error)
	const each = 25
	for i := range 4 {
		go func() {
			for n := range each {
				r, err := newCall(s, bytes.NewReader(bodies[(n+i)%2]))
				if err == nil {
					r.URL.Path = postSpansMethod
					var res *http.Response
					if res, err = s.h2.RoundTrip(r); err == nil {
						_, _ = io.Copy(io.Discard, res.Body)
						res.Body.Close()
						if got := res.Trailer.Get("Grpc-Status") + res.Header.Get("Grpc-Status"); got != "0" && got != "8" {
							err = fmt.Errorf("grpc-status %s", got)
						}
					}
				}
				answers <- err
			}
		}()
	}
	for range 4 * each {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if st := s.Status(); st.Spans != s.lane.copy().Accepted || st.Spans == 0 {
		t.Errorf("%+v, %+v", st, s.lane.copy())
	}
}
