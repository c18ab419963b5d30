package accept

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// What a client sends, one span each; the Thrift and the protobuf are written by the code that their compilers generate.
const (
	zipkinJSON1    = `[{"traceId":"1","id":"2","name":"get","timestamp":5,"duration":3}]`
	zipkinJSON2    = `[{"traceId":"1","id":"2","name":"get","timestamp":5,"duration":3,"localEndpoint":{"serviceName":"shop"}}]`
	zipkinThrift   = "0c000000010a000100000000000000010b0003000000036765740a000400000000000000030f00060c000000000f00080c0000000000"
	zipkinProtobuf = "0a3e0a10000000000000000000000000000000011a08000000000000000720022a026f7031809698000000000038c0843d42050a037376635a060a016b120176"
	// emitZipkinBatch of one span, in compact.
	zipkinPacket = "8281070f656d69745a69706b696e4261746368191c16022803676574160619" + "0c290c0000"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// postTo sends a body to a path, and returns the answer's status, headers and body.
func (s *served) postTo(path, contentType, encoding string, body []byte, over *http.Transport) (int, http.Header, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	res, err := over.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

func TestZipkin(t *testing.T) {
	thrift, protobuf := unhex(t, zipkinThrift), unhex(t, zipkinProtobuf)
	for name, c := range map[string]struct {
		path, contentType string
		body              []byte
		want              int
	}{
		"v2 json":             {"/api/v2/spans", "application/json", []byte(zipkinJSON2), 202},
		"with a charset":      {"/api/v2/spans", "application/json; charset=utf-8", []byte(zipkinJSON2), 202},
		"with no type":        {"/api/v2/spans", "", []byte(zipkinJSON2), 202},
		"with curl's type":    {"/api/v1/spans?x=y", "application/x-www-form-urlencoded", []byte(zipkinJSON1), 202},
		"v2 protobuf":         {"/api/v2/spans", "application/x-protobuf", protobuf, 202},
		"v1 json":             {"/api/v1/spans", "application/json", []byte(zipkinJSON1), 202},
		"v1 thrift":           {"/api/v1/spans", "application/x-thrift", thrift, 202},
		"v1 thrift by name":   {"/api/v1/spans", "application/vnd.apache.thrift.binary", thrift, 202},
		"v2 thrift":           {"/api/v2/spans", "application/x-thrift", thrift, 415},
		"v1 protobuf":         {"/api/v1/spans", "application/x-protobuf", protobuf, 415},
		"no JSON":             {"/api/v2/spans", "application/json", []byte("[{"), 400},
		"no list":             {"/api/v1/spans", "application/json", []byte("{}"), 400},
		"no protobuf":         {"/api/v2/spans", "application/x-protobuf", protobuf[:9], 400},
		"no thrift":           {"/api/v1/spans", "application/x-thrift", thrift[:9], 400},
		"over 4 MiB":          {"/api/v2/spans", "application/json", bytes.Repeat([]byte(" "), 4<<20+1), 413},
		"another path":        {"/api/v3/spans", "application/json", []byte(zipkinJSON2), 404},
		"OpenTelemetry's":     {"/v1/traces", "application/json", []byte("{}"), 404},
		"Jaeger's":            {"/api/traces", "application/x-thrift", thrift, 404},
		"a list of no spans":  {"/api/v2/spans", "application/json", []byte("[]"), 202},
		"a very deep value":   {"/api/v2/spans", "application/json", bytes.Repeat([]byte("["), 1<<20), 400},
		"a very long number":  {"/api/v2/spans", "application/json", []byte("[" + strings.Repeat("1", 3<<20) + "]"), 202},
		"a protobuf of zeros": {"/api/v2/spans", "application/x-protobuf", make([]byte, 1<<20), 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveAs(t, "zipkin.http", "127.0.0.1:0", Options{}, nil)
			taken := uint64(0)
			for _, over := range []*http.Transport{s.h1, s.h2} {
				for _, encoding := range []string{"", "gzip"} {
					body := c.body
					if encoding != "" {
						body = gzipped(body)
					}
					status, _, text := s.postTo(c.path, c.contentType, encoding, body, over)
					if status != c.want {
						t.Errorf("%d, %q; want %d", status, text, c.want)
					}
					if status == http.StatusAccepted {
						taken++
						if text != "" {
							t.Errorf("a body: %q", text)
						}
					} else if text == "" {
						t.Error("no reason is given")
					}
				}
			}
			s.stop()
			spans := taken
			if name == "a list of no spans" {
				spans = 0
			}
			invalid := uint64(0)
			if name == "a very long number" {
				spans, invalid = 0, taken
			}
			a := s.lane.copy()
			if a.Accepted != spans || a.Dropped[ledger.Invalid] != invalid || s.Status().Requests.Sum() != taken {
				t.Errorf("%d requests: %+v", taken, a)
			}
		})
	}
}

// One bad span is left out and counted, and the others are taken.
func TestZipkinBadSpan(t *testing.T) {
	s := serveAs(t, "zipkin.http", "127.0.0.1:0", Options{}, nil)
	body := `[` + zipkinJSON2[1:len(zipkinJSON2)-1] + `,{"traceId":"0","id":"1"},{"traceId":5,"id":"1"}]`
	if status, _, text := s.postTo("/api/v2/spans", "application/json", "", []byte(body), s.h1); status != http.StatusAccepted {
		t.Errorf("%d, %q", status, text)
	}
	s.stop()
	if a := s.lane.copy(); a.Accepted != 1 || a.Dropped[ledger.Invalid] != 2 {
		t.Errorf("%+v", a)
	}
}

// A full buffer is told, with when to come again.
func TestZipkinFull(t *testing.T) {
	s := serveAs(t, "zipkin.http", "127.0.0.1:0", Options{}, nil)
	s.lane.err = ledger.Refused{Reason: ledger.QueueFull}
	for _, body := range []string{zipkinJSON2, zipkinJSON2 + strings.Repeat(" ", 1<<20)} {
		status, header, text := s.postTo("/api/v2/spans", "application/json", "", []byte(body), s.h1)
		if status != http.StatusTooManyRequests || header.Get("Retry-After") == "" || !strings.Contains(text, "full") {
			t.Errorf("%d, %v, %q", status, header, text)
		}
	}
	s.stop()
	if a := s.lane.copy(); a.Accepted != 0 || a.Refused[ledger.QueueFull] != 2 {
		t.Errorf("%+v", a)
	}
}

// A request that makes several frames enters whole.
func TestZipkinLargeRequest(t *testing.T) {
	s := serveAs(t, "zipkin.http", "127.0.0.1:0", Options{}, nil)
	one := strings.Replace(zipkinJSON2[1:len(zipkinJSON2)-1], "get", strings.Repeat("x", 1000), 1)
	body := "[" + strings.Repeat(one+",", 2000) + one + "]"
	if status, _, text := s.postTo("/api/v2/spans", "application/json", "gzip", gzipped([]byte(body)), s.h2); status != http.StatusAccepted {
		t.Errorf("%d, %q", status, text)
	}
	s.stop()
	if a := s.lane.copy(); a.Accepted != 2001 || s.lane.frames < 4 {
		t.Errorf("%d frames: %+v", s.lane.frames, a)
	}
}

func TestZipkinHealth(t *testing.T) {
	s := serveAs(t, "zipkin.http", "127.0.0.1:0", Options{}, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/health", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.h1.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK || string(body) != `{"status":"UP"}` {
		t.Errorf("%d, %q", res.StatusCode, body)
	}
}

// Every port of the Jaeger Agent takes Zipkin's message as well.
func TestZipkinPacket(t *testing.T) {
	lane := &fakeLane{t: t}
	_, conn, stop := start(t, lane)
	send(t, conn, unhex(t, zipkinPacket))
	send(t, conn, unhex(t, "8221070f656d69745a69706b696e4261746368190c00"))      // of no spans
	send(t, conn, unhex(t, "8281070f656d69745a69706b696e4261746368191c00"+"00")) // of an empty span
	stop()
	if a := lane.copy(); a.Accepted != 1 || lane.frames != 1 || a.Dropped[ledger.Invalid] != 1 || a.Refused != (ledger.Refusals{}) {
		t.Errorf("%d frames: %+v", lane.frames, a)
	}
}
