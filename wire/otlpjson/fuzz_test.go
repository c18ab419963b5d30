package otlpjson

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzRequest takes anything for a request. It is refused, or what comes of it
// can be passed on, whatever came before it; it is JSON, and means the same with
// other white space.
func FuzzRequest(f *testing.F) {
	f.Add(benchRequest())
	for _, fields := range []string{
		`"name":"\ud83d\ude00\u00fc\n","kind":2.0,"startTimeUnixNano":1e3,"endTimeUnixNano":"18446744073709551615"`,
		`"flags":257,"trace_state":"a=b","status":{"code":2,"message":"late"},"unknown":{"a":[1,-2.5e+3,"x",true,null]}`,
		`"attributes":[{"key":"k","value":{"doubleValue":"NaN"}},{"value":{"bytesValue":"+\/8="},"key":"b"}]`,
		`"attributes":[{"key":"k","value":{"intValue":"-7"}},{"key":"k","value":{"boolValue":false}}],"events":[{"name":"e"}]`,
		`"attributes":[{"key":"k","value":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{},null]}}}]}}}]`,
		`"links":[{"traceId":"0102030405060708090A0B0C0D0E0F10","spanId":"0102030405060708","flags":1}],"droppedLinksCount":"4"`,
	} {
		f.Add([]byte(in(ids + "," + fields)))
	}
	f.Add([]byte(`{"resourceSpans":[{"resource":{"entityRefs":[{"idKeys":["a"]}]},"schema_url":"u"}]}`))
	var used Transcoder
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := transcode(t, &used, text)
		var fresh Transcoder
		want, err2 := transcode(t, &fresh, text)
		if (err == nil) != (err2 == nil) || !bytes.Equal(got, want) {
			t.Fatalf("used: %x, %v; fresh: %x, %v", got, err, want, err2)
		}
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is not JSON", text)
		}
		again, err := fresh.Request(indent(text))
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%s: %x; indented: %x, %v", text, got, again, err)
		}
	})
}
