package accept

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// echo answers questions with what they ask. It holds those that ask it to wait
// until as many are there as it wants.
type echo struct{ together sync.WaitGroup }

func (e *echo) Answer(method string, request []byte) ([]byte, error) {
	switch string(request) {
	case "unknown":
		return nil, grpc.Status{Code: grpc.NotFound, Message: "no such service"}
	case "away":
		return nil, errors.New("the source is away")
	case "wait":
		e.together.Done()
		e.together.Wait()
	}
	return append([]byte(method+" "), request...), nil
}

func (e *echo) Get(path, query string) (status int, mediaType string, body []byte) {
	return http.StatusTeapot, "text/x-echo", []byte(path + " " + query)
}

// askGRPC makes a call of a method, and returns the reply.
func (s *served) askGRPC(method, message string) (string, grpc.Status) {
	s.t.Helper()
	r, err := newCall(s, bytes.NewReader(framed(false, []byte(message))))
	if err != nil {
		s.t.Fatal(err)
	}
	r.URL.Path = method
	res, err := s.h2.RoundTrip(r)
	if err != nil {
		s.t.Error(err)
		return "", grpc.Status{}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Error(err)
	}
	h := res.Trailer
	if res.Header.Get("Grpc-Status") != "" {
		h = res.Header
	}
	st := grpc.ParseStatus(h.Get("Grpc-Status"), h.Get("Grpc-Message"), "")
	if st.Code != grpc.OK {
		return "", st
	}
	if len(answer) < grpc.PrefixLen || !bytes.HasPrefix(answer, grpc.AppendPrefix(nil, false, len(answer)-grpc.PrefixLen)) {
		s.t.Errorf("no message: %q", answer)
		return "", st
	}
	return string(answer[grpc.PrefixLen:]), st
}

func TestQuestionsOverGRPC(t *testing.T) {
	s := serveAs(t, "jaeger.grpc", "127.0.0.1:0", Options{}, new(echo))
	if got, st := s.askGRPC(samplingMethod, "shop"); got != samplingMethod+" shop" || st.Code != grpc.OK {
		t.Errorf("%q %v", got, st)
	}
	long := strings.Repeat("long", 10_000)
	if got, st := s.askGRPC(samplingMethod, long); got != samplingMethod+" "+long {
		t.Errorf("%d bytes, %v", len(got), st)
	}
	if _, st := s.askGRPC(samplingMethod, "unknown"); st.Code != grpc.NotFound || st.Message != "no such service" {
		t.Errorf("%v", st)
	}
	if _, st := s.askGRPC(samplingMethod, "away"); st.Code != grpc.Unavailable || st.Message != "the source is away" {
		t.Errorf("%v", st)
	}
	s.refused("questions", ledger.Refusals{})
	if _, st := s.askGRPC("/jaeger.api_v2.BaggageManager/Get", ""); st.Code != grpc.Unimplemented {
		t.Errorf("%v", st)
	}
	s.refused("a method that nobody has", ledger.Refusals{ledger.Unimplemented: 1})
	if st := s.Status(); st.Requests.Sum() != 0 {
		t.Errorf("questions are counted as requests that brought spans: %+v", st)
	}
}

// Questions that wait, on one connection, do not keep each other from being asked.
func TestQuestionsWaitTogether(t *testing.T) {
	const n = 5
	var e echo
	e.together.Add(n)
	s := serveAs(t, "jaeger.grpc", "127.0.0.1:0", Options{}, &e)
	var asked sync.WaitGroup
	for range n {
		asked.Go(func() {
			if got, st := s.askGRPC(samplingMethod, "wait"); got != samplingMethod+" wait" {
				t.Errorf("%q %v", got, st)
			}
		})
	}
	asked.Wait()
}

func TestQuestionsOverHTTP(t *testing.T) {
	s := serveAs(t, "jaeger.http", "127.0.0.1:0", Options{}, new(echo))
	for _, over := range []*http.Transport{s.h1, s.h2} {
		s.h1 = over
		status, h, body := s.post(http.NoBody, "method", "GET", "path", samplingPath, "query", "service=a%20b")
		if status != http.StatusTeapot || body != samplingPath+" service=a%20b" || h.Get("Content-Type") != "text/x-echo" {
			t.Errorf("%d %q %v", status, body, h)
		}
		if status, h, _ := s.post(strings.NewReader("x"), "path", samplingPath); status != 405 || h.Get("Allow") != "GET" {
			t.Errorf("%d %v", status, h)
		}
	}
	s.refused("questions", ledger.Refusals{})
}

// Nobody answers where there is nobody to.
func TestQuestionsWithoutAnswers(t *testing.T) {
	s := serveAs(t, "jaeger.grpc", "127.0.0.1:0", Options{}, nil)
	if _, st := s.askGRPC(samplingMethod, "shop"); st.Code != grpc.Unimplemented {
		t.Errorf("%v", st)
	}
	s = serveAs(t, "jaeger.http", "127.0.0.1:0", Options{}, nil)
	if status, _, _ := s.post(http.NoBody, "method", "GET", "path", samplingPath); status != 404 {
		t.Error(status)
	}
}

// What is for one sort of listener is not taken on another.
func TestServicesOfAListener(t *testing.T) {
	for source, path := range map[string]string{
		"jaeger.grpc": tracesPath, "jaeger.http": tracesPath, "otlp.http": samplingPath,
	} {
		s := serveAs(t, source, "127.0.0.1:0", Options{}, new(echo))
		if status, _, body := s.post(bytes.NewReader(request(1, 1)), "path", path); status != 404 {
			t.Errorf("%s: %s: %d %s", source, path, status, body)
		}
	}
	for _, source := range []string{"jaeger.grpc", "jaeger.http"} {
		s := serveAs(t, source, "127.0.0.1:0", Options{}, new(echo))
		if st, _ := s.call(bytes.NewReader(framed(false, request(1, 1))), nil); st.Code != grpc.Unimplemented {
			t.Errorf("%s: OTLP: %v", source, st)
		}
	}
}
