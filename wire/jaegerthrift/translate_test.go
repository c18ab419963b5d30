package jaegerthrift

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

func str(key, value string) Tag          { return Tag{Key: key, Type: TagString, Str: value} }
func long(key string, value int64) Tag   { return Tag{Key: key, Type: TagLong, Long: value} }
func boolean(key string, value bool) Tag { return Tag{Key: key, Type: TagBool, Bool: value} }
func double(key string, value float64) Tag {
	return Tag{Key: key, Type: TagDouble, Double: value}
}
func blob(key, value string) Tag { return Tag{Key: key, Type: TagBinary, Binary: []byte(value)} }

// plain is a batch of one span, of which tests change what they are about.
func plain() *Batch {
	return &Batch{
		Process: Process{ServiceName: "svc"},
		Spans:   []Span{{TraceIDLow: 1, TraceIDHigh: 2, SpanID: 3, OperationName: "op", StartTime: 1, Duration: 2}},
	}
}

// The only span of a frame.
func theSpan(t *testing.T, frame []byte) *otlp.Span {
	t.Helper()
	var only *otlp.Span
	for s := range otlp.Spans(frame) {
		if only != nil {
			t.Fatal("two spans")
		}
		only = s
	}
	if only == nil {
		t.Fatal("no span")
	}
	return only
}

func TestGolden(t *testing.T) {
	frame, res := transcodeAll(t, goldenBatch())
	const want = `@: {service.name="svc"} 00000000000000020000000000000001/0000000000000003<0000000000000000 "op" 1000000000-1000005000 kind=0 status=0 {k="v"}` + "\n"
	if got := show(frame); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if !res.HasSeqNo || res.SeqNo != 1 || !res.HasStats || res.Stats != (ClientStats{}) || res.ClientUUID != nil ||
		res.Spans != 1 || res.Invalid != 0 || res.TooBig != 0 {
		t.Errorf("%+v", res)
	}
}

