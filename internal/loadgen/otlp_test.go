package loadgen

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/otlpjson"
)

// fakeAgent takes what is sent to it, or answers something else.
type fakeAgent struct {
	t      *testing.T
	server *httptest.Server
	// answer, if there is one, answers the n-th request, from 1; it returns
	// false where that is to be accepted.
	answer func(n int, w http.ResponseWriter) bool

	mu       sync.Mutex
	requests int
	accepted Report
	services map[string]bool
}

func newFakeAgent(t *testing.T) *fakeAgent {
	f := &fakeAgent{t: t, services: map[string]bool{}}
	f.server = httptest.NewUnstartedServer(f)
	f.server.Config.Protocols = new(http.Protocols)
	f.server.Config.Protocols.SetHTTP1(true)
	f.server.Config.Protocols.SetUnencryptedHTTP2(true)
	f.server.Start()
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeAgent) address() string { return strings.TrimPrefix(f.server.URL, "http://") }

func (f *fakeAgent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it went away
	}
	path := "/v1/traces"
	size := len(body)
	switch r.Header.Get("Content-Type") {
	case grpc.ContentType:
		path = grpc.TracePath
		if body, _, err = grpc.ReadMessage(body); err != nil {
			f.t.Error(err)
		}
		size = len(body)
	case "application/json":
		if body, err = new(otlpjson.Transcoder).Request(body); err != nil {
			f.t.Error(err)
		}
	}
	if r.URL.Path != path || r.Method != http.MethodPost {
		f.t.Errorf("%s %s", r.Method, r.URL.Path)
	}
	spans, err := otlp.Check(body)
	if err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	if f.answer != nil && f.answer(f.requests, w) {
		return
	}
	f.accepted.Packets++
	f.accepted.Spans += uint64(spans)
	f.accepted.Bytes += uint64(size)
	for s := range otlp.Spans(body) {
		f.services[string(s.Service())] = true
	}
	if path == grpc.TracePath {
		succeed(w, nil)
	}
}

// succeed ends a call with the status OK.
func succeed(w http.ResponseWriter, message []byte) {
	_, _ = w.Write(append(grpc.AppendPrefix(nil, false, len(message)), message...))
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
}

// refuse ends a call with another status and nothing else.
func refuse(w http.ResponseWriter, s grpc.Status) {
	w.Header().Set("Grpc-Status", strconv.Itoa(int(s.Code)))
	w.Header().Set("Grpc-Message", grpc.EncodeMessage(s.Message))
	if d := s.Details(); d != "" {
		w.Header().Set("Grpc-Status-Details-Bin", d)
	}
}

func overOTLP(to string, p Protocol) Options {
	o := options(to)
	o.Protocol = p
	return o
}

func run(t *testing.T, o Options) Report {
	t.Helper()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g.Run(t.Context(), quietly)
}

// What was accepted is what the report says.
func TestSendOTLP(t *testing.T) {
	t.Parallel()
	for _, p := range []Protocol{OTLPGRPC, OTLPHTTP, OTLPJSON} {
		f := newFakeAgent(t)
		r := run(t, overOTLP(f.address(), p))
		if r.Spans == 0 || r.Traces == 0 || r.Spans != f.accepted.Spans || r.Packets != f.accepted.Packets || r.Bytes != f.accepted.Bytes ||
			r.Lost()+r.Again != 0 || r.Error != "" {
			t.Errorf("%v: report %+v, agent %+v", p, r, f.accepted)
		}
		if len(f.services) != int(shop.Services) {
			t.Errorf("%v: services %v", p, f.services)
		}
	}
}

// The JSON says what the protobuf says: what is made of it has the same length,
// and as JSON the same text. Only the order of fields may differ.
func TestJSON(t *testing.T) {
	s := shop.New(3, int(shop.Services))
	var enc encoder
	process := jaegerthrift.Process{ServiceName: "checkout", Tags: append(sdk(shop.Checkout), shop.Checkout.Tags()...)}
	seen := 0
	for range 200 {
		var spans []jaegerthrift.Span
		for _, sp := range s.Trace(time.Now()) {
			spans = append(spans, sp.Span)
		}
		want, err := enc.encode(OTLPHTTP, &process, spans)
		if err != nil {
			t.Fatal(err)
		}
		want = bytes.Clone(want)
		text, err := enc.encode(OTLPJSON, &process, spans)
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(otlpjson.Transcoder).Request(text)
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		if again := appendJSON(nil, got); len(got) != len(want) || !bytes.Equal(again, text) {
			t.Fatalf("%d bytes, want %d;\ngot  %s\nwant %s", len(got), len(want), again, text)
		}
		for sp := range otlp.Spans(got) {
			if sp.TraceID[0]|sp.TraceID[1]|sp.TraceID[2]|sp.TraceID[3] == 0 {
				t.Errorf("trace id %x has no upper half", sp.TraceID)
			}
			for l := range sp.Links() {
				if l.TraceID != sp.TraceID {
					t.Errorf("a link leads to trace %x from %x", l.TraceID, sp.TraceID)
				}
				seen++
			}
		}
	}
	if seen == 0 {
		t.Error("no span had a link")
	}
}

