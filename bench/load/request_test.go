package load

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/otlpjson"
)

// Requests are what wire/otlp, which is not how they are written, reads as a
// valid request with the ids that renew says.
func TestRequestsAreValid(t *testing.T) {
	for _, p := range []Protocol{OTLPHTTP, OTLPJSON} {
		for _, spans := range []int{1, 20, 100, 400} {
			r := newRequest(p, 3, spans, time.Now())
			rng := rand.NewPCG(1, 2)
			length := len(r.bytes)
			for range 2 {
				want := r.renew(rng)
				got := r.bytes
				if p == OTLPJSON {
					var err error
					if got, err = new(otlpjson.Transcoder).Request(r.bytes); err != nil {
						t.Fatalf("%s: %v\n%s", p, err, r.bytes[:2000])
					}
				}
				n, err := otlp.Check(got)
				if err != nil || n != spans || len(r.bytes) != length {
					t.Fatalf("%s, %d spans: %d, %v; %d bytes", p, spans, n, err, len(r.bytes))
				}
				if spans >= 20 && (len(got) < 400*spans || len(got) > 430*spans) {
					t.Errorf("%d bytes for %d spans: not about 410 a span", len(got), spans)
				}
				checkIDs(t, got, want)
			}
		}
	}
}

func checkIDs(t *testing.T, request []byte, want uint64) {
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
			t.Errorf("span %d: trace %x, id %x, parent %x", i, s.TraceID, s.SpanID, s.Parent)
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
		if attributes != 10 || events != 1 || string(s.Name) != spanName || string(s.Service()) != "shop-service-03" {
			t.Errorf("span %d: %d attributes, %d events, %q of %q", i, attributes, events, s.Name, s.Service())
		}
		i++
	}
	if sum != want {
		t.Errorf("ids sum up to %x, renew says %x", sum, want)
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
