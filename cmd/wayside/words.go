package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/collector/tail"
	"github.com/wayside-tracing/wayside/internal/figures"
)

// welcome says what listens where, and what to do next.
func (w *wayside) welcome() string {
	compact, binary, admin := reachable(w.udp("compact")), reachable(w.udp("binary")), ""
	for _, a := range w.agent.Addresses() {
		if s, ok := strings.CutPrefix(a, "admin "); ok && admin == "" {
			admin = reachable(s)
		}
	}
	var b strings.Builder
	say := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "  %-16s "+format+"\n", append([]any{what}, args...)...)
	}
	b.WriteString("Wayside is up: traces are shown here as they arrive. Ctrl-C ends it.\n\n")
	grpc, http := w.otlp("grpc"), w.otlp("http")
	if grpc != "" {
		say("OpenTelemetry", "%s OTLP over gRPC", grpc)
	}
	if http != "" {
		say("", "%s OTLP over HTTP", http)
		say("in your app", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://%s/v1/traces", http)
		say("", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf")
	} else if grpc != "" {
		say("in your app", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://%s", grpc)
		say("", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc")
	}
	if compact != "" {
		say("Jaeger clients", "%s UDP", compact)
	}
	if binary != "" {
		say("", "%s UDP, for Node.js (binary Thrift)", binary)
	}
	if host, port, err := net.SplitHostPort(compact); err == nil {
		say("in your app", "JAEGER_AGENT_HOST=%s JAEGER_AGENT_PORT=%s", host, port)
	}
	if admin != "" {
		say("status page", "http://%s/status", admin)
	}
	switch {
	case w.demo:
		say("demo", "an invented web shop sends about %d spans a second", demoRate)
	case compact == "127.0.0.1:6831":
		say("to try it", "%s loadgen", self())
	case compact != "":
		say("to try it", "%s loadgen --to %s", self(), compact)
	}
	return b.String()
}

// reachable is an address to send to, where one that listens may stand for all
// of the machine.
func reachable(address string) string {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !a.Addr().IsUnspecified() {
		return address
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port()).String()
}

// udp is the address where Jaeger clients of an encoding are listened to.
func (w *wayside) udp(encoding string) string {
	for _, s := range w.agent.Status().Sockets {
		if s.Encoding == encoding {
			return s.Address
		}
	}
	return ""
}

// otlp is the address for OpenTelemetry SDKs that send by gRPC or HTTP.
func (w *wayside) otlp(protocol string) string {
	for _, l := range w.agent.Status().Listeners {
		if l.Source == "otlp."+protocol {
			return l.Address
		}
	}
	return ""
}

// account is that of all lanes together.
func (w *wayside) account() ledger.Account { return w.agent.Status().Lanes[0].Account }

// ledger is the ledger in one line, and whether it tells of something bad.
func (w *wayside) ledger(c tail.Counts) (line string, bad bool) {
	a := w.account()
	return ledgerLine(a, w.meter.rate(a.Accepted, time.Now()), c), a.Dropped.Sum() > 0 || a.KernelDrops > 0 || a.Check() != nil
}

// ledgerLine begins with what matters most: a narrow terminal cuts its end off.
// rate is in spans a second.
func ledgerLine(a ledger.Account, rate uint64, c tail.Counts) string {
	var b strings.Builder
	b.WriteString(equation(a))
	if s := losses(a); s != "" {
		b.WriteString(" · " + s)
	}
	fmt.Fprintf(&b, " · %s spans/s · %s shown", figures.Grouped(rate), figures.Count(c.TracesShown, "trace"))
	if c.TracesHidden > 0 {
		b.WriteString(", " + figures.Grouped(c.TracesHidden) + " not")
	}
	return b.String()
}

// equation is the promise that a ledger keeps.
func equation(a ledger.Account) string {
	s := "accepted " + figures.Grouped(a.Accepted)
	if a.Recovered > 0 {
		s += " + recovered " + figures.Grouped(a.Recovered)
	}
	return s + " = delivered " + figures.Grouped(a.Delivered) + " + buffered " + figures.Grouped(a.Buffered) +
		" + dropped " + figures.Grouped(a.Dropped.Sum())
}

// losses tells of what never came to be a span in the ledger.
func losses(a ledger.Account) string {
	var list []string
	if a.KernelDrops > 0 {
		list = append(list, "kernel dropped "+figures.Count(a.KernelDrops, "packet"))
	}
	for reason, n := range a.Refused.All {
		if n > 0 {
			list = append(list, fmt.Sprintf("refused %s (%s)", requests(n, reason), reason))
		}
	}
	if c := a.ClientReported; c.FullQueue+c.TooLarge+c.SendFailure > 0 {
		list = append(list, "clients say they lost "+figures.Count(c.FullQueue+c.TooLarge+c.SendFailure, "span"))
	}
	return strings.Join(list, " · ")
}

// requests counts what was refused: by UDP a packet, by OTLP a request, which
// the ledger does not tell apart.
func requests(n uint64, reason ledger.RefuseReason) string {
	switch {
	case reason == ledger.QueueFull || reason == ledger.Overloaded: // a packet is not told to come again
		return figures.Count(n, "request")
	case n == 1:
		return "1 packet or request"
	}
	return figures.Grouped(n) + " packets or requests"
}

// lastWord is the ledger at the end, and whether every span is accounted for
// at each hop: in the agent, on the way to the collector, and in the view.
func (w *wayside) lastWord() (text string, sound bool) {
	a, c, in := w.account(), w.tail.Counts(), w.ingest.Stats()
	var b strings.Builder
	fmt.Fprintf(&b, "ledger: %s", equation(a))
	if s := losses(a); s != "" {
		b.WriteString("; " + s)
	}
	for reason, n := range a.Dropped.All {
		if n > 0 {
			fmt.Fprintf(&b, "; %s dropped: %s", figures.Count(n, "span"), reason)
		}
	}
	fmt.Fprintf(&b, "\ntraces: %s shown (%s)", figures.Grouped(c.TracesShown), figures.Count(c.Shown, "span"))
	if n := c.Hidden + c.Open; n > 0 {
		fmt.Fprintf(&b, "; not shown: %s", figures.Count(n, "span"))
	}
	var wrong []string
	if err := a.Check(); err != nil {
		wrong = append(wrong, err.Error())
	}
	if in.Spans < a.Delivered {
		wrong = append(wrong, fmt.Sprintf("the agent delivered %d spans, but the collector took %d", a.Delivered, in.Spans))
	}
	if c.Spans != in.Spans || c.Spans != c.Open+c.Shown+c.Hidden {
		wrong = append(wrong, fmt.Sprintf("the collector took %d spans, but %d were shown, %d not shown and %d are open", in.Spans, c.Shown, c.Hidden, c.Open))
	}
	for _, s := range wrong {
		b.WriteString("\nTHE LEDGER DOES NOT ADD UP: " + s)
	}
	return b.String(), len(wrong) == 0
}

// meter measures a rate over about a second, from when it was made. It is used
// by one goroutine.
type meter struct {
	n     uint64
	at    time.Time
	value uint64 // a second
}

func (m *meter) rate(n uint64, now time.Time) uint64 {
	if since := now.Sub(m.at); since >= time.Second {
		m.value = uint64(float64(n-m.n)/since.Seconds() + 0.5)
		m.n, m.at = n, now
	}
	return m.value
}
