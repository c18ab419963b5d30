package control

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/sampling"
)

// answering is one that has strategies from a file with rate 0.5.
func answering(t *testing.T) *Sampling {
	t.Helper()
	path := filepath.Join(t.TempDir(), "strategies.json")
	put(t, path, strategies(0.5))
	s := NewSampling(Options{Sources: []string{path}}, slog.New(slog.DiscardHandler))
	t.Cleanup(s.Close)
	return s
}

const (
	half       = `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}`
	halfLegacy = `{"strategyType":0,"probabilisticSampling":{"samplingRate":0.5}}`
	once       = "'service' parameter must be provided once\n"
	off        = "this agent has no strategies: sampling.source is not set\n"
	noBaggage  = "collector error: baggage not implemented\n"
)

func TestAnswersOverHTTP(t *testing.T) {
	on, without := answering(t), NewSampling(Options{}, slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		s              *Sampling
		method, target string
		status         int
		body           string
	}{
		{on, "GET", "/sampling?service=shop", 200, half},
		{on, "GET", "/sampling?service=", 200, half},
		{on, "GET", "/?service=shop", 200, halfLegacy},
		{on, "GET", "/sampling", 400, once},
		{on, "GET", "/?service=a&service=b", 400, once},
		{on, "GET", "/sampling?service=" + strings.Repeat("x", maxName+1), 400, "the name of the service is longer than 1 KiB\n"},
		{on, "GET", "/baggageRestrictions?service=shop", 500, noBaggage},
		{on, "GET", "/baggageRestrictions", 400, once},
		{on, "GET", "/credits?service=shop", 404, "404 page not found\n"},
		{on, "POST", "/sampling?service=shop", 405, ""},
		{on, "PUT", "/credits", 404, "404 page not found\n"},
		{without, "GET", "/sampling?service=shop", 404, off},
		{without, "GET", "/?service=shop", 404, off},
		{without, "GET", "/baggageRestrictions?service=shop", 500, noBaggage},
	} {
		w := httptest.NewRecorder()
		c.s.ServeHTTP(w, httptest.NewRequest(c.method, c.target, nil))
		kind := map[bool]string{true: "application/json", false: "text/plain; charset=utf-8"}[c.status == 200]
		if c.status == 405 {
			kind = ""
		}
		if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("Content-Type") != kind {
			t.Errorf("%s %.40s: %d %s %q", c.method, c.target, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
	want := ledger.SamplingAnswers{HTTP: ledger.SamplingCounts{Fresh: 2, Failed: 1}, Legacy: ledger.SamplingCounts{Fresh: 1}}
	if got := on.Status().Answers; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	want = ledger.SamplingAnswers{HTTP: ledger.SamplingCounts{Off: 1}, Legacy: ledger.SamplingCounts{Off: 1}}
	if got := without.Status(); got.Answers != want || got.State != ledger.SamplingNoSource {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Where a Jaeger collector answers, the paths have other names.
func TestAnswersInPlaceOfACollector(t *testing.T) {
	s := answering(t)
	for _, c := range []struct {
		path, query string
		status      int
		body        string
	}{
		{"/api/sampling", "service=a%20b", 200, half},
		{"/api/sampling", "", 400, once},
		{"/api/sampling", "service=%zz", 400, once},
		{"/api/baggageRestrictions", "service=shop", 500, noBaggage},
		{"/api/other", "service=shop", 404, "404 page not found\n"},
	} {
		if status, _, body := s.Get(c.path, c.query); status != c.status || string(body) != c.body {
			t.Errorf("%s?%s: %d %q", c.path, c.query, status, body)
		}
	}
}

func TestAnswersOverGRPC(t *testing.T) {
	s := answering(t)
	reply, err := s.Answer(sampling.Method, sampling.AppendRequest(nil, "shop"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sampling.ReadProto(reply); err != nil || string(got.JSON()) != half {
		t.Errorf("%v, %v", got, err)
	}
	without := NewSampling(Options{}, slog.New(slog.DiscardHandler))
	missing := NewSampling(Options{Sources: []string{"/nowhere/strategies.json"}}, slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		s       *Sampling
		method  string
		request string
		code    grpc.Code
	}{
		{without, sampling.Method, "", grpc.Unimplemented},
		{missing, sampling.Method, "", grpc.Unavailable},
		{s, "/other", "", grpc.Unimplemented},
		{s, sampling.Method, "\x0a\x05x", grpc.InvalidArgument},
		{s, sampling.Method, string(sampling.AppendRequest(nil, strings.Repeat("x", maxName+1))), grpc.InvalidArgument},
	} {
		_, err := c.s.Answer(c.method, []byte(c.request))
		if st, ok := errors.AsType[grpc.Status](err); !ok || st.Code != c.code || st.Message == "" {
			t.Errorf("%s %.20q: %v, want %v", c.method, c.request, err, c.code)
		}
	}
	if got := s.Status().Answers.GRPC; got != (ledger.SamplingCounts{Fresh: 1, Failed: 1}) {
		t.Errorf("%+v", got)
	}
}

// A reload that brings another source forgets what the old one said.
func TestAnotherSource(t *testing.T) {
	s := answering(t)
	status := func() int { code, _, _ := s.Get("/api/sampling", "service=shop"); return code }
	if got := status(); got != 200 {
		t.Errorf("%d", got)
	}
	s.Configure(Options{Sources: []string{"/nowhere/strategies.json"}})
	if got := status(); got != 500 {
		t.Errorf("%d", got)
	}
	s.Configure(Options{})
	if got := status(); got != 404 {
		t.Errorf("%d", got)
	}
	if got := s.Status().Answers.HTTP; got != (ledger.SamplingCounts{Fresh: 1, Failed: 1, Off: 1}) {
		t.Errorf("counts do not go on: %+v", got)
	}
	s.Refresh() // without a source: nothing
}

func TestServer(t *testing.T) {
	s, err := NewServer([]string{"127.0.0.1:0"}, nil, answering(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	res, err := http.Get("http://" + s.Addresses()[0] + "/sampling?service=shop")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != half || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%q, %v, %v", body, res.Header, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
