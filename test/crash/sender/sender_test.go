package sender

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/test/crash/receiver"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

func TestRequestHasItsSpans(t *testing.T) {
	var b otlp.Builder
	r := account.Range{From: account.First(3) + 7, To: account.First(3) + 19}
	AppendRequest(&b, r)
	if n, err := otlp.Check(b.Bytes()); n != r.Len() || err != nil {
		t.Fatalf("%d spans, %v", n, err)
	}
	want := r.From
	for s := range otlp.Spans(b.Bytes()) {
		if got := account.ID(s.SpanID); got != want || account.Sender(got) != 3 {
			t.Errorf("span %x, want %x", got, want)
		}
		want++
	}
}

// What a sender knows is what the receiver did: without the agent between
// them, no other thing can be at fault.
func TestSenderKnowsWhatHappened(t *testing.T) {
	r, err := receiver.New("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Down()
	s := New(1, r.Address)
	defer s.Close()
	send := func(ctx context.Context) error { return s.Send(ctx, 10) }

	if err := send(t.Context()); err != nil {
		t.Error(err)
	}
	r.Set(receiver.CloseAfter(2)) // every other one
	for range 4 {
		if err := send(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if again := r.Taken().Total() - len(r.Taken()); again == 0 || again > s.Sent.Again {
		t.Errorf("%d spans came again, the sender knows of %d", again, s.Sent.Again)
	}
	r.Set(receiver.Refuse(grpc.Unavailable))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if send(ctx) == nil || s.Sent.Refused["UNAVAILABLE"] == 0 || len(s.Sent.Unsure) != 0 {
		t.Errorf("refused: %+v", s.Sent)
	}
	r.Set(receiver.Hang)
	s.Timeout = 10 * time.Millisecond
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if send(ctx) == nil || len(s.Sent.Unsure) != 1 {
		t.Errorf("no answer: %+v", s.Sent)
	}
	again := s.Sent.Again
	r.Down()
	s.Timeout = time.Minute // or a busy machine makes a connection that is refused one that does not answer
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if send(ctx) == nil || s.Sent.Refused["not connected"] == 0 || s.Sent.Again > again+10 { // the first try finds its old connection
		t.Errorf("not there: %+v", s.Sent)
	}
	if findings := account.Compare(s.Sent, r.Taken(), 0, 0); len(findings) > 0 {
		t.Error(findings)
	}
	if s.Sent.Spans() != 50 {
		t.Errorf("%d spans acknowledged, want 50", s.Sent.Spans())
	}
}

func TestDatagramsHaveTheirSpans(t *testing.T) {
	r, err := receiver.New("127.0.0.1:0") // any port that takes UDP or not
	if err != nil {
		t.Fatal(err)
	}
	defer r.Down()
	d, err := NewDatagrams(5, r.Address(), 20)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Send(); err != nil {
		t.Fatal(err)
	}
	var tr jaegerthrift.Transcoder
	res, err := tr.Packet(d.bytes)
	if err != nil || len(res.Frames) != 1 || res.Frames[0].Spans != 20 {
		t.Fatalf("%+v, %v", res, err)
	}
	var ids []uint64
	for s := range otlp.Spans(res.Frames[0].Bytes) {
		ids = append(ids, account.ID(s.SpanID))
	}
	if len(ids) != 20 || ids[0] != d.Sent.From || !slices.IsSorted(ids) || ids[19] != d.Sent.To-1 {
		t.Errorf("%x", ids)
	}
	if d.batch.Spans[0].SpanID != d.Sent.From || d.bytes[0] != 0x82 {
		t.Errorf("not %v", thrift.Compact)
	}
}
