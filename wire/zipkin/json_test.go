package zipkin

import (
	"errors"
	"strings"
	"testing"
)

const ids = `"traceId":"1","id":"2"`

// A span of JSON means this, and costs only itself if it is bad.
func TestJSON2(t *testing.T) {
	const head = `00000000000000000000000000000001/0000000000000002<0000000000000000 `
	const at = `,"timestamp":5,"duration":2`
	for _, c := range []struct{ name, span, want string }{
		{"the least", ids, `{} ` + head + `"" 0-0 kind=0 status=0"" @ {otel.zipkin.absentField.startTime=true}`},
		{
			"all of it", ids + at + `,"parentId":"000000000000000a","kind":"PRODUCER","name":"\u00e4","shared":true,"debug":false,` +
				`"localEndpoint":{"serviceName":"a\u0062c","ipv4":"10.0.0.255","port":80},"remoteEndpoint":{"serviceName":"p","ipv6":"2001:DB8::1","port":"443"},` +
				`"annotations":[{"timestamp":7,"value":"e\n"},null],"tags":{"k":"v","\u006b2":"\"","host.name":"h","otel.scope.name":"s"}`,
			`{host.name="h" service.name="abc"} 00000000000000000000000000000001/0000000000000002<000000000000000a "ä" 5000-7000 kind=4 status=0"" s@ ` +
				`{k2="\"" k="v" net.host.port=80 net.peer.port=443 network.local.address="10.0.0.255" network.peer.address="2001:db8::1" service.peer.name="p"}` +
				"\n  event 7000 \"e\\n\" {}",
		},
		{"tags of other types", ids + at + `,"tags":{"a":1.50,"b":true,"c":null}`, `{} ` + head + `"" 5000-7000 kind=0 status=0"" @ {a="1.50" b="true" c=""}`},
		{"the last tag counts", ids + at + `,"tags":{"a":"1","a":"2"}`, `{} ` + head + `"" 5000-7000 kind=0 status=0"" @ {a="2"}`},
		{"an error in words", ids + at + `,"tags":{"error":"no"}`, `{} ` + head + `"" 5000-7000 kind=0 status=2"" @ {error="no"}`},
		{"no address, no port", ids + at + `,"localEndpoint":{"ipv4":"1.2.3","ipv6":"fe80::1%eth0","port":70000}`, `{} ` + head + `"" 5000-7000 kind=0 status=0"" @ {}`},
		{"not UTF-8", ids + at + `,"name":"` + "\xff\xfe" + `","tags":{"` + "\xff" + `":"` + "\xfe" + `"}`, `{} ` + head + `"` + "\ufffd" + `" 5000-7000 kind=0 status=0"" @ {` + "\ufffd" + `="` + "\ufffd" + `"}`},
		{
			"an event of the exporter", ids + at + `,"annotations":[{"timestamp":1,"value":"e|{\"n\":1,\"t\":\"a|b\",\"l\":[1]}|3"},{"timestamp":1,"value":"e|{]|3"},{"timestamp":1,"value":"e|{}|-1"}]`,
			`{} ` + head + `"" 5000-7000 kind=0 status=0"" @ {}` + "\n  event 1000 \"e\" {n=1 t=\"a|b\"}\n  event 1000 \"e|{]|3\" {}\n  event 1000 \"e|{}|-1\" {}",
		},
		{
			"links, and what is none", ids + at + `,"tags":{"otlp.link.0":"0000000000000000000000000000000a|000000000000000b|s|{\"k\":true}|0","otlp.link.1":"x|y|z|{}|0","otlp.link.3":"q"}`,
			`{} ` + head + `"" 5000-7000 kind=0 status=0"" @ {otlp.link.1="x|y|z|{}|0" otlp.link.3="q"}` + "\n  link 0000000000000000000000000000000a/000000000000000b \"s\" {k=true}",
		},
		{"no trace id", `"id":"2"`, ""},
		{"zeros", `"traceId":"0","id":"2"`, ""},
		{"an id too long", `"traceId":"1","id":"00000000000000002"`, ""},
		{"an id that is not hex", `"traceId":"1","id":"g"`, ""},
		{"an id twice", ids + `,"id":"3"`, ""},
		{"a number for a name", ids + `,"name":5`, ""},
		{"a fraction of a µs", ids + `,"timestamp":5.5`, ""},
		{"a negative start", ids + `,"timestamp":-5`, ""},
		{"a long number", ids + `,"timestamp":1` + strings.Repeat("0", 1<<20), ""},
		{"lists for tags", ids + `,"tags":[]`, ""},
		{"tags of lists", ids + `,"tags":{"a":[]}`, ""},
		{"deep inside", ids + `,"new":` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `,"name":{}`, ""},
	} {
		const good = `{"traceId":"a","id":"b","timestamp":1}`
		const goodShown = "{} 0000000000000000000000000000000a/000000000000000b<0000000000000000 \"\" 1000-1000 kind=0 status=0\"\" @ {}\n"
		got, res := transcode(t, (*Transcoder).JSON2, `[`+good+` , {`+c.span+`},`+good+`]`)
		want := c.want
		if want != "" {
			want += "\n"
		}
		// Those with the resource of the first one stand together.
		if strings.HasPrefix(want, "{} ") {
			want = goodShown + want + goodShown
		} else {
			want = goodShown + goodShown + want
		}
		if invalid := c.want == ""; got != want || invalid != (res.Invalid == 1) {
			t.Errorf("%s: %d invalid\n got %s\nwant %s", c.name, res.Invalid, got, want)
		}
	}
}