func TestTags(t *testing.T) {
	const unknown = `<Unknown Jaeger TagType \"<UNSET>\">`
	var many []Tag
	for i := range 300 {
		many = append(many, long(fmt.Sprintf("key %d", i%100), int64(i)))
	}
	for name, tc := range map[string]struct {
		tags []Tag
		want string // what showSpan writes after the times
	}{
		"none": {nil, `kind=0 status=0 {}`},
		"types": {
			[]Tag{str("s", "text"), boolean("b", true), boolean("c", false), long("l", -7), double("d", 0.5), blob("x", "\x00\xff")},
			`kind=0 status=0 {b=true c=false d=0.5f l=-7 s="text" x=x00ff}`,
		},
		"unknown type":  {[]Tag{{Key: "k", Type: 9}, {Key: "n", Type: -1}}, `kind=0 status=0 {k="` + unknown + `" n="` + unknown + `"}`},
		"empty":         {[]Tag{str("", ""), blob("x", "")}, `kind=0 status=0 {="" x=x}`},
		"longer values": {[]Tag{str(strings.Repeat("k", 130), strings.Repeat("v", 20_000))}, `kind=0 status=0 {` + strings.Repeat("k", 130) + `="` + strings.Repeat("v", 20_000) + `"}`},
		"extreme numbers": {
			[]Tag{long("min", math.MinInt64), long("max", math.MaxInt64), double("nan", math.NaN()), double("inf", math.Inf(1))},
			`kind=0 status=0 {inf=+Inff max=9223372036854775807 min=-9223372036854775808 nan=NaNf}`,
		},
		"a key twice":              {[]Tag{str("k", "1"), str("j", "2"), long("k", 3)}, `kind=0 status=0 {j="2" k=3}`},
		"a key three times":        {[]Tag{str("k", "1"), str("k", "2"), str("k", "3"), str("j", "4")}, `kind=0 status=0 {j="4" k="3"}`},
		"no key twice":             {[]Tag{str("", "1"), str("", "2")}, `kind=0 status=0 {="2"}`},
		"keys alike but one":       {[]Tag{str("http.server.a", "1"), str("http.server.b", "2"), str("http.servfr.a", "3")}, `kind=0 status=0 {http.server.a="1" http.server.b="2" http.servfr.a="3"}`},
		"keys alike in the middle": {[]Tag{str("prefix..a..suffix..", "1"), str("prefix..b..suffix..", "2")}, `kind=0 status=0 {prefix..a..suffix..="1" prefix..b..suffix..="2"}`},
		"UTF-8":                    {[]Tag{str("ключ", "знач\u00e9 \U0001F600")}, `kind=0 status=0 {ключ="знач` + "\u00e9 \U0001F600" + `"}`},
		"value that is not UTF-8":  {[]Tag{str("k", "a\xff\xfeb\xc3")}, `kind=0 status=0 {k="a` + "\uFFFDb\uFFFD" + `"}`},
		"key that is not UTF-8":    {[]Tag{str("k\xff\xfe", "v"), long("\xffn", 1), double("\xffd", 1), boolean("\xffb", true), blob("\xffx", "\xff")}, "kind=0 status=0 {k\uFFFD=\"v\" \uFFFDb=true \uFFFDd=1f \uFFFDn=1 \uFFFDx=xff}"},
		"keys that are made alike": {[]Tag{str("\xff", "1"), str("\xfe", "2"), str("\uFFFD", "3")}, "kind=0 status=0 {\uFFFD=\"3\"}"},
		"bytes need not be UTF-8":  {[]Tag{blob("x", "\xff")}, `kind=0 status=0 {x=xff}`},
		"server":                   {[]Tag{str("span.kind", "server")}, `kind=2 status=0 {}`},
		"client":                   {[]Tag{str("span.kind", "client")}, `kind=3 status=0 {}`},
		"producer":                 {[]Tag{str("span.kind", "producer")}, `kind=4 status=0 {}`},
		"consumer":                 {[]Tag{str("span.kind", "consumer")}, `kind=5 status=0 {}`},
		"internal":                 {[]Tag{str("span.kind", "internal")}, `kind=1 status=0 {}`},
		"another kind":             {[]Tag{str("span.kind", "Server")}, `kind=0 status=0 {}`},
		"kind of another type":     {[]Tag{long("span.kind", 2)}, `kind=0 status=0 {}`},
		"kind twice":               {[]Tag{str("span.kind", "client"), str("span.kind", "server")}, `kind=2 status=0 {}`},
		"error":                    {[]Tag{boolean("error", true)}, `kind=0 status=2 {}`},
		"no error":                 {[]Tag{boolean("error", false)}, `kind=0 status=0 {error=false}`},
		"error as text":            {[]Tag{str("error", "true")}, `kind=0 status=0 {error="true"}`},
		"error taken back":         {[]Tag{boolean("error", true), boolean("error", false)}, `kind=0 status=0 {error=false}`},
		"error with description":   {[]Tag{boolean("error", true), str("otel.status_description", "boom"), str("http.status_message", "Bad")}, `kind=0 status=2"boom" {http.status_message="Bad"}`},
		"error with HTTP message":  {[]Tag{str("http.status_message", "Bad"), boolean("error", true)}, `kind=0 status=2"Bad" {http.status_message="Bad"}`},
		"error against code":       {[]Tag{boolean("error", true), str("otel.status_code", "OK")}, `kind=0 status=2 {}`},
		"error against HTTP":       {[]Tag{boolean("error", true), long("http.status_code", 200)}, `kind=0 status=2 {http.status_code=200}`},
		"description of a number":  {[]Tag{boolean("error", true), long("otel.status_description", 5), str("http.status_message", "Bad")}, `kind=0 status=2 {http.status_message="Bad"}`},
		"description alone":        {[]Tag{str("otel.status_description", "boom")}, `kind=0 status=0 {otel.status_description="boom"}`},
		"code OK":                  {[]Tag{str("otel.status_code", "OK")}, `kind=0 status=1 {}`},
		"code ok":                  {[]Tag{str("otel.status_code", "ok")}, `kind=0 status=1 {}`},
		"code Error":               {[]Tag{str("otel.status_code", "Error"), str("otel.status_description", "boom")}, `kind=0 status=2"boom" {}`},
		"code UNSET":               {[]Tag{str("otel.status_code", "UNSET"), str("otel.status_description", "eh")}, `kind=0 status=0"eh" {}`},
		"code with a Kelvin sign":  {[]Tag{str("otel.status_code", "o\u212a")}, `kind=0 status=0 {}`},
		"code of another type":     {[]Tag{long("otel.status_code", 2), boolean("error", false)}, `kind=0 status=0 {error=false}`},
		"code against HTTP":        {[]Tag{str("otel.status_code", "OK"), long("http.status_code", 500)}, `kind=0 status=1 {http.status_code=500}`},
		"HTTP 200":                 {[]Tag{long("http.status_code", 200), str("http.status_message", "fine")}, `kind=0 status=0 {http.status_code=200 http.status_message="fine"}`},
		"HTTP 500":                 {[]Tag{long("http.status_code", 500), str("http.status_message", "Bad")}, `kind=0 status=2"Bad" {http.status_code=500 http.status_message="Bad"}`},
		"HTTP 500 as text":         {[]Tag{str("http.status_code", "500")}, `kind=0 status=2 {http.status_code="500"}`},
		"HTTP +0500":               {[]Tag{str("http.status_code", "+0500")}, `kind=0 status=2 {http.status_code="+0500"}`},
		"HTTP in words":            {[]Tag{str("http.status_code", "500 Bad")}, `kind=0 status=0 {http.status_code="500 Bad"}`},
		"HTTP over 64 bits":        {[]Tag{str("http.status_code", "99999999999999999999")}, `kind=0 status=0 {http.status_code="99999999999999999999"}`},
		"HTTP as double":           {[]Tag{double("http.status_code", 500)}, `kind=0 status=0 {http.status_code=500f}`}, // as Node sends it
		"HTTP of unknown type":     {[]Tag{{Key: "http.status_code", Type: 7}}, `kind=0 status=0 {http.status_code="` + unknown + `"}`},
		"HTTP 404":                 {[]Tag{long("http.status_code", 404)}, `kind=0 status=2 {http.status_code=404}`},
		"HTTP 404 of a client":     {[]Tag{long("http.status_code", 404), str("span.kind", "client")}, `kind=3 status=2 {http.status_code=404}`},
		"HTTP 404 of a server":     {[]Tag{long("http.status_code", 404), str("span.kind", "server")}, `kind=2 status=0 {http.status_code=404}`},
		"HTTP 499 of a server":     {[]Tag{long("http.status_code", 499), str("span.kind", "server")}, `kind=2 status=0 {http.status_code=499}`},
		"HTTP 500 of a server":     {[]Tag{long("http.status_code", 500), str("span.kind", "server")}, `kind=2 status=2 {http.status_code=500}`},
		"HTTP 398":                 {[]Tag{long("http.status_code", 398)}, `kind=0 status=0 {http.status_code=398}`},
		"HTTP 399":                 {[]Tag{long("http.status_code", 399)}, `kind=0 status=2 {http.status_code=399}`},
		"HTTP 100":                 {[]Tag{long("http.status_code", 100)}, `kind=0 status=0 {http.status_code=100}`},
		"HTTP 99":                  {[]Tag{long("http.status_code", 99)}, `kind=0 status=2 {http.status_code=99}`},
		"HTTP -1":                  {[]Tag{str("http.status_code", "-1")}, `kind=0 status=2 {http.status_code="-1"}`},
		"HTTP of a code not known": {[]Tag{str("otel.status_code", "?"), long("http.status_code", 500)}, `kind=0 status=0 {http.status_code=500}`},
		"trace state":              {[]Tag{str("w3c.tracestate", "a=b")}, `kind=0 status=0 state="a=b" {}`},
		"trace state of a number":  {[]Tag{long("w3c.tracestate", 1)}, `kind=0 status=0 state="" {}`},
		"version without scope":    {[]Tag{str("otel.scope.version", "1")}, `kind=0 status=0 {otel.scope.version="1"}`},
		"event is one of a log's":  {[]Tag{str("event", "x")}, `kind=0 status=0 {event="x"}`},
		"hostname is a process's":  {[]Tag{str("hostname", "x"), str("service.name", "y")}, `kind=0 status=0 {hostname="x" service.name="y"}`},
		"more keys than are compared": {many, func() string {
			b := plain()
			b.Spans[0].Tags = many[200:]
			frame, _ := transcode(t, AppendEmitBatch(nil, encodings[0], 1, 0, b))
			_, after, _ := strings.Cut(strings.TrimSpace(showSpan(theSpan(t, frame))), "1000-3000 ")
			return after
		}()},
	} {
		b := plain()
		b.Spans[0].Tags = tc.tags
		frame, _ := transcodeAll(t, b)
		if got, want := showSpan(theSpan(t, frame)), `"op" 1000-3000 `+tc.want+"\n"; got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

// A tag that lacks the value of its type has the type's zero, whatever the tag
// before it has.
func TestTagsWithoutValue(t *testing.T) {
	for _, e := range encodings {
		p := byHand(e, emitBatch, inSpan(func(w *thrift.Writer) {
			w.Field(anywhere, spanTags)
			w.List(thrift.Struct, 10)
			for kind := range int32(5) {
				for _, full := range []bool{true, false} {
					w.Field(0, tagKey)
					w.String(fmt.Sprintf("%d %v", kind, full))
					w.Field(tagKey, tagVType)
					w.I32(kind)
					if full {
						w.Field(tagVType, tagVStr)
						w.String("s")
						w.Field(tagVStr, tagVDouble)
						w.Double(1)
						w.BoolField(tagVDouble, tagVBool, true)
						w.Field(tagVBool, tagVLong)
						w.I64(1)
						w.Field(tagVLong, tagVBinary)
						w.String("b")
					}
					w.Stop()
				}
			}
		}))
		frame, _ := transcode(t, p)
		const want = `{0 false="" 0 true="s" 1 false=0f 1 true=1f 2 false=false 2 true=true 3 false=0 3 true=1 4 false=x 4 true=x62}`
		if got := showAttributes(theSpan(t, frame).Attributes); got != want {
			t.Errorf("%v:\n got %s\nwant %s", e, got, want)
		}
	}
}

func TestProcess(t *testing.T) {
	for name, tc := range map[string]struct {
		process Process
		want    string
	}{
		"name":                      {Process{ServiceName: "svc"}, `{service.name="svc"}`},
		"no name":                   {Process{}, `{}`},
		"no name but tags":          {Process{Tags: []Tag{str("k", "v")}}, `{k="v"}`},
		"name as a tag wins":        {Process{ServiceName: "svc", Tags: []Tag{str("service.name", "tag")}}, `{service.name="tag"}`},
		"hostname":                  {Process{Tags: []Tag{str("hostname", "h")}}, `{host.name="h"}`},
		"hostname of a number":      {Process{Tags: []Tag{long("hostname", 1)}}, `{host.name=1}`},
		"hostname beside host":      {Process{Tags: []Tag{str("hostname", "h"), str("host.name", "n")}}, `{host.name="n" hostname="h"}`},
		"hostname twice":            {Process{Tags: []Tag{str("hostname", "1"), str("hostname", "2")}}, `{host.name="2"}`},
		"version":                   {Process{Tags: []Tag{str("jaeger.version", "Go-2.30.0")}}, `{opencensus.exporterversion="Jaeger-Go-2.30.0"}`},
		"version of a number":       {Process{Tags: []Tag{long("jaeger.version", 2)}}, `{opencensus.exporterversion="Jaeger-"}`},
		"version beside exporter":   {Process{Tags: []Tag{str("opencensus.exporterversion", "e"), str("jaeger.version", "v")}}, `{jaeger.version="v" opencensus.exporterversion="e"}`},
		"uuid stays":                {Process{Tags: []Tag{str("client-uuid", "u")}}, `{client-uuid="u"}`},
		"keys of spans mean naught": {Process{Tags: []Tag{str("span.kind", "server"), boolean("error", true)}}, `{error=true span.kind="server"}`},
	} {
		b := plain()
		b.Process = tc.process
		frame, _ := transcodeAll(t, b)
		if got := showAttributes(theSpan(t, frame).Resource); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
	}
}

func TestClientUUID(t *testing.T) {
	for name, tc := range map[string]struct {
		tags []Tag
		want string
	}{
		"none":        {[]Tag{str("k", "v")}, "<nil>"},
		"one":         {[]Tag{str("client-uuid", "u")}, "u"},
		"empty":       {[]Tag{str("client-uuid", "")}, ""},
		"two":         {[]Tag{str("client-uuid", "1"), str("client-uuid", "2")}, "2"},
		"a number":    {[]Tag{str("k", "v"), long("client-uuid", 1)}, "<nil>"},
		"of the span": {nil, "<nil>"},
	} {
		b := plain()
		b.Process.Tags = tc.tags
		b.Spans[0].Tags = []Tag{str("client-uuid", "span")}
		_, res := transcodeAll(t, b)
		got := string(res.ClientUUID)
		if res.ClientUUID == nil {
			got = "<nil>"
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, tc := range []struct {
		start, duration int64
		want            string
	}{
		{0, 0, "0-0"},
		{5, 7, "5000-12000"},
		{5, -2, "5000-3000"},
		// What is too large wraps around, as upstream.
		{-1, 0, "18446744073709550616-18446744073709550616"},
		{math.MaxInt64, 1, "18446744073709550616-0"},
		{math.MinInt64, 0, "0-0"},
	} {
		b := plain()
		b.Spans[0].StartTime, b.Spans[0].Duration = tc.start, tc.duration
		frame, _ := transcodeAll(t, b)
		if got := showSpan(theSpan(t, frame)); !strings.Contains(got, " "+tc.want+" ") {
			t.Errorf("%d+%d: %s, want %s", tc.start, tc.duration, got, tc.want)
		}
	}
}

func TestLogs(t *testing.T) {
	b := plain()
	b.Spans[0].Logs = []Log{
		{Timestamp: 1},
		{Timestamp: 2, Fields: []Tag{str("event", "retry"), long("n", 3)}},
		{Timestamp: 3, Fields: []Tag{str("event", "1"), str("k", "1"), str("event", "2"), str("k", "2")}},
		{Timestamp: 4, Fields: []Tag{long("event", 3)}},
		{Timestamp: 5, Fields: []Tag{boolean("error", true), str("span.kind", "server"), str("message", "a\xffb")}},
		{Timestamp: 6, Fields: []Tag{str("event", strings.Repeat("e", 200))}},
	}
	frame, _ := transcodeAll(t, b)
	want := `"op" 1000-3000 kind=0 status=0 {}
  event 1000 "" {}
  event 2000 "retry" {n=3}
  event 3000 "2" {k="2"}
  event 4000 "" {}
  event 5000 "" {error=true message="a` + "\uFFFD" + `b" span.kind="server"}
  event 6000 "` + strings.Repeat("e", 200) + `" {}
`
	if got := showSpan(theSpan(t, frame)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestReferences(t *testing.T) {
	const ( // of the span
		low, high = 1, 2
		parent    = 5
	)
	child := func(low, high, span uint64) SpanRef { return SpanRef{ChildOf, low, high, span} }
	follows := func(low, high, span uint64) SpanRef { return SpanRef{FollowsFrom, low, high, span} }
	for name, tc := range map[string]struct {
		parent  uint64
		refs    []SpanRef
		want    string // parent, then links as type:trace high.low:span
		dropped byte
	}{
		"none":                     {0, nil, "0", 0},
		"parent":                   {parent, nil, "5", 0},
		"parent and reference":     {parent, []SpanRef{child(low, high, parent)}, "5", 0},
		"child of":                 {0, []SpanRef{child(low, high, 7)}, "7", 0},
		"follows from":             {0, []SpanRef{follows(low, high, 7)}, "7 follows_from:2.1:7", 0},
		"child of comes first":     {0, []SpanRef{follows(low, high, 7), child(low, high, 8), child(low, high, 9)}, "8 follows_from:2.1:7 child_of:2.1:9", 0},
		"first follows from":       {0, []SpanRef{follows(low, high, 7), follows(low, high, 8)}, "7 follows_from:2.1:7 follows_from:2.1:8", 0},
		"parent beside another":    {parent, []SpanRef{child(low, high, 7)}, "5 child_of:2.1:7", 0},
		"follows from the parent":  {parent, []SpanRef{follows(low, high, parent)}, "5 follows_from:2.1:5", 0},
		"parent twice":             {parent, []SpanRef{child(low, high, parent), child(low, high, parent)}, "5", 0},
		"other trace":              {0, []SpanRef{child(low, 9, 7)}, "0 child_of:9.1:7", 0},
		"other trace, other half":  {0, []SpanRef{child(9, high, 7)}, "0 child_of:2.9:7", 0},
		"foreign parent":           {parent, []SpanRef{child(low, 9, parent)}, "5 child_of:9.1:5", 0},
		"unknown type":             {0, []SpanRef{{7, low, high, 7}}, "0 follows_from:2.1:7", 0},
		"no span id":               {parent, []SpanRef{child(low, 9, 0), follows(low, high, 0)}, "5", 2},
		"no trace id":              {parent, []SpanRef{follows(0, 0, 7), follows(1, 0, 8)}, "5 follows_from:0.1:8", 1},
		"no span id and no parent": {0, []SpanRef{child(low, high, 0), child(low, high, 7)}, "0 child_of:2.1:7", 0},
	} {
		b := plain()
		b.Spans[0].ParentSpanID, b.Spans[0].References = tc.parent, tc.refs
		frame, _ := transcodeAll(t, b)
		s := theSpan(t, frame)
		got := fmt.Sprintf("%d", s.Parent[7])
		for l := range s.Links() {
			kind, _ := l.Attributes.Get("opentracing.ref_type")
			got += fmt.Sprintf(" %s:%d.%d:%d", kind.Bytes, l.TraceID[7], l.TraceID[15], l.SpanID[7])
		}
		if got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
		if dropped := []byte{otlp.SpanDroppedLinks << 3, tc.dropped}; tc.dropped > 0 != bytes.Contains(frame, dropped) {
			t.Errorf("%s: dropped_links_count is not %d\n%x", name, tc.dropped, frame)
		}
	}
}

func TestIDs(t *testing.T) {
	b := plain()
	b.Spans[0].TraceIDLow, b.Spans[0].TraceIDHigh = 0x0102030405060708, 0xf1f2f3f4f5f6f7f8
	b.Spans[0].SpanID, b.Spans[0].ParentSpanID = 0x8000000000000001, 0xffffffffffffffff
	frame, _ := transcodeAll(t, b)
	s := theSpan(t, frame)
	if got := fmt.Sprintf("%x %x %x", s.TraceID, s.SpanID, s.Parent); got != "f1f2f3f4f5f6f7f80102030405060708 8000000000000001 ffffffffffffffff" {
		t.Error(got)
	}
}

// A span with impossible ids is left out, and those beside it stay.
func TestImpossibleIDs(t *testing.T) {
	for name, tc := range map[string]struct {
		low, high, span uint64
		invalid         int
	}{
		"no trace id": {0, 0, 3, 1},
		"no span id":  {1, 2, 0, 1},
		"nothing":     {0, 0, 0, 1},
		"high half":   {0, 2, 3, 0},
		"low half":    {1, 0, 3, 0},
		"negative":    {math.MaxUint64, 0, math.MaxUint64, 0},
	} {
		b := plain()
		b.Spans = append(b.Spans, b.Spans[0], b.Spans[0])
		b.Spans[0].OperationName, b.Spans[2].OperationName = "before", "after"
		s := &b.Spans[1]
		s.TraceIDLow, s.TraceIDHigh, s.SpanID = tc.low, tc.high, tc.span
		s.Tags = []Tag{str("k", "v"), str("otel.scope.name", "lib")}
		frame, res := transcodeAll(t, b)
		if res.Invalid != tc.invalid || res.Spans != 3-tc.invalid {
			t.Errorf("%s: %d invalid, %d spans", name, res.Invalid, res.Spans)
		}
		if got := show(frame); tc.invalid > 0 && (strings.Contains(got, "lib") || !strings.Contains(got, "before") || !strings.Contains(got, "after")) {
			t.Errorf("%s: %s", name, got)
		}
	}
	b := plain()
	b.Spans[0].SpanID = 0
	b.SeqNo = new(int64(7))
	if frame, res := transcodeAll(t, b); frame != nil || res.Invalid != 1 || res.SeqNo != 7 {
		t.Errorf("%+v", res)
	}
}

func TestScopes(t *testing.T) {
	b := plain()
	b.Spans = nil
	for i, tags := range [][]Tag{
		{str("otel.scope.name", "a"), str("otel.scope.version", "1")},
		{str("otel.scope.version", "1"), str("otel.scope.name", "a")},
		{str("otel.scope.name", "a"), str("otel.scope.version", "2")},
		{str("otel.scope.name", "a")},
		nil,
		{str("k", "v")},
		{str("otel.scope.name", "a")},
		{long("otel.scope.name", 1)},
		{str("otel.scope.name", "b"), str("otel.scope.name", "\xff")},
	} {
		b.Spans = append(b.Spans, Span{TraceIDLow: 1, SpanID: uint64(i) + 1, Tags: tags})
	}
	frame, res := transcodeAll(t, b)
	if res.Spans != len(b.Spans) {
		t.Errorf("%d spans", res.Spans)
	}
	var got strings.Builder
	for s := range otlp.Spans(frame) {
		fmt.Fprintf(&got, "%d %s@%s %s\n", s.SpanID[7], s.ScopeName, s.ScopeVer, showAttributes(s.Attributes))
	}
	want := "1 a@1 {}\n2 a@1 {}\n3 a@2 {}\n4 a@ {}\n5 @ {}\n6 @ {k=\"v\"}\n7 a@ {}\n8 @ {}\n9 \uFFFD@ {}\n"
	if got.String() != want {
		t.Errorf("\n got %s\nwant %s", got.String(), want)
	}
	// What is alike and side by side shares a ScopeSpans: seven, not nine.
	scopes := 0
	for field := range resourceSpansFields(t, frame) {
		if field == otlp.ResourceSpansScopeSpans {
			scopes++
		}
	}
	if scopes != 7 {
		t.Errorf("%d ScopeSpans, want 7", scopes)
	}
}

func TestNoSpans(t *testing.T) {
	b := plain()
	b.Spans = nil
	b.Process.Tags = []Tag{str("client-uuid", "u")}
	b.SeqNo, b.Stats = new(int64(9)), &ClientStats{1, 2, 3}
	frame, res := transcodeAll(t, b)
	if frame != nil || res.Spans != 0 || res.SeqNo != 9 || res.Stats != *b.Stats || string(res.ClientUUID) != "u" {
		t.Errorf("%+v", res)
	}
}
