package load

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/bench/receive"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/otlpjson"
)

func TestCallsOverGRPC(t *testing.T) {
	var s receive.Server
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := s.HTTP()
	go server.Serve(listener)
	defer server.Close()
	for _, p := range []Plan{
		{Rate: 20_000, For: time.Second, Tick: 5 * time.Millisecond, Spans: 20, Clients: 3},
		{For: time.Second, Spans: 2_000, Clients: 2}, // larger than the windows
	} {
		p.To, p.Protocol = listener.Addr().String(), OTLPGRPC
		before := s.Counts()
		sent, err := Send(p)
		if err != nil {
			t.Fatal(err)
		}
		now := s.Counts()
		if sent.Packets == 0 || sent.AllRefused()+sent.Broken != 0 || sent.Spans != sent.Packets*uint64(p.Spans) ||
			now.Spans-before.Spans != sent.Spans || now.IDSum-before.IDSum != sent.IDSum || now.Bytes-before.Bytes != sent.Bytes {
			t.Errorf("sent %+v, arrived %+v after %+v", sent, now, before)
		}
		if p.Rate > 0 && sent.Packets+sent.Skipped != 996 { // the last four would leave together, at the end
			t.Errorf("%d requests and %d skipped, want 996", sent.Packets, sent.Skipped)
		}
	}
}

// What is not a success is not counted as sent.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		protocol                  Protocol
		answer                    func(w http.ResponseWriter)
		accepted, refused, broken bool
		says                      string
	}{
		"accepted, gRPC":      {OTLPGRPC, grpcAnswer("0", ""), true, false, false, ""},
		"refused, gRPC":       {OTLPGRPC, grpcAnswer("8", ""), false, true, false, "RESOURCE_EXHAUSTED"},
		"partly, gRPC":        {OTLPGRPC, grpcAnswer("0", string(partial())), false, false, true, "partial success"},
		"no gRPC":             {OTLPGRPC, httpAnswer(200, "text/plain", "hello"), false, false, true, "without a grpc-status"},
		"accepted, protobuf":  {OTLPHTTP, httpAnswer(200, "application/x-protobuf", ""), true, false, false, ""},
		"refused, protobuf":   {OTLPHTTP, httpAnswer(429, "application/x-protobuf", "x"), false, true, false, "429 Too Many Requests"},
		"partly, protobuf":    {OTLPHTTP, httpAnswer(200, "application/x-protobuf", string(partial())), false, false, true, "partial success"},
		"accepted, JSON":      {OTLPJSON, httpAnswer(200, "application/json", `{"partialSuccess":{}}`), true, false, false, ""},
		"partly, JSON":        {OTLPJSON, httpAnswer(200, "application/json", `{"partialSuccess":{"rejectedSpans":"3"}}`), false, false, true, "partial success"},
		"refused and closed":  {OTLPJSON, closing(httpAnswer(503, "application/json", `{}`)), false, true, false, "503 Service Unavailable"},
		"accepted and closed": {OTLPHTTP, closing(httpAnswer(200, "application/x-protobuf", "")), true, false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var spans atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n, err := readAny(r)
				if err != nil {
					t.Error(err)
				}
				spans.Add(int64(n))
				c.answer(w)
			}))
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetHTTP1(true)
			server.Config.Protocols.SetUnencryptedHTTP2(true)
			server.Start()
			defer server.Close()
			sent, err := Send(Plan{
				To: strings.TrimPrefix(server.URL, "http://"), Protocol: c.protocol,
				For: 500 * time.Millisecond, Rate: 1000, Spans: 20, Clients: 2,
			})
			if (err != nil) != c.broken {
				t.Errorf("%v", err)
			}
			total := sent.Packets + sent.AllRefused() + sent.Broken
			if total*20 != uint64(spans.Load()) || total == 0 {
				t.Errorf("%d spans were asked for, and %+v was sent", spans.Load(), sent)
			}
			if (sent.Packets > 0) != c.accepted || (sent.AllRefused() > 0) != c.refused || (sent.Broken > 0) != c.broken {
				t.Errorf("%+v", sent)
			}
			if said := fmt.Sprint(sent.Refused, sent.Error); !strings.Contains(said, c.says) {
				t.Errorf("says %q, want %q", said, c.says)
			}
		})
	}
}

func partial() []byte {
	return grpc.AppendTraceResponse(nil, grpc.PartialSuccess{Rejected: 3, Message: "no"})
}

func httpAnswer(status int, mediaType, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func grpcAnswer(code, message string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", grpc.ContentType)
		_, _ = w.Write(append(grpc.AppendPrefix(nil, false, len(message)), message...))
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", code)
	}
}

func closing(answer func(http.ResponseWriter)) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Connection", "close")
		answer(w)
	}
}

// readAny counts the spans of a request, whatever it came as.
func readAny(r *http.Request) (spans int, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err
	}
	switch {
	case grpc.IsContentType(r.Header.Get("Content-Type")):
		if body, _, err = grpc.ReadMessage(body); err != nil {
			return 0, err
		}
	case r.Header.Get("Content-Type") == "application/json":
		if body, err = new(otlpjson.Transcoder).Request(body); err != nil {
			return 0, err
		}
	}
	return otlp.Check(body)
}

func TestPlansThatMakeNoSense(t *testing.T) {
	good := Plan{To: "127.0.0.1:1", Protocol: OTLPGRPC, Rate: 20, For: time.Second, Spans: 20, Clients: 1}
	for name, wrong := range map[string]func(*Plan){
		"no time":        func(p *Plan) { p.For = 0 },
		"less than 0":    func(p *Plan) { p.Rate = -1 },
		"no spans":       func(p *Plan) { p.Spans = 0 },
		"no clients":     func(p *Plan) { p.Clients = 0 },
		"no protocol":    func(p *Plan) { p.Protocol = "otlp" },
		"UDP, no rate":   func(p *Plan) { p.Protocol, p.Rate = JaegerUDP, 0 },
		"nobody listens": func(p *Plan) { p.For = 100 * time.Millisecond },
	} {
		p := good
		wrong(&p)
		if _, err := Send(p); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
