package jaegerthrift

import (
	"encoding/hex"
	"testing"

	"github.com/wayside-tracing/wayside/wire/thrift"
)

// Written by the Go code that Apache Thrift generates (jaeger-client-go's), for
// goldenBatch.
const (
	goldenCompact = "82210109656d697442617463681c1c180373766300191c160216041606160018026f7025021680897a160a191c18016b1500180176000016021c160016001600000000"
	goldenBinary  = "8001000100000009656d69744261746368000000010c00010c00010b000100000003737663000f00020c000000010a000100000000000000010a000200000000000000020a000300000000000000030a000400000000000000000b0005000000026f70080007000000010a000800000000000f42400a000900000000000000050f000a0c000000010b0001000000016b080002000000000b0003000000017600000a000300000000000000010c00040a000100000000000000000a000200000000000000000a00030000000000000000000000"
	// The old framing differs in the header alone: length and name, type, sequence id.
	goldenBinaryOld = "00000009656d697442617463680100000001" + "0c00010c0001" + "0b000100000003737663000f00020c000000010a000100000000000000010a000200000000000000020a000300000000000000030a000400000000000000000b0005000000026f70080007000000010a000800000000000f42400a000900000000000000050f000a0c000000010b0001000000016b080002000000000b0003000000017600000a000300000000000000010c00040a000100000000000000000a000200000000000000000a00030000000000000000000000"
)

func goldenBatch() *Batch {
	return &Batch{
		Process: Process{ServiceName: "svc"},
		Spans: []Span{{
			TraceIDLow: 1, TraceIDHigh: 2, SpanID: 3, OperationName: "op", Flags: 1, StartTime: 1_000_000, Duration: 5,
			Tags: []Tag{{Key: "k", Type: TagString, Str: "v"}},
		}},
		SeqNo: new(int64(1)),
		Stats: &ClientStats{},
	}
}

func TestEncodeGolden(t *testing.T) {
	for _, tc := range []struct {
		enc  thrift.Encoding
		want string
	}{
		{thrift.Compact, goldenCompact},
		{thrift.Binary, goldenBinary},
		{thrift.BinaryOld, goldenBinaryOld},
	} {
		got := hex.EncodeToString(AppendEmitBatch(nil, tc.enc, thrift.Call, 1, goldenBatch()))
		if got != tc.want {
			t.Errorf("%v:\n got %s\nwant %s", tc.enc, got, tc.want)
		}
	}
}
