package otlpjson

import (
	"encoding/hex"
	"fmt"
	"math"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

const (
	ids     = `"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"`
	idsWire = "0a100102030405060708090a0b0c0d0e0f10" + "12080102030405060708"
)

// in puts a span's fields into a request.
func in(span string) string {
	return `{"resourceSpans":[{"scopeSpans":[{"spans":[{` + span + `}]}]}]}`
}

// span takes the one span's bytes, in hex, out of a request.
func span(t *testing.T, request []byte) string {
	t.Helper()
	for range 3 {
		i, length := 1, 0
		for shift := 0; ; shift += 7 {
			c := request[i]
			i++
			length |= int(c&0x7f) << shift
			if c < 0x80 {
				break
			}
		}
		if len(request) != i+length {
			t.Fatalf("more than one field: %x", request)
		}
		request = request[i:]
	}
	return hex.EncodeToString(request)
}

// What the fields of a span become, behind its ids.
func TestSpanFields(t *testing.T) {
	var used Transcoder
	value := func(json string) string { return `"attributes":[{"key":"k","value":` + json + `}]` }
	kv := func(any string) string { // lengths below 128
		n := len(any) / 2
		return fmt.Sprintf("4a%02x0a016b12%02x%s", n+5, n, any)
	}
	for fields, want := range map[string]string{
		`"unknown":{"a":[1,-2.5e+3,"x",true,false,null,{}]}`: "",
		`"name":"op"`:                              "2a026f70",
		`"name":""`:                                "",
		`"name":null`:                              "",
		`"name":"\"\\\/\b\f\n\r\t"`:                "2a08225c2f080c0a0d09",
		`"name":"ü日😀"`:                             "2a09c3bce697a5f09f9880",
		`"name":"\u00fc\u65e5\uD83d\ude00"`:        "2a09c3bce697a5f09f9880",
		`"name":"\ud83d"`:                          "2a03efbfbd",
		`"name":"\ude00\ud83d!"`:                   "2a07efbfbdefbfbd21",
		`"name":"\ud83d\u0041"`:                    "2a04efbfbd41",
		`"name":"\ud83d\ud83d\ude00"`:              "2a07efbfbdf09f9880",
		`"name":"\u0000"`:                          "2a0100",
		`"n\u0061me":"op"`:                         "2a026f70",
		`"kind":2`:                                 "3002",
		`"kind":0`:                                 "",
		`"kind":99`:                                "3063",
		`"kind":-1`:                                "30ffffffffffffffffff01",
		`"kind":2.0`:                               "3002",
		`"traceState":"a=b"`:                       "1a03613d62",
		`"trace_state":"a=b"`:                      "1a03613d62",
		`"parentSpanId":""`:                        "",
		`"parentSpanId":"F1f2f3f4f5f6F7F8"`:        "2208f1f2f3f4f5f6f7f8",
		`"parent_span_id":"0000000000000000"`:      "22080000000000000000",
		`"startTimeUnixNano":"1"`:                  "390100000000000000",
		`"start_time_unix_nano":1`:                 "390100000000000000",
		`"endTimeUnixNano":"18446744073709551615"`: "41ffffffffffffffff",
		`"endTimeUnixNano":18446744073709551615`:   "41ffffffffffffffff",
		`"endTimeUnixNano":1.5e1`:                  "410f00000000000000",
		`"endTimeUnixNano":0e99999999999`:          "",
		`"endTimeUnixNano":-0`:                     "",
		`"endTimeUnixNano":1000e-3`:                "410100000000000000",
		`"endTimeUnixNano":0.00001e5`:              "410100000000000000",
		`"endTimeUnixNano":"1E2"`:                  "416400000000000000",
		`"flags":257`:                              "850101010000",
		`"flags":"4294967295"`:                     "8501ffffffff",
		`"flags":0`:                                "",
		`"droppedAttributesCount":7`:               "5007",
		`"dropped_events_count":"7"`:               "6007",
		`"droppedLinksCount":4294967295`:           "70ffffffff0f",
		`"status":{}`:                              "7a00",
		`"status":{"code":2,"message":"late"}`:     "7a08180212046c617465"[:4] + "1802" + "12046c617465",
		`"events":[{"timeUnixNano":"1","name":"e","droppedAttributesCount":3}, {}]`: "5a0e" + "090100000000000000" + "120165" + "2003" + "5a00",
		`"events":[null]`: "5a00",
		`"events":[]`:     "",
		`"events":null`:   "",
		`"links":[{"traceId":"00000000000000000000000000000000","spanId":"","flags":1}]`: "6a17" + "0a1000000000000000000000000000000000" + "3501000000",
		`"attributes":[]`:                                          "",
		`"attributes":[{}]`:                                        "4a00",
		`"attributes":[{"key":"k"}]`:                               "4a030a016b",
		`"attributes":[{"key":"k","value":null}]`:                  "4a030a016b",
		`"attributes":[{"value":{"intValue":1},"key":"k"}]`:        "4a07" + "12021801" + "0a016b",
		`"attributes":[ {"key":"k","value":{"stringValue":"v"}} ]`: kv("0a0176"),
		value(`{}`):                                  kv(""),
		value(`{"stringValue":null}`):                kv(""),
		value(`{"other":1}`):                         kv(""),
		value(`{"stringValue":"v"}`):                 kv("0a0176"),
		value(`{"stringValue":"v","other":1}`):       kv("0a0176"),
		value(`{"string_value":"v"}`):                kv("0a0176"),
		value(`{"stringValue":""}`):                  kv("0a00"),
		value(`{"stringValue":"ü"}`):                 kv("0a02c3bc"),
		value(`{"stringValue":"\u0076"}`):            kv("0a0176"),
		value(`{"stringValue":"v","intValue":null}`): kv("0a0176"),
		value(`{"boolValue":true}`):                  kv("1001"),
		value(`{"boolValue":false}`):                 kv("1000"),
		value(`{"boolValue": false }`):               kv("1000"),
		value(`{"intValue":0}`):                      kv("1800"),
		value(`{"intValue":"0"}`):                    kv("1800"),
		value(`{"intValue":-0}`):                     kv("1800"),
		value(`{"intValue":-1}`):                     kv("18ffffffffffffffffff01"),
		value(`{"intValue":"9223372036854775807"}`):  kv("18ffffffffffffffff7f"),
		value(`{"intValue":-9223372036854775808}`):   kv("1880808080808080808001"),
		value(`{"intValue":-9223372036854775808.0}`): kv("1880808080808080808001"),
		value(`{"intValue":5e2}`):                    kv("18f403"),
		value(`{"intValue":"5e2"}`):                  kv("18f403"),
		// What OpenTelemetry's exporter for JavaScript makes of -2**63, 2**63, -1e20 and 1e300.
		value(`{"intValue":-9223372036854776000}`):                                   kv("1880808080808080808001"),
		value(`{"intValue":9223372036854776000}`):                                    kv("21" + le(math.Float64bits(1<<63))),
		value(`{"intValue":"9223372036854775808"}`):                                  kv("21" + le(math.Float64bits(1<<63))),
		value(`{"intValue":-100000000000000000000}`):                                 kv("21" + le(math.Float64bits(-1e20))),
		value(`{"intValue":1e+300}`):                                                 kv("21" + le(math.Float64bits(1e300))),
		value(`{"doubleValue":0}`):                                                   kv("210000000000000000"),
		value(`{"doubleValue":-0.0}`):                                                kv("210000000000000080"),
		value(`{"doubleValue":1.5}`):                                                 kv("21000000000000f83f"),
		value(`{"doubleValue":"1.5"}`):                                               kv("21000000000000f83f"),
		value(`{"doubleValue":15e-1}`):                                               kv("21000000000000f83f"),
		value(`{"doubleValue":1e-999}`):                                              kv("210000000000000000"),
		value(`{"doubleValue":"NaN"}`):                                               kv("21" + le(math.Float64bits(math.NaN()))),
		value(`{"doubleValue":"Infinity"}`):                                          kv("21000000000000f07f"),
		value(`{"doubleValue":"-Infinity"}`):                                         kv("21000000000000f0ff"),
		value(`{"bytesValue":""}`):                                                   kv("3a00"),
		value(`{"bytesValue":"+/8="}`):                                               kv("3a02fbff"),
		value(`{"bytesValue":"+/8"}`):                                                kv("3a02fbff"),
		value(`{"bytesValue":"-_8="}`):                                               kv("3a02fbff"),
		value(`{"bytesValue":"-_8"}`):                                                kv("3a02fbff"),
		value(`{"bytesValue":"+\/8="}`):                                              kv("3a02fbff"),
		value(`{"arrayValue":{}}`):                                                   kv("2a00"),
		value(`{"arrayValue":{"values":null}}`):                                      kv("2a00"),
		value(`{"arrayValue":{"values":[{"intValue":1},null,{"stringValue":""}]}}`):  kv("2a0a" + "0a021801" + "0a00" + "0a020a00"),
		value(`{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}}]}}`): kv("3209" + "0a07" + "0a0161" + "12021001"),
		value(`{"kvlist_value":{"values":[]}}`):                                      kv("3200"),
	} {
		for _, text := range []string{in(ids + "," + fields), string(indent([]byte(in(ids + "," + fields))))} {
			got, err := transcode(t, &used, []byte(text))
			if err != nil {
				t.Errorf("%s: %v", fields, err)
			} else if got := span(t, got); got != idsWire+want {
				t.Errorf("%s:\n got %s\nwant %s%s", fields, got, idsWire, want)
			}
		}
	}
}

func le(v uint64) (s string) {
	for range 8 {
		s += fmt.Sprintf("%02x", byte(v))
		v >>= 8
	}
	return s
}

func TestRequest(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                       "",
		" \t\r\n{ } \n":            "",
		`{"resourceSpans":[]}`:     "",
		`{"resource_spans":[{}]}`:  "0a00",
		`{"resourceSpans":null}`:   "",
		`{"resourceMetrics":[{}]}`: "",
		`{"resourceSpans":[{"resource":{},"scope_spans":[{"scope":null},{}],"schema_url":"u"}]}`:                                                          "0a09" + "0a00" + "12001200" + "1a0175",
		`{"resourceSpans":[{"resource":{"droppedAttributesCount":1,"attributes":[]}}]}`:                                                                   "0a04" + "0a021001",
		`{"resourceSpans":[{"resource":{"entityRefs":[{"type":"t","schemaUrl":"u","idKeys":["a",""]}]}}]}`:                                                "0a0f" + "0a0d" + "1a0b" + "120174" + "0a0175" + "1a0161" + "1a00",
		`{"resourceSpans":[{"resource":{"entity_refs":[{"id_keys":[],"description_keys":["d"]}]}}]}`:                                                      "0a07" + "0a05" + "1a03" + "220164",
		`{"resourceSpans":[{"scopeSpans":[{"scope":{"name":"n","version":"v","droppedAttributesCount":1,"attributes":[{"key":"k"}]},"schemaUrl":"u"}]}]}`: "0a14" + "1212" + "0a0d" + "0a016e" + "120176" + "2001" + "1a030a016b" + "1a0175",
	} {
		var fresh Transcoder
		got, err := transcode(t, &fresh, []byte(text))
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s:\n got %x, %v\nwant %s", text, got, err, want)
		}
	}
}

// A browser's request, as a whole.
func TestBrowser(t *testing.T) {
	var used Transcoder
	for _, text := range [][]byte{benchRequest(), indent(benchRequest())} {
		request, err := transcode(t, &used, text)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for s := range otlp.Spans(request) {
			n++
			url, _ := s.Attributes.Get("http.url")
			ratio, _ := s.Attributes.Get("db.rows_ratio")
			var events []string
			for e := range s.Events() {
				events = append(events, fmt.Sprintf("%s@%d", e.Name, e.Time))
			}
			got := fmt.Sprintf("%s %s %s %x %d %d %s %v %q", s.Service(), s.ScopeName, s.Name, s.SpanID, s.Kind, s.End-s.Start, url.Bytes, ratio.Double, events)
			want := fmt.Sprintf("checkout-service @opentelemetry/instrumentation-fetch HTTP GET /api/checkout %016x 2 12345000 http://shop.local/v1/cart/%d/items 0.75 [\"cart loaded@1700000000000500000\"]",
				uint64(0x1112131415161718)+uint64(n-1)<<32, n-1)
			if got != want {
				t.Fatalf("\n got %s\nwant %s", got, want)
			}
		}
		if n != 20 {
			t.Errorf("%d spans", n)
		}
	}
}
