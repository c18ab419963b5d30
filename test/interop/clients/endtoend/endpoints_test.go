package endtoend

import (
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// Of two Collectors one goes away: what was sent before and after arrives, once.
func TestOneOfTwoCollectorsEnds(t *testing.T) {
	t.Parallel()
	sink := harness.StartSink(t, nil)
	first := harness.StartCollector(t, harness.FreePort(t), harness.Plain, sink.Address)
	second := harness.StartCollector(t, harness.FreePort(t), harness.Plain, sink.Address)
	agent := harness.StartAgent(t, harness.Deliver{
		Endpoints: []string{first.Address, second.Address}, Compression: "gzip", BatchBytes: "16KiB",
	})
	send(t, agent.Compact, thrift.Compact, 0, 1_000)
	agent.AwaitDelivered(t, 1_000)
	if code := first.Stop(t); code != 0 {
		t.Errorf("the Collector ends with exit code %d", code)
	}
	send(t, agent.Binary, thrift.Binary, 1_000, 1_000)
	agent.AwaitDelivered(t, 2_000)
	arrived(t, sink, 2_000)
	agent.Await(t, "the second Collector in use", func(l ledger.Lane) bool {
		return l.Endpoints[1].State == ledger.EndpointOK
	})
	agent.Finish(t, 2_000)
}

// Both endpoints are used when there is enough to send, and every request is compressed as configured.
func TestTwoEndpointsAreUsed(t *testing.T) {
	for name, header := range map[string]string{"gzip": "gzip", "none": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sinks := []*harness.Sink{harness.StartSink(t, nil), harness.StartSink(t, nil)}
			agent := harness.StartAgent(t, harness.Deliver{
				Endpoints: []string{sinks[0].Address, sinks[1].Address}, Compression: name, BatchBytes: "16KiB",
			})
			const sent = 2_000
			send(t, agent.Compact, thrift.BinaryOld, 0, sent)
			agent.AwaitDelivered(t, sent)
			if n := sinks[0].Count() + sinks[1].Count(); n != sent {
				t.Errorf("%d spans arrived of %d", n, sent)
			}
			for i, sink := range sinks {
				if sink.Count() == 0 {
					t.Errorf("endpoint %d was not used", i+1)
				}
				if got := sink.Compressed(header); got != len(sink.Times()) {
					t.Errorf("of %d requests to endpoint %d, %d say grpc-encoding %q", len(sink.Times()), i+1, got, header)
				}
			}
			agent.Finish(t, sent)
		})
	}
}
