package otlpjson

import (
	"fmt"
	"strings"
	"testing"
)

// benchRequest is 20 spans with ten attributes and one event each, like those of
// a web service that OpenTelemetry's SDK for JavaScript instruments.
func benchRequest() []byte {
	var b strings.Builder
	b.WriteString(`{"resourceSpans":[{"resource":{"attributes":[` +
		`{"key":"service.name","value":{"stringValue":"checkout-service"}},` +
		`{"key":"telemetry.sdk.language","value":{"stringValue":"webjs"}},` +
		`{"key":"telemetry.sdk.name","value":{"stringValue":"opentelemetry"}},` +
		`{"key":"telemetry.sdk.version","value":{"stringValue":"1.30.1"}}],"droppedAttributesCount":0},` +
		`"scopeSpans":[{"scope":{"name":"@opentelemetry/instrumentation-fetch","version":"0.57.2"},"spans":[`)
	for i := range uint64(20) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"traceId":"%016x0fedcba987654321","spanId":"%016x","parentSpanId":"2122232425262728",`+
			`"name":"HTTP GET /api/checkout","kind":2,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[`+
			`{"key":"http.method","value":{"stringValue":"GET"}},`+
			`{"key":"http.url","value":{"stringValue":"http://shop.local/v1/cart/%d/items"}},`+
			`{"key":"http.status_code","value":{"intValue":200}},`+
			`{"key":"component","value":{"stringValue":"net/http"}},`+
			`{"key":"peer.ipv4","value":{"stringValue":"10.42.7.211"}},`+
			`{"key":"peer.port","value":{"intValue":41234}},`+
			`{"key":"cache.hit","value":{"boolValue":true}},`+
			`{"key":"db.rows_ratio","value":{"doubleValue":0.75}},`+
			`{"key":"user.id","value":{"stringValue":"u-000000004711"}},`+
			`{"key":"session.id","value":{"stringValue":"7c0c0d9c-7f4c-4f2f-9d52-1c1b3f7d9a10"}}],`+
			`"droppedAttributesCount":0,"events":[{"attributes":[{"key":"message","value":{"stringValue":"from the cache"}}],`+
			`"name":"cart loaded","timeUnixNano":"%d","droppedAttributesCount":0}],"droppedEventsCount":0,`+
			`"status":{"code":0},"links":[],"droppedLinksCount":0}`,
			0x1234567890abcdef^i*0x9e3779b97f4a7c15, 0x1112131415161718+i<<32, 1_700_000_000_000_000_000+i*1_713_000,
			1_700_000_000_012_345_000+i*1_713_000, i, 1_700_000_000_000_500_000)
	}
	b.WriteString(`]}]}]}`)
	return []byte(b.String())
}

func BenchmarkRequest(b *testing.B) {
	json := benchRequest()
	indented := indent(json)
	for name, json := range map[string][]byte{"web": json, "indented": indented} {
		b.Run(name, func(b *testing.B) {
			var t Transcoder
			b.ReportAllocs()
			b.SetBytes(int64(len(json)))
			for b.Loop() {
				if _, err := t.Request(json); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20, "ns/span")
			b.ReportMetric(float64(len(json))/20, "B/span")
		})
	}
}
