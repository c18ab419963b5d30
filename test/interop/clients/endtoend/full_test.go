package endtoend

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
	"github.com/wayside-tracing/wayside/test/interop/clients/sdk"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// An agent whose buffer is full refuses, and says when to come again. The SDKs do as they are told, and nothing is lost.
func TestSDKsWaitForAFullAgent(t *testing.T) {
	for _, c := range sdk.Clients() {
		if c.Node && !c.HTTP {
			continue // see TestNodeGivesUpByGRPC
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			here(t, c)
			f := newFull(t)
			story := scenario.Story()[:1]
			told := f.tell(c, story)
			f.awaitRefused(t)
			f.open.Store(true)
			answer := <-told
			if answer.err != nil {
				t.Fatal(answer.err)
			}
			if len(answer.retries) == 0 {
				t.Fatal("the SDK was not refused, or has not tried again")
			}
			for _, waited := range answer.retries {
				if waited < f.delay {
					t.Errorf("the SDK came again after %s, not %s", waited, f.delay)
				}
			}
			f.finish(t, f.sent+scenario.Spans(story))
		})
	}
}

// The exporter of OpenTelemetry's SDK for Node that speaks gRPC tries nothing twice (otlp-grpc-exporter-base 0.223.1 and
// 0.301.0, src/grpc-exporter-transport.ts: every error is a failure, none is retryable). It is told, and the agent's account
// is right. docs/operations.md says what to use instead.
func TestNodeGivesUpByGRPC(t *testing.T) {
	t.Parallel()
	for _, c := range sdk.Clients() {
		if !c.Node || c.HTTP {
			continue
		}
		here(t, c)
		f := newFull(t)
		answer := <-f.tell(c, scenario.Story()[:1])
		if answer.err == nil || !strings.Contains(answer.err.Error(), "gave up: code 8: ") {
			t.Errorf("retries %v, error %v: if it tries again now, it belongs to TestSDKsWaitForAFullAgent", answer.retries, answer.err)
		}
		f.awaitRefused(t)
		f.open.Store(true)
		f.finish(t, f.sent)
	}
}

// A Collector in front of a full agent waits too.
func TestCollectorWaitsForAFullAgent(t *testing.T) {
	for name, config := range map[string]string{"gRPC": harness.ToGRPC, "HTTP": harness.ToHTTP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFull(t)
			address := f.agent.GRPC
			if name == "HTTP" {
				address = f.agent.HTTP
			}
			collector := harness.StartCollector(t, harness.FreePort(t), config, address)
			story := scenario.Story()[1:]
			harness.NewClient(t, collector.Address).Send(t, scenario.OTLP(story)...)
			f.awaitRefused(t)
			f.open.Store(true)
			f.finish(t, f.sent+scenario.Spans(story))
			if log := collector.Output(); !strings.Contains(log, fmt.Sprintf(`"interval": %q`, f.delay)) {
				t.Errorf("the Collector has not said that it waits %s:\n%s", f.delay, log)
			}
		})
	}
}

// full is an agent whose answered queue has no room for one more span, because its sink takes none until it is open.
type full struct {
	agent   *harness.Agent
	sink    *harness.Sink
	open    atomic.Bool
	sent    int           // spans that were taken
	refused uint64        // requests that were not, until now
	delay   time.Duration // that a sender was told to wait
}

func newFull(t *testing.T) *full {
	t.Helper()
	f := &full{}
	f.sink = harness.StartSink(t, func(int) error {
		if !f.open.Load() {
			return status.Error(codes.Unavailable, "not yet")
		}
		return nil
	})
	f.agent = harness.StartAgentAs(t, harness.Config{
		Deliver: harness.Deliver{Endpoints: []string{f.sink.Address}, Compression: "none"}, Memory: "2MiB",
	})
	client := harness.NewClient(t, f.agent.GRPC)
	for size := 128 << 10; size > 0; size /= 4 { // down to a span without anything
		for taken := true; taken; {
			if taken, f.delay = client.Offer(t, ballast(f.sent+1, size)); taken {
				f.sent++
			} else {
				f.refused++
			}
		}
	}
	if f.delay <= 0 {
		t.Errorf("a sender was told to come again after %s", f.delay)
	}
	lane := f.agent.Status(t)
	if lane.Accepted != uint64(f.sent) || lane.Buffered != uint64(f.sent) || lane.Refused[ledger.QueueFull] != f.refused {
		t.Fatalf("%d spans were taken, %d requests refused: %+v", f.sent, f.refused, lane)
	}
	return f
}

// ballast is a span with an id, and about as many bytes.
func ballast(id, size int) *tracepb.ResourceSpans {
	trace := scenario.TraceID{High: 0xba11a57, Low: uint64(id)}
	text := &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: strings.Repeat("x", size)}}
	return &tracepb.ResourceSpans{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
		TraceId: trace.Bytes(), SpanId: trace.Bytes()[8:], Attributes: []*commonpb.KeyValue{{Key: "text", Value: text}},
	}}}}}
}

type answer struct {
	retries sdk.Retries
	err     error
}

// tell has a client say a story meanwhile.
func (f *full) tell(c sdk.Client, story []scenario.Service) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		retries, err := c.Tell(sdk.Target{Address: otlpAddress(f.agent, c)}, story)
		done <- answer{retries, err}
	}()
	return done
}

// awaitRefused waits until another request was refused, and nothing was taken.
func (f *full) awaitRefused(t *testing.T) {
	t.Helper()
	lane := f.agent.Await(t, "refused", func(l ledger.Lane) bool { return l.Refused[ledger.QueueFull] > f.refused })
	if lane.Accepted != uint64(f.sent) {
		t.Errorf("%d spans were taken meanwhile", lane.Accepted-uint64(f.sent))
	}
}

// finish waits for all spans at the sink, each of them once, and ends the agent.
func (f *full) finish(t *testing.T, sent int) {
	t.Helper()
	f.agent.AwaitDelivered(t, sent)
	seen := make(map[string]bool)
	for _, s := range fields.Of(f.sink.Await(t, sent)) {
		if seen[s.ID] {
			t.Errorf("span %s arrived twice", s.ID)
		}
		seen[s.ID] = true
	}
	f.agent.Finish(t, sent)
}
