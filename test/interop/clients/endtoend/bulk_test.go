package endtoend

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// send sends spans with the ids from+1 to from+n, 20 a packet, of about 400 bytes each, no faster than a small socket buffer
// is emptied.
func send(t *testing.T, address string, encoding thrift.Encoding, from, n int) {
	t.Helper()
	conn, err := net.Dial("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ids := make([]int, n)
	for i := range ids {
		ids[i] = from + i + 1
	}
	for packet := range slices.Chunk(ids, 20) {
		b := jaegerthrift.Batch{Process: jaegerthrift.Process{ServiceName: "bulk"}}
		for _, id := range packet {
			b.Spans = append(b.Spans, jaegerthrift.Span{
				TraceIDLow: uint64(id), SpanID: uint64(id), OperationName: "op", StartTime: 1_700_000_000_000_000, Duration: 1,
				Tags: []jaegerthrift.Tag{{Key: "text", Type: jaegerthrift.TagString, Str: strings.Repeat(fmt.Sprintf("%09d ", id), 35)}},
			})
		}
		if _, err := conn.Write(jaegerthrift.AppendEmitBatch(nil, encoding, thrift.Oneway, 0, &b)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// arrived waits for the spans 1 to n at the sink: each once, none damaged.
func arrived(t *testing.T, sink *harness.Sink, n int) {
	t.Helper()
	seen := make(map[string]bool)
	for _, s := range fields.Of(sink.Await(t, n)) {
		if seen[s.ID] {
			t.Errorf("span %s arrived twice", s.ID)
		}
		seen[s.ID] = true
	}
	for id := 1; id <= n; id++ {
		if !seen[fmt.Sprintf("%032x/%016x", id, id)] {
			t.Errorf("span %d did not arrive", id)
		}
	}
}
