package otlpjson

import (
	"strings"
	"testing"
)

func TestRefused(t *testing.T) {
	attribute := func(json string) string { return in(ids + `,"attributes":[` + json + `]`) }
	value := func(json string) string { return attribute(`{"key":"k","value":` + json + `}`) }
	var used Transcoder
	for text, want := range map[string]string{
		"":                                       "ends early at byte 0",
		"  ":                                     "ends early at byte 2",
		"null":                                   "not an object at byte 0",
		"[]":                                     "not an object at byte 0",
		"\xef\xbb\xbf{}":                         "not an object at byte 0",
		"{} x":                                   "more after the end at byte 3",
		"{}{}":                                   "more after the end at byte 2",
		`{"resourceSpans":[{}]`:                  "ends early at byte 21",
		`{"resourceSpans":[{},]}`:                "not an object at byte 21",
		`{"resourceSpans":{}}`:                   "not a list at byte 17",
		`{"resourceSpans":[1]}`:                  "not an object at byte 18",
		`{"resourceSpans" []}`:                   "no colon after a name at byte 17",
		`{"resourceSpans":[{}] "a":1}`:           "neither a comma nor the end",
		`{,}`:                                    "not a string at byte 1",
		`{"a":1,}`:                               "not a string at byte 7",
		`{"a":01}`:                               "not a number at byte 5",
		`{"a":+1}`:                               "not a number at byte 5",
		`{"a":.5}`:                               "not a number at byte 5",
		`{"a":1.}`:                               "not a number at byte 5",
		`{"a":1e}`:                               "not a number at byte 5",
		`{"a":-}`:                                "not a number at byte 5",
		`{"a":tru}`:                              "not a value at byte 5",
		`{"a":nul}`:                              "not a value at byte 5",
		`{"a":}`:                                 "not a number at byte 5",
		`{"a":[1 2]}`:                            "neither a comma nor the end",
		`{"a":"`:                                 "ends early at byte 6",
		`{"a":"\`:                                "an escape that there is not",
		`{"a":"\n`:                               "ends early at byte 8",
		`{"a":"\x"}`:                             "an escape that there is not at byte 6",
		`{"a":"\u12g4"}`:                         "an escape that there is not at byte 6",
		`{"a":"\u12"}`:                           "an escape that there is not at byte 6",
		"{\"a\":\"x\ny\"}":                       "a control character in a string at byte 7",
		"{\"a\":\"\\n\ny\"}":                     "a control character in a string at byte 8",
		"{\"a\":\"x\xff\"}":                      "a string that is not UTF-8 at byte 6",
		"{\"a\":\"\\n\xff\"}":                    "a string that is not UTF-8 at byte 6",
		"{\"a\":\"\xed\xa0\x80\"}":               "a string that is not UTF-8",
		"{\"a\"\x00:1}":                          "no colon",
		`{"a":` + strings.Repeat("[", 1_000_000): "nested too deep",
		`{"resourceSpans":[],"resource_spans":[]}`:               "comes twice at byte 20",
		`{"resourceSpans":[],"resourceSpans":null}`:              "comes twice",
		`{"resourceSpans":[{"instrumentationLibrarySpans":[]}]}`: "deprecated field at byte 19",
		in(``):       "a span without its ids",
		in(ids[:44]): "a span without its ids",
		in(`"traceId":"","spanId":"0102030405060708"`):                                                      "a span without its ids",
		`{"resourceSpans":[{"scopeSpans":[{"spans":[null]}]}]}`:                                             "not an object",
		in(strings.ReplaceAll(ids, "0102030405060708090a0b0c0d0e0f10", "00000000000000000000000000000000")): "an id of zeros",
		in(strings.ReplaceAll(ids, `"0102030405060708"`, `"0000000000000000"`)):                             "an id of zeros",
		in(strings.ReplaceAll(ids, "0d0e0f10", "AQIDBA==")):                                                 "an id that is not hex",
		in(`"traceId":"AQIDBAUGBwgJCgsMDQ4PEA=="`):                                                          "an id that is not 16 hex digits",
		in(ids + `,"parentSpanId":"01"`):                                                                    "an id that is not 16 hex digits",
		in(ids + `,"parentSpanId":"010203040506070g"`):                                                      "an id that is not hex",
		in(ids + `,"links":[{"traceId":"0102030405060708"}]`):                                               "an id that is not 16 hex digits",
		in(ids + `,"parentSpanId":1`):                                                                       "not a string",
		in(ids + `,"name":1`):                                                                               "not a string",
		in(ids + `,"name":"a","name":"b"`):                                                                  "comes twice",
		in(ids + `,"kind":"SPAN_KIND_SERVER"`):                                                              "an enum must be a number",
		in(ids + `,"kind":"2"`):                                                                             "an enum must be a number",
		in(ids + `,"kind":2147483648`):                                                                      "out of range",
		in(ids + `,"kind":-2147483649`):                                                                     "out of range",
		in(ids + `,"flags":4294967296`):                                                                     "out of range",
		in(ids + `,"flags":-1`):                                                                             "out of range",
		in(ids + `,"flags":true`):                                                                           "not a number",
		in(ids + `,"endTimeUnixNano":18446744073709551616`):                                                 "out of range",
		in(ids + `,"endTimeUnixNano":"99999999999999999999999999"`):                                         "out of range",
		in(ids + `,"endTimeUnixNano":1e99999999999999999999`):                                               "out of range",
		in(ids + `,"endTimeUnixNano":1e-99999999999999999999`):                                              "out of range",
		in(ids + `,"endTimeUnixNano":1.5`):                                                                  "out of range",
		in(ids + `,"endTimeUnixNano":"-1"`):                                                                 "out of range",
		in(ids + `,"endTimeUnixNano":""`):                                                                   "a string that is not a number",
		in(ids + `,"endTimeUnixNano":" 1"`):                                                                 "a string that is not a number",
		in(ids + `,"endTimeUnixNano":"1x"`):                                                                 "a string that is not a number",
		in(ids + `,"endTimeUnixNano":"0x1"`):                                                                "a string that is not a number",
		value(`{"intValue":1e999}`):                                                                         "out of range",
		value(`{"intValue":-9007199254740991.5}`):                                                           "out of range",
		value(`{"intValue":0.1}`):                                                                           "out of range",
		value(`{"intValue":"1}}`):                                                                           "",
		value(`{"doubleValue":1e999}`):                                                                      "out of range",
		value(`{"doubleValue":"1e999"}`):                                                                    "out of range",
		value(`{"doubleValue":"nan"}`):                                                                      "a string that is not a number",
		value(`{"doubleValue":"0x1p4"}`):                                                                    "a string that is not a number",
		value(`{"doubleValue":"inf"}`):                                                                      "a string that is not a number",
		value(`{"doubleValue":NaN}`):                                                                        "not a number",
		value(`{"boolValue":"true"}`):                                                                       "neither true nor false",
		value(`{"boolValue":1}`):                                                                            "neither true nor false",
		value(`{"bytesValue":"!"}`):                                                                         "not base64",
		value(`{"bytesValue":"-+=="}`):                                                                      "not base64",
		value(`{"stringValue":"a","intValue":1}`):                                                           "a second value",
		value(`{"stringValue":"","intValue":1}`):                                                            "a second value",
		value(`{"stringValue":"a","stringValue":"b"}`):                                                      "comes twice",
		value(`"v"`):                        "not an object",
		attribute(`{"key":"a","key":"b"}`):  "comes twice",
		attribute("{\"key\":\"\xff\"}"):     "not UTF-8",
		value("{\"stringValue\":\"\xff\"}"): "not UTF-8",
	} {
		request, err := transcode(t, &used, []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200s: %x, %v; want %q", text, request, err, want)
		}
	}
}

// Lists may be nested as deep as otlp.Check lets them be, and not one deeper.
func TestDepth(t *testing.T) {
	var used Transcoder
	deepest := 0
	for depth := range 40 {
		for _, inner := range []string{`null`, `{}`, `{"stringValue":"v"}`} {
			v := inner
			for range depth {
				v = `{"arrayValue":{"values":[` + v + `]}}`
			}
			kv := `{"key":"k","value":{"kvlistValue":{"values":[{"key":"k","value":` + v + `}]}}}`
			if _, err := transcode(t, &used, []byte(in(ids+`,"attributes":[`+kv+`]`))); err == nil {
				deepest = depth
			} else if !strings.Contains(err.Error(), "too deep") {
				t.Fatal(err)
			}
		}
	}
	if deepest != 28 { // of attribute, value and list there are 3 + 2 + 28*2 levels below the span's
		t.Errorf("%d lists", deepest)
	}
}

// The same for maps, whose attributes are read in one go.
func TestDepthOfMaps(t *testing.T) {
	var used Transcoder
	deepest := 0
	for depth := range 30 {
		v := `{"stringValue":"v"}`
		for range depth {
			v = `{"kvlistValue":{"values":[{"key":"k","value":` + v + `}]}}`
		}
		if _, err := transcode(t, &used, []byte(in(ids+`,"attributes":[{"key":"k","value":`+v+`}]`))); err == nil {
			deepest = depth
		} else if !strings.Contains(err.Error(), "too deep") {
			t.Fatal(err)
		}
	}
	if deepest != 19 { // of map, attribute and value there are 19*3 levels below an attribute's value, which is on the fifth
		t.Errorf("%d maps", deepest)
	}
}
