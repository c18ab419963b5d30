package zipkin

import (
	"errors"
	"testing"
)

// Written by the code that Apache Thrift generates (jaeger-idl's zipkincore) and by zipkin-go's zipkin_proto3.
const (
	goldenCompact  = "8281070f656d69745a69706b696e4261746368191c1602280367657416061608192c1680897a180263731c15828080a00114a001180373766300001684897a18047769726500292c18016b180176150c0018016e180200071504002680897a160a16040000"
	goldenBinary   = "800100010000000f656d69745a69706b696e4261746368000000070f00010c00000001" + goldenSpan + "00"
	goldenList     = "0c00000001" + goldenSpan
	goldenSpan     = "0a000100000000000000010b0003000000036765740a000400000000000000030a000500000000000000040f00060c000000020a000100000000000f42400b00020000000263730c00030800010a00000106000200500b00030000000373766300000a000100000000000f42420b00020000000477697265000f00080c000000020b0001000000016b0b0002000000017608000300000006000b0001000000016e0b000200000002000708000300000002000a000a00000000000f42400a000b00000000000000050a000c000000000000000200"
	goldenProtobuf = "0a3e0a10000000000000000000000000000000011a08000000000000000720022a026f7031809698000000000038c0843d42050a037376635a060a016b120176"

	// No span at all: the second one ended the OpenTelemetry Collector (contrib issue 50358).
	emptyCompact = "8221070f656d69745a69706b696e4261746368190c00"
	noSpans      = "8221070f656d69745a69706b696e426174636800"
	emptyBinary  = "800100040000000f656d69745a69706b696e4261746368000000070f00010c0000000000"
)

const wantV1 = `{ipv4="10.0.0.1" port="80" service.name="svc"} 00000000000000020000000000000001/0000000000000003<0000000000000004 "get" ` +
	`1000000000-1000005000 kind=3 status=0"" @ {k="v" n=7}
  event 1000002000 "wire" {}
`

func TestGolden(t *testing.T) {
	for _, c := range []struct{ format, hex, want string }{
		{"datagram", goldenCompact, wantV1},
		{"datagram", goldenBinary, wantV1},
		{"thrift", goldenList, wantV1},
		{"protobuf", goldenProtobuf, `{service.name="svc"} 00000000000000000000000000000001/0000000000000007<0000000000000000 "op" ` +
			`10000000000-11000000000 kind=2 status=0"" @ {k="v"}` + "\n"},
		{"datagram", emptyCompact, ""},
		{"datagram", emptyBinary, ""},
		{"thrift", "0c00000000", ""},
		{"protobuf", "", ""},
	} {
		if got, res := transcode(t, formats[c.format], string(unhexed(t, c.hex))); got != c.want || res.Invalid+res.TooBig != 0 {
			t.Errorf("%s %s:\n got %s\nwant %s", c.format, c.hex, got, c.want)
		}
	}
}

func TestDatagramWithoutSpans(t *testing.T) {
	var tr Transcoder
	if res, err := tr.Datagram(unhexed(t, noSpans), nil); !errors.Is(err, ErrMalformed) || res.Frames != nil {
		t.Errorf("%+v, %v", res, err)
	}
}

// Whatever a request is cut off after, it is refused or is the shorter one that it looks like; nothing crashes.
func TestCutOff(t *testing.T) {
	for format, hex := range map[string]string{"datagram": goldenBinary, "thrift": goldenList, "protobuf": goldenProtobuf} {
		request := unhexed(t, hex)
		for n := range request {
			var tr Transcoder
			res, err := formats[format](&tr, request[:n:n], nil)
			if n > 0 && !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %d bytes: %+v, %v", format, n, res, err)
			}
		}
	}
}
