package otlpjson_test

import (
	"fmt"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/otlpjson"
)

func ExampleTranscoder_Request() {
	body := []byte(`{"resourceSpans": [{
		"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
		"scopeSpans": [{"spans": [{
			"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "GET /cart",
			"startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": 1700000000001500000
		}]}]
	}]}`)

	var t otlpjson.Transcoder
	request, err := t.Request(body)
	if err != nil {
		fmt.Println(err) // 400
		return
	}
	r, err := otlp.ReadRequest(request)
	if err != nil {
		fmt.Println(err) // too big for a frame: 413
		return
	}
	var c otlp.Cutter
	for frame, spans := range r.Frames(&c) {
		fmt.Println(spans, "span")
		for s := range otlp.Spans(frame) {
			fmt.Printf("%s %s %x %d µs\n", s.Service(), s.Name, s.SpanID, (s.End-s.Start)/1000)
		}
	}
	// Output:
	// 1 span
	// shop GET /cart eee19b7ec3c1b174 1500 µs
}
