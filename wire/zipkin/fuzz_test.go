package zipkin

import (
	"bytes"
	"errors"
	"testing"
)

// fuzz takes anything for a request. It is refused, or its frames can be passed on, whatever came before it.
func fuzz(f *testing.F, take take) {
	var used Transcoder
	f.Fuzz(func(t *testing.T, p []byte) {
		before := bytes.Clone(p)
		got, err := take(&used, p, nil)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		verify(t, got)
		var fresh Transcoder
		want, err2 := take(&fresh, p, nil)
		if (err == nil) != (err2 == nil) || len(got.Frames) != len(want.Frames) || got.Invalid != want.Invalid || got.TooBig != want.TooBig {
			t.Fatalf("used: %+v, %v; fresh: %+v, %v", got, err, want, err2)
		}
		for i := range got.Frames {
			if !bytes.Equal(got.Frames[i].Bytes, want.Frames[i].Bytes) {
				t.Fatalf("used: %x\nfresh: %x", got.Frames[i].Bytes, want.Frames[i].Bytes)
			}
		}
		if !bytes.Equal(p, before) {
			t.Fatal("the request was changed")
		}
	})
}

func FuzzDatagram(f *testing.F) {
	for _, s := range []string{goldenCompact, goldenBinary, emptyCompact, emptyBinary, noSpans} {
		f.Add(unhexed(f, s))
	}
	fuzz(f, (*Transcoder).Datagram)
}

func FuzzThrift(f *testing.F) {
	f.Add(unhexed(f, goldenList))
	fuzz(f, (*Transcoder).Thrift)
}

func FuzzProtobuf(f *testing.F) {
	f.Add(unhexed(f, goldenProtobuf))
	f.Add(unhexed(f, goldenProtobuf+goldenProtobuf+"0a0012021a00"))
	fuzz(f, (*Transcoder).Protobuf)
}

func FuzzJSON1(f *testing.F) {
	f.Add([]byte(`[{"traceId":"1","id":"2","parentId":"0","name":"get","timestamp":5,"duration":-3,"annotations":[{"timestamp":5,"value":"sr",` +
		`"endpoint":{"serviceName":"shop","ipv4":"10.0.0.1","ipv6":"::1","port":8080}}],"binaryAnnotations":[{"key":"otel.status_code","value":"404"},` +
		`{"key":"error","value":"n\u006f"},{"key":"lc","value":true},{"key":"census.status_code","value":2}]}, null]`))
	fuzz(f, (*Transcoder).JSON1)
}

func FuzzJSON2(f *testing.F) {
	f.Add([]byte(`[{"traceId":"1","id":"2","kind":"CLIENT","localEndpoint":{"serviceName":"shop","ipv4":"10.0.0.1","ipv6":"::ffff:1.2.3.4","port":8080},` +
		`"tags":{"error":"true","otel.status_code":"OK","host.name":"h","otlp.link.0":"0000000000000000000000000000000a|000000000000000b|s|{\"k\":1.5}|0",` +
		`"otel.library.name":"l","otlp.service.name.source":"faas.name"},"annotations":[{"timestamp":6,"value":"e|{\"a\":[1]}|2"}]},{}]`))
	fuzz(f, (*Transcoder).JSON2)
}
