package load

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/jaegerproto"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/otlpjson"
	"github.com/wayside-tracing/wayside/wire/zipkin"
)

// otlpOf is what the agent makes of a request, each by the codec of its protocol.
func otlpOf(t *testing.T, p Protocol, request []byte) (frames []byte) {
	t.Helper()
	put := func(frame []byte, _ int) error { frames = append(frames, frame...); return nil }
	var err error
	switch p {
	case OTLPGRPC, OTLPHTTP:
		return request
	case OTLPJSON:
		frames, err = new(otlpjson.Transcoder).Request(request)
	case JaegerGRPC:
		_, err = new(jaegerproto.Transcoder).Request(request, put)
	case JaegerHTTP:
		_, err = new(jaegerthrift.Transcoder).Batch(request, put)
	case ZipkinJSON:
		_, err = new(zipkin.Transcoder).JSON2(request, put)
	case ZipkinProtobuf:
		_, err = new(zipkin.Transcoder).Protobuf(request, put)
	default:
		t.Fatalf("nobody reads %s", p)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%q", p, err, request[:min(len(request), 2000)])
	}
	return frames
}

// Requests are what the agent's codecs, which are not how they are written, read
// as valid requests with the ids that renew says.
func TestRequestsAreValid(t *testing.T) {
	for p, form := range forms {
		for _, spans := range []int{1, 20, 100, 400} {
			r := form.new(3, spans, time.Now())
			rng := rand.NewPCG(1, 2)
			length := len(r.bytes)
			for range 2 {
				want := r.renew(rng)
				got := otlpOf(t, p, r.bytes)
				n, err := otlp.Check(got)
				if err != nil || n != spans || len(r.bytes) != length {
					t.Fatalf("%s, %d spans: %d, %v; %d bytes", p, spans, n, err, len(r.bytes))
				}
				if spans >= 20 && (len(got) < 370*spans || len(got) > 450*spans) {
					t.Errorf("%s: %d bytes for %d spans: not about 410 a span", p, len(got), spans)
				}
				checkIDs(t, p, got, want)
			}
		}
	}
}

// attributesOf is how many a span has in the end. Of the ten tags of Jaeger's
// clients, one is its kind; Zipkin's endpoint adds an address and a port in
// version 2.
func attributesOf(p Protocol) int {
	switch p {
	case JaegerUDP, JaegerHTTP:
		return 9
	case ZipkinJSON, ZipkinProtobuf:
		return 12
	}
	return 10
}

func checkIDs(t *testing.T, p Protocol, request []byte, want uint64) {
	t.Helper()
	var sum, root uint64
	var trace [16]byte
	seen := map[[8]byte]bool{}
	i := 0
	for s := range otlp.Spans(request) {
		if i%spansPerTrace == 0 {
			trace, root = s.TraceID, binary.BigEndian.Uint64(s.SpanID[:])
		}
		parent := binary.BigEndian.Uint64(s.Parent[:])
		if s.TraceID != trace || seen[s.SpanID] || (parent == root) != (i%spansPerTrace != 0) {
			t.Errorf("%s, span %d: trace %x, id %x, parent %x", p, i, s.TraceID, s.SpanID, s.Parent)
		}
		seen[s.SpanID] = true
		sum += binary.BigEndian.Uint64(s.SpanID[:])
		attributes, events := 0, 0
		for range s.Attributes.All() {
			attributes++
		}
		for range s.Events() {
			events++
		}
		if attributes != attributesOf(p) || events != 1 || string(s.Name) != spanName || string(s.Service()) != "shop-service-03" {
			t.Errorf("%s, span %d: %d attributes, %d events, %q of %q", p, i, attributes, events, s.Name, s.Service())
		}
		i++
	}
	if sum != want {
		t.Errorf("%s: ids sum up to %x, renew says %x", p, sum, want)
	}
}

// The JSON says what the protobuf says.
func TestJSONIsTheSame(t *testing.T) {
	now := time.Now()
	binary, text := newProtobuf(2, 20, now), newJSON(2, 20, now)
	if a, b := binary.renew(rand.NewPCG(5, 6)), text.renew(rand.NewPCG(5, 6)); a != b {
		t.Errorf("ids sum up to %x and %x", a, b)
	}
	got, err := new(otlpjson.Transcoder).Request(text.bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, binary.bytes) {
		t.Errorf("got  %x\nwant %x", got[:900], binary.bytes[:900])
	}
}

// Zipkin's JSON says what its protobuf says.
func TestZipkinIsTheSame(t *testing.T) {
	now := time.Now()
	text, binary := newZipkinJSON(2, 20, now), newZipkinProtobuf(2, 20, now)
	if a, b := text.renew(rand.NewPCG(5, 6)), binary.renew(rand.NewPCG(5, 6)); a != b {
		t.Errorf("ids sum up to %x and %x", a, b)
	}
	if a, b := otlpOf(t, ZipkinJSON, text.bytes), otlpOf(t, ZipkinProtobuf, binary.bytes); !bytes.Equal(a, b) {
		t.Errorf("JSON     %q\nprotobuf %q", a[:900], b[:900])
	}
}

// A Zipkin packet is what the agent reads, with the ids that renew says, and all
// are of one length.
func TestZipkinPackets(t *testing.T) {
	rng := rand.NewPCG(1, 2)
	all := zipkinPackets(time.Now())
	for range 2 {
		want := all[3].renew(rng)
		res, err := new(zipkin.Transcoder).Datagram(all[3].bytes, nil)
		if err != nil || len(res.Frames) != 1 || res.Spans != SpansPerPacket || len(all[3].bytes) != len(all[0].bytes) {
			t.Fatalf("%+v, %v, %d bytes", res, err, len(all[3].bytes))
		}
		checkIDs(t, ZipkinUDP, res.Frames[0].Bytes, want)
	}
}
