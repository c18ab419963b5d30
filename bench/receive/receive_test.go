package receive

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

const (
	export    = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
	postSpans = "/jaeger.api_v2.CollectorService/PostSpans"
)

// request has spans with the ids 1 to n, nested as path says.
func request(path []uint64, n int) []byte {
	var b otlp.Builder
	var marks []otlp.Mark
	for _, field := range path[:len(path)-1] {
		b.Varint(15, 7) // neighbours that are no spans
		marks = append(marks, b.Open(int(field), 100))
	}
	for id := range n {
		span := b.Open(int(path[len(path)-1]), 30)
		b.Blob(1, make([]byte, 16))
		b.Blob(spanIDField, binary.BigEndian.AppendUint64(nil, uint64(id+1)))
		b.Fixed64(7, 1)
		b.Close(span)
	}
	for i := len(marks) - 1; i >= 0; i-- {
		b.Close(marks[i])
	}
	return b.Bytes()
}

func serve(t *testing.T) (*Server, string, *http.Client) {
	s := new(Server)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := s.HTTP()
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return s, "http://" + listener.Addr().String(), &http.Client{Transport: &http.Transport{Protocols: &protocols}}
}

// call makes a unary call and returns its status, which is in the headers or the trailers.
func call(t *testing.T, c *http.Client, url string, compressed byte, message []byte) string {
	t.Helper()
	body := append([]byte{compressed}, binary.BigEndian.AppendUint32(nil, uint32(len(message)))...)
	answer, err := c.Post(url, "application/grpc", bytes.NewReader(append(body, message...)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.Header.Get("Grpc-Status") + answer.Trailer.Get("Grpc-Status")
}

func TestCountsBothProtocols(t *testing.T) {
	s, url, client := serve(t)
	big := request(otlpPath, 20_000) // larger than a frame, a window and the first buffer
	if len(big) < 512<<10 {
		t.Fatalf("only %d bytes", len(big))
	}
	for _, status := range []string{
		call(t, client, url+export, 0, big),
		call(t, client, url+postSpans, 0, request(jaegerPath, 3)),
		call(t, client, url+export, 0, nil),
	} {
		if status != "0" {
			t.Errorf("status %q", status)
		}
	}
	want := Counts{Spans: 20_003, IDSum: 20_000*20_001/2 + 6, Requests: 3, Bytes: uint64(len(big) + len(request(jaegerPath, 3)))}
	if got := s.Counts(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRefuses(t *testing.T) {
	good := request(otlpPath, 2)
	for name, c := range map[string]struct {
		path       string
		compressed byte
		message    []byte
		status     string
	}{
		"an unknown method": {"/a.b/C", 0, good, "12"},
		"compression":       {export, 1, good, "12"}, // and nobody says which
		"a truncated span":  {export, 0, good[:len(good)-1], "3"},
		"a span without id": {postSpans, 0, []byte{0x0a, 2, 0x0a, 0}, "3"},
		"over 64 MiB":       {export, 0, make([]byte, maxMessage+1), "8"},
	} {
		t.Run(name, func(t *testing.T) {
			s, url, client := serve(t)
			if got := call(t, client, url+c.path, c.compressed, c.message); got != c.status {
				t.Errorf("status %q, want %q", got, c.status)
			}
			if got := s.Counts(); got.Spans != 0 || got.Refused != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// packed is a message in an encoding.
func packed(t *testing.T, encoding string, message []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "zstd":
		w, err = zstd.NewWriter(&out)
	default:
		return message
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(message); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Only what is compressed as it should be is taken, by gRPC and by HTTP; what came
// in is counted, not what it was before.
func TestCompressed(t *testing.T) {
	message := request(otlpPath, 5_000)
	for _, wanted := range []string{"", "gzip", "zstd"} {
		for _, sent := range []string{"", "gzip", "zstd"} {
			s, url, client := serve(t)
			s.Encoding = wanted
			body := packed(t, sent, message)
			compressed := min(1, byte(len(sent)))
			for _, path := range []string{export, "/v1/traces"} {
				before := s.Counts()
				framed := body
				if path == export {
					framed = append(append([]byte{compressed}, binary.BigEndian.AppendUint32(nil, uint32(len(body)))...), body...)
				}
				r, err := http.NewRequest(http.MethodPost, url+path, bytes.NewReader(framed))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Grpc-Encoding", sent)
				r.Header.Set("Content-Encoding", sent)
				for range 2 { // the second time with the buffers of the first
					r.Body, _ = r.GetBody()
					answer, err := client.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
				}
				want := Counts{Refused: 2}
				if sent == wanted {
					want = Counts{Spans: 10_000, IDSum: 5_000 * 5_001, Requests: 2, Bytes: 2 * uint64(len(body))}
				}
				want.Spans, want.IDSum, want.Requests = want.Spans+before.Spans, want.IDSum+before.IDSum, want.Requests+before.Requests
				want.Bytes, want.Refused = want.Bytes+before.Bytes, want.Refused+before.Refused
				if got := s.Counts(); got != want {
					t.Errorf("%q, wanted %q, %s: %+v, want %+v", sent, wanted, path, got, want)
				}
			}
		}
	}
}

func TestRefusesHTTP(t *testing.T) {
	s, url, client := serve(t)
	for n, c := range []struct {
		body   io.Reader
		status int
	}{
		{bytes.NewReader([]byte{0x0a}), http.StatusBadRequest},
		{io.LimitReader(nil, 0), http.StatusRequestEntityTooLarge}, // no length is told
	} {
		answer, err := client.Post(url+"/v1/traces", "application/x-protobuf", c.body)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if got := s.Counts(); answer.StatusCode != c.status || got.Refused != uint64(n+1) || got.Requests != 0 {
			t.Errorf("%s, %+v", answer.Status, got)
		}
	}
}

// A receiver that is away refuses, counts no span, and takes them when it is back.
func TestAway(t *testing.T) {
	s, url, client := serve(t)
	message := request(otlpPath, 3)
	for _, c := range []struct{ path, status string }{{"/away", "14"}, {"/back", "0"}} {
		answer, err := http.Get(url + c.path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if got := call(t, client, url+export, 0, message); got != c.status {
			t.Errorf("after %s: status %s, want %s", c.path, got, c.status)
		}
	}
	if got := s.Counts(); got.Spans != 3 || got.Refused != 1 || got.Requests != 1 {
		t.Errorf("%+v", got)
	}
}