// What the agent asks to be sent later is sent later, and then accepted.
func TestAgain(t *testing.T) {
	for name, c := range map[string]struct {
		protocol Protocol
		answer   func(http.ResponseWriter)
	}{
		"RESOURCE_EXHAUSTED with a delay": {OTLPGRPC, func(w http.ResponseWriter) {
			refuse(w, grpc.Status{Code: grpc.ResourceExhausted, Message: "full", RetryDelay: 300 * time.Millisecond})
		}},
		"UNAVAILABLE": {OTLPGRPC, func(w http.ResponseWriter) { refuse(w, grpc.Status{Code: grpc.Unavailable, Message: "full"}) }},
		"429 with a delay": {OTLPHTTP, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
		}},
		"503": {OTLPJSON, func(w http.ResponseWriter) { w.WriteHeader(503) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAgent(t)
			f.answer = func(n int, w http.ResponseWriter) bool {
				if n <= 2 {
					c.answer(w)
				}
				return n <= 2
			}
			o := overOTLP(f.address(), c.protocol)
			o.Duration = 2 * time.Second
			r := run(t, o)
			if r.Again != 2 || r.Lost() != 0 || r.Spans == 0 || r.Spans != f.accepted.Spans {
				t.Errorf("report %+v, agent %+v", r, f.accepted)
			}
		})
	}
}

// A client that is told to wait keeps what its queue holds, and says what it
// dropped; at the end it says what was not taken.
func TestAgentHasNoRoom(t *testing.T) {
	t.Parallel()
	f := newFakeAgent(t)
	f.answer = func(_ int, w http.ResponseWriter) bool {
		refuse(w, grpc.Status{Code: grpc.ResourceExhausted, Message: "no room", RetryDelay: 30 * time.Second})
		return true
	}
	o := overOTLP(f.address(), OTLPGRPC)
	o.Services, o.Rate, o.Duration = 1, 10_000, 1500*time.Millisecond
	r := run(t, o)
	if r.Spans != 0 || r.Failed != maxQueue+maxExport || r.Dropped == 0 || r.Refused != 0 || !strings.Contains(r.Error, "no room") {
		t.Errorf("%+v", r)
	}
	if f.requests != 1 {
		t.Errorf("%d requests although it was told to wait for 30 s", f.requests)
	}
}

func TestRefusedForGood(t *testing.T) {
	for name, c := range map[string]struct {
		protocol Protocol
		answer   func(http.ResponseWriter)
		says     string
	}{
		"INVALID_ARGUMENT": {OTLPGRPC, func(w http.ResponseWriter) {
			refuse(w, grpc.Status{Code: grpc.InvalidArgument, Message: "what?"})
		}, "INVALID_ARGUMENT: what?"},
		"RESOURCE_EXHAUSTED, no delay": {OTLPGRPC, func(w http.ResponseWriter) { refuse(w, grpc.Status{Code: grpc.ResourceExhausted}) }, "RESOURCE_EXHAUSTED"},
		"no gRPC":                      {OTLPGRPC, func(w http.ResponseWriter) { w.WriteHeader(404) }, "404 Not Found, and no gRPC status"},
		"400": {OTLPHTTP, func(w http.ResponseWriter) {
			w.WriteHeader(400)
			_, _ = w.Write(grpc.Status{Code: grpc.InvalidArgument, Message: "what?"}.AppendProto(nil))
		}, "400 Bad Request: what?"},
		"400, JSON": {OTLPJSON, func(w http.ResponseWriter) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"code":3,"message":"what?"}`)
		}, "400 Bad Request: what?"},
		"a redirect": {OTLPHTTP, func(w http.ResponseWriter) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(307)
		}, "307"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAgent(t)
			f.answer = func(_ int, w http.ResponseWriter) bool { c.answer(w); return true }
			o := overOTLP(f.address(), c.protocol)
			o.Duration = 100 * time.Millisecond
			r := run(t, o)
			if r.Spans != 0 || r.Refused == 0 || r.Failed+r.Again != 0 || !strings.Contains(r.Error, c.says) {
				t.Errorf("%+v, want %q", r, c.says)
			}
		})
	}
}

// A request that was accepted without some of its spans.
func TestPartialSuccess(t *testing.T) {
	t.Parallel()
	for p, answer := range map[Protocol]func(http.ResponseWriter){
		OTLPGRPC: func(w http.ResponseWriter) {
			succeed(w, grpc.AppendTraceResponse(nil, grpc.PartialSuccess{Rejected: 2, Message: "old"}))
		},
		OTLPHTTP: func(w http.ResponseWriter) {
			_, _ = w.Write(grpc.AppendTraceResponse(nil, grpc.PartialSuccess{Rejected: 2, Message: "old"}))
		},
		OTLPJSON: func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"partialSuccess":{"rejectedSpans":"2","errorMessage":"old"}}`)
		},
	} {
		f := newFakeAgent(t)
		f.answer = func(n int, w http.ResponseWriter) bool { answer(w); return true }
		o := overOTLP(f.address(), p)
		o.Services, o.Duration = 1, 100*time.Millisecond
		r := run(t, o)
		if r.Spans == 0 || r.Packets == 0 || r.Refused != 2*r.Packets || r.Error != "rejected: old" {
			t.Errorf("%v: %+v", p, r)
		}
	}
}

func TestNobodyListensOTLP(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := l.Addr().String()
	l.Close()
	o := overOTLP(to, OTLPHTTP)
	o.Duration = 1200 * time.Millisecond
	var before Report
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := g.Run(t.Context(), func(r Report) { before = r })
	if r.Spans != 0 || r.Failed == 0 || !strings.Contains(r.Error, "refused") || !before.Absent {
		t.Errorf("%+v, before %+v", r, before)
	}
}

func TestStopsOTLP(t *testing.T) {
	f := newFakeAgent(t)
	o := overOTLP(f.address(), OTLPGRPC)
	o.Duration = 0
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.Run(ctx, quietly); r.Spans == 0 || r.Spans != f.accepted.Spans || r.Lost() != 0 {
		t.Errorf("%+v", r)
	}
}

func TestWrongAddressOTLP(t *testing.T) {
	for _, to := range []string{"no port", "http://127.0.0.1:4318"} {
		if _, err := New(overOTLP(to, OTLPHTTP)); err == nil {
			t.Errorf("%s: no error", to)
		}
	}
}
