package main

import (
	"fmt"
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
}

// The names of the ways that have budgets of their own.
const (
	jaegerUDP = "jaeger-udp"
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
	otlp := func(protocol load.Protocol, spans int, quick ...int) *way {
		return &way{
			name: fmt.Sprintf("%s-%d", protocol, spans), protocol: protocol, spans: spans, clients: 8,
			rates: []int{10_000, 60_000}, quick: quick, agents: []string{otelcol, wayside},
		}
	}
	return []*way{
		{jaegerUDP, load.JaegerUDP, load.SpansPerPacket, 8, []int{2_000, 10_000, 30_000, 60_000}, []int{2_000, 10_000}, names},
		disk(otlp(load.OTLPGRPC, 20)),
		disk(otlp(load.OTLPGRPC, 100, 10_000)),
		otlp(load.OTLPGRPC, 400),
		otlp(load.OTLPHTTP, 100),
		otlp(load.OTLPJSON, 100, 10_000),
		{large, load.OTLPGRPC, largeSpans, 16, []int{0}, []int{0}, []string{otelcol, wayside}},
	}
}

func wayNames() (all []string) {
	for _, w := range ways() {
		all = append(all, w.name)
	}
	return all
}

// find returns the ways with these names, in the order of ways; "none" is none.
func find(list string) (found []*way, err error) {
	if list == none {
		return nil, nil
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
		return nil, fmt.Errorf("--in: %q is none of %s", name, strings.Join(wayNames(), ", "))
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

func (w *way) udp() bool { return w.protocol == load.JaegerUDP }

// plan is what the load generator is told.
func (w *way) plan(p *places, rate int, o options) load.Plan {
	plan := load.Plan{Protocol: w.protocol, Rate: rate, For: o.seconds, Tick: o.tick, Spans: w.spans, Clients: w.clients}
	switch w.protocol {
	case load.JaegerUDP:
		plan.To = local(p.udp)
	case load.OTLPGRPC:
		plan.To = local(p.otlpGRPC)
	default:
		plan.To = local(p.otlpHTTP)
	}
	return plan
}

// wayAt is a way and a rate, for people.
func wayAt(in string, rate int) string {
	if rate == 0 {
		return in
	}
	return fmt.Sprintf("%s at %s spans/s", in, thousands(rate))
}
