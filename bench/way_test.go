package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/bench/load"
)

// Every way has a place to send to and, when it must be quick, few rates.
func TestWays(t *testing.T) {
	p := &places{udp: 1, zipkinUDP: 2, otlpGRPC: 3, otlpHTTP: 4, jaegerGRPC: 5, jaegerHTTP: 6, zipkinHTTP: 7}
	to := map[load.Protocol]string{
		load.JaegerUDP: ":1", load.ZipkinUDP: ":2", load.OTLPGRPC: ":3", load.OTLPHTTP: ":4", load.OTLPJSON: ":4",
		load.JaegerGRPC: ":5", load.JaegerHTTP: ":6", load.ZipkinJSON: ":7", load.ZipkinProtobuf: ":7",
	}
	for _, w := range ways() {
		if plan := w.plan(p, 7, defaults); plan.To != "127.0.0.1"+to[w.protocol] || plan.Spans != w.spans || plan.Clients != w.clients || plan.Rate != 7 {
			t.Errorf("%s: %+v", w.name, plan)
		}
	}
	for _, args := range [][]string{{"--quick"}, {"--quick", "--in", "protocols"}} {
		quick, err := parse(args)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range quick.in {
			if got := quick.ratesOf(w); len(got) == 0 || len(got) > 2 {
				t.Errorf("%v: %s: %v", args, w.name, got)
			}
		}
	}
}

// --in protocols has each protocol once; by default, none of the others is there.
func TestEveryProtocol(t *testing.T) {
	o, err := parse([]string{"--in", "protocols", "--only", "protocols"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[load.Protocol]int{}
	for _, w := range o.in {
		seen[w.protocol]++
	}
	for _, w := range ways() {
		if seen[w.protocol] != 1 {
			t.Errorf("%s is there %d times", w.protocol, seen[w.protocol])
		}
	}
	if got := strings.Join(o.only, " "); got != "jaeger-agent otelcol wayside otelcol-gzip otelcol-zstd otelcol-http wayside-jaeger-out wayside-gzip wayside-zstd wayside-http" {
		t.Error(got)
	}
	if got := strings.Join(wayNames(defaultWays()), " "); got != "jaeger-udp otlp-grpc-20 otlp-grpc-100 otlp-grpc-400 otlp-http-100 otlp-json-100 large" {
		t.Error(got)
	}
}

// A port that is not open by default is open for the way that needs it, and there only.
func TestOnlyThePortThatIsNeeded(t *testing.T) {
	for _, c := range []struct {
		in               load.Protocol
		wayside, otelcol string
	}{
		{in: load.JaegerGRPC, wayside: `grpc: "127.0.0.1:5"`, otelcol: `      grpc: {endpoint: "127.0.0.1:5"}`},
		{in: load.JaegerHTTP, wayside: `http: "127.0.0.1:6"`, otelcol: `thrift_http: {endpoint: "127.0.0.1:6"}`},
		{in: load.ZipkinJSON, wayside: `zipkin: {http: "127.0.0.1:7"}`, otelcol: `zipkin: {endpoint: "127.0.0.1:7"}`},
		{in: load.ZipkinProtobuf, wayside: `zipkin: {http: "127.0.0.1:7"}`, otelcol: `receivers: [jaeger, otlp, zipkin]`},
		{in: load.ZipkinUDP, wayside: `zipkin_compact: "127.0.0.1:2"`},
	} {
		p := &places{zipkinUDP: 2, jaegerGRPC: 5, jaegerHTTP: 6, zipkinHTTP: 7}
		for _, on := range []bool{true, false} {
			if p.in = load.JaegerUDP; on {
				p.in = c.in
			}
			ours, theirs := setupWayside("", grpcOut)(p, defaults).config, setupCollector("", grpcOut)(p, defaults).config
			if strings.Contains(ours, c.wayside) != on {
				t.Errorf("%s, %t: wayside\n%s", c.in, on, ours)
			}
			if c.otelcol != "" && strings.Contains(theirs, c.otelcol) != on {
				t.Errorf("%s, %t: otelcol\n%s", c.in, on, theirs)
			}
		}
	}
}

// What is compared is sent in the same way, and the receiver takes only that.
func TestWaysOut(t *testing.T) {
	p := &places{grpc: "127.0.0.1:9"}
	all := contenders(nil)
	configOf := func(name string) (*contender, string) {
		i := slices.IndexFunc(all, func(c *contender) bool { return c.name == name })
		return all[i], all[i].setup(p, defaults).config
	}
	for name, want := range map[string][2]string{
		wayside:       {`deliver: {protocol: otlp-grpc, endpoint: "127.0.0.1:9", compression: none}`, ""},
		waysideJaeger: {`deliver: {protocol: jaeger-grpc, endpoint: "127.0.0.1:9", compression: none}`, ""},
		waysideGzip:   {`compression: gzip}`, "gzip"},
		waysideZstd:   {`compression: zstd}`, "zstd"},
		waysideHTTP:   {`deliver: {protocol: otlp-http, endpoint: "http://127.0.0.1:9", compression: none}`, ""},
		otelcol:       {`  otlp: {endpoint: "127.0.0.1:9", compression: none`, ""},
		otelcolGzip:   {`compression: gzip,`, "gzip"},
		otelcolZstd:   {`compression: zstd,`, "zstd"},
		otelcolHTTP:   {`  otlphttp: {endpoint: "http://127.0.0.1:9", compression: none`, ""},
	} {
		if c, config := configOf(name); !strings.Contains(config, want[0]) || c.encoding != want[1] {
			t.Errorf("%s: %q and\n%s", name, c.encoding, config)
		}
	}
}

func TestReportOfWaysOut(t *testing.T) {
	e := evidenceOf(map[string][]float64{wayside: {3, 3}, waysideGzip: {4, 4}, otelcolGzip: {20, 16}, otelcol: {12, 12}})
	o := optionsFor(t, jaegerUDP)
	if got, want := e.report(o), "| 10,000 | wayside-gzip | otelcol-gzip | 0.225 (0.200–0.250) | +1.00 (+1.00–+1.00) |"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	for i := range e.Runs[0].Rows {
		e.Runs[0].Rows[i].Problem = "1 is missing"
	}
	if got, want := e.report(o), "| wayside-gzip | otelcol-gzip | none: spans are not accounted for | none: "; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	if got := evidenceOf(map[string][]float64{wayside: {3}}).report(o); strings.Contains(got, "other ways out") {
		t.Error("a table of nothing")
	}
}
