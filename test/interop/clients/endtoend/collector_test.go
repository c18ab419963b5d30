package endtoend

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

// What a client is told comes out of an OpenTelemetry Collector, field by field.
func TestCollector(t *testing.T) {
	for _, compression := range []string{"gzip", "zstd", "none"} {
		for _, client := range clients(t) {
			if client.node && compression != "gzip" {
				continue // is the same to a client, and Node takes long to start
			}
			t.Run(fmt.Sprintf("%s/%s", client.name, compression), func(t *testing.T) {
				t.Parallel()
				client.here(t)
				sink := harness.StartSink(t, nil)
				collector := harness.StartCollector(t, harness.FreePort(t), harness.Plain, sink.Address)
				agent := harness.StartAgent(t, harness.Deliver{
					Endpoints: []string{collector.Address}, Compression: compression,
				})
				story := scenario.Story()
				sent := scenario.Spans(story)
				if err := client.tell(client.port(agent), story); err != nil {
					t.Fatal(err)
				}
				agent.AwaitDelivered(t, sent)
				got := fields.Of(sink.Await(t, sent))
				wanted := func() []fields.Span { return fields.Of(scenario.OTLP(story)) }
				for _, line := range fields.Compare(wanted, got, client.rules) {
					t.Error(line)
				}
				agent.Finish(t, sent)
			})
		}
	}
}

// What was recorded, Node's binary datagrams among it, goes through the agent's sockets as it goes through its transcoder.
// Either port takes either encoding.
func TestRecordedDatagrams(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/recorded/*.bin")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	sink := harness.StartSink(t, nil)
	agent := harness.StartAgent(t, harness.Deliver{Endpoints: []string{sink.Address}, Compression: "gzip"})
	var transcoder jaegerthrift.Transcoder
	var want []*tracepb.ResourceSpans
	for i, file := range files {
		datagram, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		result, err := transcoder.Packet(datagram)
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range result.Frames {
			var td tracepb.TracesData
			if err := proto.Unmarshal(frame.Bytes, &td); err != nil {
				t.Fatal(err)
			}
			want = append(want, td.ResourceSpans...)
		}
		conn, err := net.Dial("udp4", []string{agent.Compact, agent.Binary}[i%2])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(datagram); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		agent.AwaitDelivered(t, len(fields.Of(want))) // before the next one: the two sockets have no order
	}
	for _, line := range fields.Diff(fields.Of(want), fields.Of(sink.Spans())) {
		t.Error(line)
	}
	agent.Finish(t, len(fields.Of(want)))
}
