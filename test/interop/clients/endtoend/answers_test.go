package endtoend

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// A real program that does not take spans, for one reason or another, makes the agent wait and keep them. When a Collector
// stands in its place, they arrive, every one of them once.
func TestEndpointThatComesToItsSenses(t *testing.T) {
	for _, c := range []struct {
		name  string
		start func(t *testing.T, address string) *harness.Process // what is there at first
		state string                                              // how the agent calls it
		says  string                                              // in the agent's last error
	}{
		{
			name:  "nobody is there",
			state: ledger.EndpointBackoff, says: "refused",
		},
		{
			name: "a Collector over its memory limit",
			start: func(t *testing.T, address string) *harness.Process {
				c := harness.StartCollector(t, address, harness.Full, "127.0.0.1:1")
				c.AwaitOutput(t, "Memory usage is above") // before that, it takes everything
				return c.Process
			},
			state: ledger.EndpointBackoff, says: "UNAVAILABLE",
		},
		{
			name: "a Collector without traces",
			start: func(t *testing.T, address string) *harness.Process {
				return harness.StartCollector(t, address, harness.MetricsOnly, "127.0.0.1:1").Process
			},
			state: ledger.EndpointHeld, says: "UNIMPLEMENTED",
		},
		{
			name: "Jaeger's port for queries",
			start: func(t *testing.T, address string) *harness.Process {
				return harness.StartJaeger(t, harness.FreePort(t), address).Process
			},
			state: ledger.EndpointHeld, says: "UNIMPLEMENTED",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const sent = 100
			address := harness.FreePort(t)
			stop := func() {}
			if c.start != nil {
				p := c.start(t, address)
				stop = p.Kill // Jaeger takes ten seconds to end by itself
			}
			agent := harness.StartAgent(t, harness.Deliver{Endpoints: []string{address}, Compression: "gzip"})
			send(t, agent.Compact, thrift.Compact, 0, sent)
			lane := agent.Await(t, c.state, func(l ledger.Lane) bool {
				return l.Endpoints[0].State == c.state && l.Endpoints[0].Failures > 1 && l.Buffered == sent
			})
			if e := lane.Endpoints[0]; !strings.Contains(e.LastError, c.says) {
				t.Errorf("the agent's last error is %q, without %q", e.LastError, c.says)
			}
			stop()
			sink := harness.StartSink(t, nil)
			harness.StartCollector(t, address, harness.Plain, sink.Address)
			agent.AwaitDelivered(t, sent)
			arrived(t, sink, sent)
			agent.Finish(t, sent)
		})
	}
}

// What a Collector without a queue is told by the next one, it answers. The agent tries again and again, or in halves, and
// everything arrives once.
func TestAnswersThroughTheCollector(t *testing.T) {
	const delay = 300 * time.Millisecond
	retryInfo, err := status.New(codes.ResourceExhausted, "no room").
		WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		err  error
	}{
		{"UNAVAILABLE", status.Error(codes.Unavailable, "not now")},
		{"RESOURCE_EXHAUSTED", status.Error(codes.ResourceExhausted, "no room")},
		{"RESOURCE_EXHAUSTED with RetryInfo", retryInfo.Err()},
		{"ABORTED", status.Error(codes.Aborted, "again")},
		{"INTERNAL", status.Error(codes.Internal, "a bug")},
		{"INVALID_ARGUMENT", status.Error(codes.InvalidArgument, "not that")},
		{"UNAUTHENTICATED", status.Error(codes.Unauthenticated, "who are you")},
		{"PERMISSION_DENIED", status.Error(codes.PermissionDenied, "not you")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const sent = 20 // one packet, and so one batch: two may be refused side by side
			sink := harness.StartSink(t, func(request int) error {
				if request <= 2 {
					return c.err
				}
				return nil
			})
			collector := harness.StartCollector(t, harness.FreePort(t), harness.Direct, sink.Address)
			agent := harness.StartAgent(t, harness.Deliver{Endpoints: []string{collector.Address}, Compression: "none"})
			send(t, agent.Binary, thrift.Binary, 0, sent)
			agent.AwaitDelivered(t, sent)
			arrived(t, sink, sent)
			code, _, _ := strings.Cut(c.name, " ")
			if e := agent.Status(t).Endpoints[0]; !strings.HasPrefix(e.LastError, code+":") {
				t.Errorf("the agent's last error is %q", e.LastError)
			}
			if times := sink.Times(); strings.Contains(c.name, "RetryInfo") && times[1].Sub(times[0]) < delay {
				t.Errorf("the agent came back after %s, not %s", times[1].Sub(times[0]), delay)
			}
			agent.Finish(t, sent)
		})
	}
}

// A Collector whose queue is full refuses; what it has taken it keeps, and the agent the rest.
func TestCollectorWithAFullQueue(t *testing.T) {
	t.Parallel()
	const sent = 600
	var open atomic.Bool
	sink := harness.StartSink(t, func(int) error {
		if !open.Load() {
			return status.Error(codes.Unavailable, "not yet")
		}
		return nil
	})
	collector := harness.StartCollector(t, harness.FreePort(t), harness.ShortQueue, sink.Address)
	agent := harness.StartAgent(t, harness.Deliver{
		Endpoints: []string{collector.Address}, Compression: "gzip", BatchBytes: "16KiB",
	})
	send(t, agent.Compact, thrift.Compact, 0, sent)
	agent.Await(t, "refused", func(l ledger.Lane) bool {
		return l.Delivered > 0 && strings.Contains(l.Endpoints[0].LastError, "queue is full")
	})
	open.Store(true)
	agent.AwaitDelivered(t, sent)
	arrived(t, sink, sent)
	agent.Finish(t, sent)
}

// A batch that is larger than a receiver takes arrives in halves, or halves of them: at gRPC's own limit, and where the
// next hop of a Collector has one. (The least limit that a Collector's own receiver can be given is 1 MiB, and the agent's
// largest batch is half of that.)
func TestBatchLargerThanTheReceiverTakes(t *testing.T) {
	const sent, limit = 600, 40 << 10 // a quarter of a megabyte, against 40 KiB
	for _, through := range []string{"directly", "through a Collector"} {
		t.Run(through, func(t *testing.T) {
			t.Parallel()
			sink := harness.StartSink(t, nil, grpc.MaxRecvMsgSize(limit))
			endpoint := sink.Address
			if through != "directly" {
				endpoint = harness.StartCollector(t, harness.FreePort(t), harness.Direct, sink.Address).Address
			}
			agent := harness.StartAgent(t, harness.Deliver{
				Endpoints: []string{endpoint}, Compression: "gzip", BatchAge: "500ms",
			})
			send(t, agent.Compact, thrift.Compact, 0, sent)
			agent.AwaitDelivered(t, sent)
			arrived(t, sink, sent)
			e := agent.Status(t).Endpoints[0]
			if e.Failures == 0 || !strings.Contains(e.LastError, "larger than max") {
				t.Errorf("no batch was too large: %+v", e)
			}
			agent.Finish(t, sent)
		})
	}
}