func TestJSON1(t *testing.T) {
	const head = ` 00000000000000000000000000000001/0000000000000002<0000000000000000 "get" `
	for _, c := range []struct{ name, span, want string }{
		{
			"a client's", `"name":"get","timestamp":5,"duration":3,"annotations":[{"timestamp":5,"value":"cs","endpoint":{"serviceName":"shop","ipv4":"10.0.0.1","port":8080}},` +
				`{"timestamp":6,"value":"wire"}],"binaryAnnotations":[{"key":"sa","value":true,"endpoint":{"serviceName":"bank"}},{"key":"n","value":-7},{"key":"f","value":0.5},{"key":"t","value":"x","type":"STRING"},null]`,
			`{ipv4="10.0.0.1" port="8080" service.name="shop"}` + head + `5000-8000 kind=3 status=0"" @ {f=0.5f n=-7 sa=true t="x"}` + "\n  event 6000 \"wire\" {}\n",
		},
		{
			"an error in words", `"name":"get","timestamp":5,"duration":3,"binaryAnnotations":[{"key":"error","value":"no"},{"key":"lc","value":"job"}]`,
			`{service.name="job"}` + head + `5000-8000 kind=0 status=2"" @ {component="job" error.message="no"}` + "\n",
		},
		{"error: false", `"name":"get","timestamp":5,"duration":3,"binaryAnnotations":[{"key":"error","value":false}]`, `{service.name="unknown-service"}` + head + `5000-8000 kind=0 status=0"" @ {}` + "\n"},
		{"derived", `"name":"get","annotations":[{"timestamp":5,"value":"cs"},{"timestamp":9,"value":"cr"}]`, `{service.name="unknown-service"}` + head + `5000-9000 kind=3 status=0"" @ {}` + "\n"},
		{"no value", `"name":"get","timestamp":1,"duration":0,"binaryAnnotations":[{"key":"a"}]`, `{service.name="unknown-service"}` + head + `1000-1000 kind=0 status=0"" @ {a=""}` + "\n"},
		{"a value that is a list", `"binaryAnnotations":[{"key":"a","value":[]}]`, ""},
		{"tags are of version 2", `"name":"get","timestamp":1,"duration":0,"tags":{"a":"b"}`, `{service.name="unknown-service"}` + head + `1000-1000 kind=0 status=0"" @ {}` + "\n"},
	} {
		got, res := transcode(t, (*Transcoder).JSON1, `[{`+ids+","+c.span+`}]`)
		if got != c.want || (c.want == "") != (res.Invalid == 1) {
			t.Errorf("%s: %d invalid\n got %s\nwant %s", c.name, res.Invalid, got, c.want)
		}
	}
}

// What is no list of JSON is refused as a whole.
func TestMalformedJSON(t *testing.T) {
	for _, text := range []string{
		"", "null", "{}", `"x"`, "[", "[{]", "[{}", "[{},]", "[] x", "[1,", `[{"name":"` + "\n" + `"}]`, `[{` + ids + `}] [`, `[{` + ids + `,"name":"\q"}]`,
		strings.Repeat("[", 1<<20), `[` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `]`,
	} {
		for _, format := range []string{"json v1", "json v2"} {
			var tr Transcoder
			if res, err := formats[format](&tr, []byte(text), nil); !errors.Is(err, ErrMalformed) || res.Frames != nil {
				t.Errorf("%s: %.100q: %+v, %v", format, text, res, err)
			}
		}
	}
	for _, text := range []string{"[]", " [ ]\n", "[null,1,\"x\",[]]"} {
		if got, res := transcode(t, (*Transcoder).JSON2, text); got != "" || res.Spans != 0 {
			t.Errorf("%s: %s, %+v", text, got, res)
		}
	}
}

// The ids of a request may have any of the lengths that clients write.
func TestParentOfItself(t *testing.T) {
	got, _ := transcode(t, (*Transcoder).JSON2, `[{"traceId":"0123456789abcdef0123456789ABCDEF","id":"2","parentId":"2","timestamp":1}]`)
	if !strings.Contains(got, " 0123456789abcdef0123456789abcdef/0000000000000002<0000000000000000 ") {
		t.Error(got)
	}
}
