package deliver

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/jaegerproto"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

// posted reads a request and returns the message in it and the numbers of its
// spans.
func posted(t *testing.T, r *http.Request) (post []byte, spans []int) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	post, compressed, err := grpc.ReadMessage(body)
	if err == nil && compressed {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(post)); err == nil {
			post, err = io.ReadAll(z)
		}
	}
	if err != nil {
		t.Error(err)
	}
	for batch := range otlp.Fields(post) {
		for span := range otlp.Fields(batch.Data) {
			for f := range otlp.Fields(span.Data) {
				if f.Number == 2 {
					spans = append(spans, int(binary.BigEndian.Uint64(f.Data))-1)
				}
			}
		}
	}
	return post, spans
}

func TestPostOnTheWire(t *testing.T) {
	for _, compression := range []Compression{Uncompressed, Gzip} {
		address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/jaeger.api_v2.CollectorService/PostSpans" || r.Header.Get("Grpc-Encoding") != string(compression) {
				t.Errorf("%s %q", r.URL.Path, r.Header)
			}
			var e jaegerproto.Encoder
			want, _ := e.Encode([][]byte{frame(0, 10), frame(10, 30)}, 1<<20)
			if post, _ := posted(t, r); !bytes.Equal(post, want) {
				t.Errorf("another request than the encoder's")
			}
			reply(w, grpc.PartialSuccess{})
		})
		j := NewJaeger(TransportOptions{Compression: compression})
		if a := send(t, j, Target{Endpoint: address}, frame(0, 10), frame(10, 30)); a.Verdict != Taken || a.Err != nil || a.Sent != 30 {
			t.Errorf("%+v", a)
		}
		j.Close()
	}
}

// A batch whose spans have a large process goes in as many requests as it
// takes, none of them larger than receivers take; and so it does again when
// some of them are refused.
func TestLargeProcess(t *testing.T) {
	const spans = 200
	large := withResource(strings.Repeat("x", 30<<10), spans)
	for name, compression := range map[string]Compression{"plain": Uncompressed, "gzip": Gzip} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			taken, posts, busy := map[int]int{}, 0, 0
			address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
				post, numbers := posted(t, r)
				mu.Lock()
				defer mu.Unlock()
				posts++
				if len(post) > maxPost+16 {
					t.Errorf("%d bytes", len(post))
				}
				if posts%3 == 2 {
					busy++
					fail(w, grpc.Status{Code: grpc.ResourceExhausted, Message: "server busy"})
					return
				}
				for _, n := range numbers {
					taken[n]++
				}
				reply(w, grpc.PartialSuccess{})
			})
			transport := NewJaeger(TransportOptions{Compression: compression})
			defer transport.Close()
			r := startOn(t, transport, newFake(t, nil), address)
			b := &fakeBatch{spans: spans, left: spans, oldest: time.Now(), frames: [][]byte{bytes.Clone(large)}}
			r.queue <- b
			close(r.queue)
			if err := <-r.result; err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if b.delivered != spans || b.dropped.Sum() != 0 || busy == 0 {
				t.Errorf("%d delivered, dropped %v, %d times busy", b.delivered, b.dropped, busy)
			}
			for n := range spans {
				if taken[n] != 1 {
					t.Errorf("span %d was taken %d times", n, taken[n])
				}
			}
			if least := spans * (30 << 10) / maxPost; posts < least {
				t.Errorf("%d requests, %d at least were needed", posts, least)
			}
		})
	}
}

// withResource is a frame of so many spans with a resource of one attribute.
func withResource(value string, spans int) []byte {
	var b otlp.Builder
	rs := b.Open(otlp.RequestResourceSpans, 500)
	resource := b.Open(otlp.ResourceSpansResource, len(value))
	b.StringAttribute(otlp.ResourceAttributes, []byte("k"), []byte(value))
	b.Close(resource)
	ss := b.Open(otlp.ResourceSpansScopeSpans, 500)
	for n := range spans {
		span := b.Open(otlp.ScopeSpansSpans, 50)
		b.Blob(otlp.SpanTraceID, []byte("sixteen bytes id"))
		b.SpanID(otlp.SpanSpanID, uint64(n)+1)
		b.Close(span)
	}
	b.Close(ss)
	b.Close(rs)
	return b.Bytes()
}

// few sends the first spans of what it is given, a few at a time.
type few struct {
	*fakeEndpoints
	most int
}

func (f few) Export(ctx context.Context, to Target, chunks [][]byte) Answer {
	all := bytes.Join(chunks, nil)
	n := min(otlp.Count(all), f.most)
	a := f.fakeEndpoints.Export(ctx, to, [][]byte{otlp.Extract(nil, all, 0, n)})
	a.Sent = n
	return a
}

// Whatever the answers are, they are about what was sent.
func TestFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int32 // they are sent by several at once
		fake := newFake(t, func(_ context.Context, _ string, spans []int) Answer {
			n := requests.Add(1)
			if slices.Contains(spans, 777) {
				return refused()
			}
			switch n % 5 {
			case 1:
				return later()
			case 2:
				return Answer{Verdict: Held, Err: context.Canceled}
			}
			return ok()
		})
		r := startOn(t, few{fake, 100}, fake, "a")
		r.send(1250, 99, 100, 101)
		if dropped := r.finish(t); dropped.Sum() != 1 || dropped[ledger.Rejected] != 1 {
			t.Errorf("dropped %v", dropped)
		}
		if n := fake.count(func(r request) bool { return r.spans > 100 }); n > 0 {
			t.Errorf("%d requests were too large", n)
		}
		for n := range 1550 {
			if want := map[bool]int{false: 1}[n == 777]; fake.taken[n] != want {
				t.Fatalf("span %d was taken %d times", n, fake.taken[n])
			}
		}
	})
}

// Spans that can't be told apart, in a batch that is not what it says, are not
// taken for delivered.
func TestFewOfABatchThatCannotBeCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(context.Context, string, []int) Answer { return ok() })
		r := startOn(t, few{fake, 100}, fake, "a")
		b := &fakeBatch{spans: 300, left: 300, oldest: time.Now(), frames: [][]byte{frame(0, 299)}}
		r.batches = append(r.batches, b)
		r.queue <- b
		close(r.queue)
		<-r.result
		if b.delivered != 100 || b.dropped[ledger.Rejected] != 200 {
			t.Errorf("%d delivered, dropped %v", b.delivered, b.dropped)
		}
	})
}
