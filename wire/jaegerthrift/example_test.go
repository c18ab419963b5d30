package jaegerthrift_test

import (
	"fmt"

	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

func ExampleTranscoder_Packet() {
	datagram := jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 0, &jaegerthrift.Batch{
		Process: jaegerthrift.Process{ServiceName: "shop"},
		Spans: []jaegerthrift.Span{{
			TraceIDLow: 0xabc, SpanID: 0xdef, OperationName: "GET /cart", StartTime: 1_700_000_000_000_000, Duration: 1500,
			Tags: []jaegerthrift.Tag{{Key: "items", Type: jaegerthrift.TagLong, Long: 3}},
		}},
	})

	var t jaegerthrift.Transcoder
	res, err := t.Packet(datagram)
	if err != nil {
		fmt.Println(err) // refused as a whole
		return
	}
	for _, frame := range res.Frames {
		for s := range otlp.Spans(frame.Bytes) {
			fmt.Printf("%s %s %x %d µs\n", s.Service(), s.Name, s.SpanID, (s.End-s.Start)/1000)
		}
	}
	// Output: shop GET /cart 0000000000000def 1500 µs
}
