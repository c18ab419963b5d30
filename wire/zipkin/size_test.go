package zipkin

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

// many is a request of n spans of services by turns, each with a name of so many bytes.
func many(n, services, name int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"traceId":"1","id":"%x","timestamp":1,"name":"%s","localEndpoint":{"serviceName":"s%d"}}`,
			i+1, strings.Repeat("n", name), i%services)
	}
	return "[" + b.String()[1:] + "]"
}

// Spans of one service stand together, whatever their order was; a frame has them all only once.
func TestSpansAreGroupedByService(t *testing.T) {
	var tr Transcoder
	res, err := tr.JSON2([]byte(many(100, 3, 1)), nil)
	if err != nil || len(res.Frames) != 1 || res.Spans != 100 {
		t.Fatal(len(res.Frames), res.Spans, err)
	}
	verify(t, res)
	var services []string
	for s := range otlp.Spans(res.Frames[0].Bytes) {
		if name := string(s.Service()); len(services) == 0 || services[len(services)-1] != name {
			services = append(services, name)
		}
	}
	if got := strings.Join(services, " "); got != "s0 s1 s2" {
		t.Error(got)
	}
}

// A request that is larger than a frame makes several: the same whether they are put or not.
func TestLargeRequest(t *testing.T) {
	for _, services := range []int{1, 2, 40} {
		request := []byte(many(2000, services, 1000))
		var tr Transcoder
		res, err := tr.JSON2(request, nil)
		if err != nil || res.Spans != 2000 || len(res.Frames) < 4 {
			t.Fatal(len(res.Frames), res.Spans, err)
		}
		verify(t, res)
		var held [][]byte
		for _, f := range res.Frames {
			held = append(held, bytes.Clone(f.Bytes))
		}
		n := 0
		put, err := tr.JSON2(request, func(frame []byte, _ int) error {
			if !bytes.Equal(frame, held[n]) {
				t.Errorf("frame %d differs", n)
			}
			n++
			return nil
		})
		if err != nil || n != len(held) || put.Spans != 2000 || put.Frames != nil {
			t.Error(n, len(held), put, err)
		}
	}
}

func TestPutSaysNo(t *testing.T) {
	no := errors.New("no room")
	for format, request := range map[string]string{"json v2": many(5000, 1, 1000), "protobuf": string(bytes.Repeat(unhexed(t, goldenProtobuf), 20_000))} {
		n := 0
		var tr Transcoder
		res, err := formats[format](&tr, []byte(request), func([]byte, int) error { n++; return no })
		if !errors.Is(err, no) || n != 1 || res.Frames != nil {
			t.Errorf("%s: put %d times, %+v, %v", format, n, res, err)
		}
	}
}

// A span that does not fit into a frame is left out, whatever it is that is large, and costs no other one.
func TestSpanTooBig(t *testing.T) {
	long := strings.Repeat("x", otlp.MaxFrame)
	for name, fields := range map[string]string{
		"name":      `"name":"` + long + `"`,
		"tag":       `"tags":{"k":"` + long + `"}`,
		"tags":      `"tags":{` + strings.Repeat(`"k":"1234567890123456789",`, 50_000) + `"k":""}`,
		"resource":  `"tags":{"host.name":"` + long + `"}`,
		"service":   `"localEndpoint":{"serviceName":"` + long + `"}`,
		"scope":     `"tags":{"otel.scope.name":"` + long + `"}`,
		"event":     `"annotations":[{"timestamp":1,"value":"` + long + `"}]`,
		"events":    `"annotations":[` + strings.Repeat(`{},`, 200_000) + `{}]`,
		"tagged id": `"tags":{"w3c.tracestate":"` + long + `"}`,
	} {
		got, res := transcode(t, (*Transcoder).JSON2, `[{"traceId":"1","id":"1","timestamp":1},{"traceId":"1","id":"2",`+fields+`},{"traceId":"1","id":"3","timestamp":1}]`)
		if res.TooBig != 1 || res.Spans != 2 || res.Invalid != 0 {
			t.Errorf("%s: %d spans, %d too big, %d invalid, %.200s", name, res.Spans, res.TooBig, res.Invalid, got)
		}
	}
}

// What a request takes is bounded by what it is, even if it is made to take much: frames are put as they are full.
func TestMemoryIsBounded(t *testing.T) {
	const size = 4 << 20
	fill := func(before, item, after string) string {
		n := (size - len(before) - len(after)) / len(item)
		return before + strings.Repeat(item, n)[:n*len(item)-1] + after
	}
	for name, c := range map[string]struct{ format, request string }{
		"small spans": {"json v2", fill(`[`, `{"traceId":"1","id":"1"},`, `]`)},
		"no spans":    {"json v2", fill(`[`, `0,`, `]`)},
		"tags":        {"json v2", fill(`[{"traceId":"1","id":"1","tags":{`, `"":"",`, `}}]`)},
		"host tags":   {"json v2", fill(`[{"traceId":"1","id":"1","tags":{`, `"os.name":"",`, `}}]`)},
		"annotations": {"json v2", fill(`[{"traceId":"1","id":"1","annotations":[`, `{},`, `]}]`)},
		"escapes":     {"json v2", fill(`[{"traceId":"1","id":"1","tags":{`, `"\n":"\n",`, `}}]`)},
		"binary":      {"json v1", fill(`[{"traceId":"1","id":"1","binaryAnnotations":[`, `{},`, `]}]`)},
		"v1 spans":    {"json v1", fill(`[`, `{"traceId":"1","id":"1"},`, `]`)},
		"protobuf":    {"protobuf", strings.Repeat("\x0a\x16\x0a\x08\x00\x00\x00\x00\x00\x00\x00\x01\x1a\x08\x00\x00\x00\x00\x00\x00\x00\x01\x5a\x00", size/24)},
		"thrift":      {"thrift", "\x0c\x00\x02\x00\x00" + strings.Repeat("\x0a\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x0a\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x00", 1<<17)},
	} {
		var fresh Transcoder
		request := []byte(c.request)
		var res Result
		var err error
		n := allocated(func() { res, err = formats[c.format](&fresh, request, func([]byte, int) error { return nil }) })
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %d spans, %d invalid, %d too big; %.1f MiB reserved", name, res.Spans, res.Invalid, res.TooBig, float64(n)/(1<<20))
		if n > 3*size { // in all, grown by and by: at no time more than two thirds of it
			t.Errorf("%s: %d bytes reserved", name, n)
		}
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Ordinary requests leave no garbage, in any format.
func TestNoGarbage(t *testing.T) {
	const v1 = `[{"traceId":"0123456789abcdef","id":"2","parentId":"1","name":"get","timestamp":5,"duration":3,"annotations":[{"timestamp":5,"value":"sr",` +
		`"endpoint":{"serviceName":"shop","ipv4":"10.0.0.1","port":8080}}],"binaryAnnotations":[{"key":"http.status_code","value":"404"},{"key":"error","value":"n\u006f"}]}]`
	const v2 = `[{"traceId":"0123456789abcdef","id":"2","parentId":"1","name":"get","timestamp":5,"duration":3,"kind":"SERVER",` +
		`"localEndpoint":{"serviceName":"shop","ipv4":"10.0.0.1","port":8080},"tags":{"http.method":"GET","a":"\n","error":"true"},"annotations":[{"timestamp":6,"value":"x"}]}]`
	for format, request := range map[string][]byte{
		"datagram": unhexed(t, goldenCompact), "thrift": unhexed(t, goldenList), "protobuf": unhexed(t, goldenProtobuf),
		"json v1": []byte(v1), "json v2": []byte(v2),
	} {
		var tr Transcoder
		if n := testing.AllocsPerRun(100, func() {
			if res, err := formats[format](&tr, request, nil); err != nil || res.Spans != 1 {
				t.Fatal(res, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", format, n)
		}
	}
}
