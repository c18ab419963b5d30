package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wayside-tracing/wayside/bench/load"
)

// A way is how spans come in.
type way struct {
	name     string
	protocol load.Protocol
	spans    int   // in a packet or request
	clients  int   // that are played
	rates    []int // spans/s; 0: every client sends again when it is answered
	quick    []int // those of --quick; none: it is left out
	agents   []string
	asked    bool // it is measured only when asked for
}

// The names of ways that are told apart elsewhere.
const (
	jaegerUDP = "jaeger-udp"
	zipkinUDP = "zipkin-udp"
	large     = "large" // 16 clients with requests of nearly 4 MiB
)

// largeSpans make a request of 4.1 MB. Servers take 4 MiB, which is 4.2 MB, and
// Wayside with its default buffer what half of that holds with some order in it.
const largeSpans = 10_000

func ways() []*way {
	disk := func(w *way) *way {
		w.agents = []string{otelcol, otelcolDisk, wayside, waysideDisk, waysideAlways}
		return w
	}
	requests := func(protocol load.Protocol, spans int, quick ...int) *way {
		return &way{
			name: fmt.Sprintf("%s-%d", protocol, spans), protocol: protocol, spans: spans, clients: 8,
			rates: []int{10_000, 60_000}, quick: quick, agents: []string{otelcol, wayside},
		}
	}
	other := func(protocol load.Protocol) *way {
		w := requests(protocol, 100, 10_000)
		w.asked = true
		return w
	}
	return []*way{
		{name: jaegerUDP, protocol: load.JaegerUDP, spans: load.SpansPerPacket, clients: 8, rates: []int{2_000, 10_000, 30_000, 60_000}, quick: []int{2_000, 10_000}, agents: names},
		disk(requests(load.OTLPGRPC, 20)),
		disk(requests(load.OTLPGRPC, 100, 10_000)),
		requests(load.OTLPGRPC, 400),
		requests(load.OTLPHTTP, 100),
		requests(load.OTLPJSON, 100, 10_000),
		{name: large, protocol: load.OTLPGRPC, spans: largeSpans, clients: 16, rates: []int{0}, quick: []int{0}, agents: []string{otelcol, wayside}},
		other(load.JaegerGRPC),
		other(load.JaegerHTTP),
		other(load.ZipkinJSON),
		other(load.ZipkinProtobuf),
		// The Collector's Jaeger receiver has no use for emitZipkinBatch.
		{name: zipkinUDP, protocol: load.ZipkinUDP, spans: load.SpansPerPacket, clients: 8, rates: []int{10_000, 60_000}, quick: []int{10_000}, agents: []string{jaegerAgent, wayside}, asked: true},
	}
}

// defaultWays are those that are measured unless others are asked for.
func defaultWays() []*way {
	return slices.DeleteFunc(ways(), func(w *way) bool { return w.asked })
}

// everyIn is what --in protocols stands for: a way for each protocol.
func everyIn() []*way {
	return slices.DeleteFunc(ways(), func(w *way) bool { return !w.udp() && (w.spans != 100 || !w.paced()) })
}

func wayNames(of []*way) (all []string) {
	for _, w := range of {
		all = append(all, w.name)
	}
	return all
}

// find returns the ways with these names, in the order of ways; "none" is none.
func find(list string) (found []*way, err error) {
	switch list {
	case none:
		return nil, nil
	case protocols:
		return everyIn(), nil
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		wanted[name] = true
	}
	for _, w := range ways() {
		if wanted[w.name] {
			found = append(found, w)
			delete(wanted, w.name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("--in: %q is none of %s", name, strings.Join(wayNames(ways()), ", "))
	}
	return found, nil
}

// paced says whether there are rates to keep to.
func (w *way) paced() bool { return w.rates[0] > 0 }

// warming is the way in which a contender is driven before it is measured: this
// one, but large requests would leave their memory behind. With a few small
// ones, the pages of the program that it had let go of while idle are back.
func (w *way) warming() *way {
	if w.paced() {
		return w
	}
	small := *w
	small.spans, small.clients = 20, 1
	return &small
}

func (w *way) udp() bool { return w.protocol.UDP() }

// plan is what the load generator is told.
func (w *way) plan(p *places, rate int, o options) load.Plan {
	return load.Plan{To: p.to(w.protocol), Protocol: w.protocol, Rate: rate, For: o.seconds, Tick: o.tick, Spans: w.spans, Clients: w.clients}
}

// wayAt is a way and a rate, for people.
func wayAt(in string, rate int) string {
	if rate == 0 {
		return in
	}
	return fmt.Sprintf("%s at %s spans/s", in, thousands(rate))
}
