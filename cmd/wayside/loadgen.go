package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os/signal"
	"syscall"

	"github.com/wayside-tracing/wayside/internal/loadgen"
	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

const aboutLoadgen = `wayside loadgen sends the traces of an invented web shop to an agent. Visitors look
at products, fill carts and pay; caches miss, cards are declined, calls are tried
again, mails are sent later. Each service is a process of its own:

  jaeger      a Jaeger client, which sends packets by UDP (up to 65,000 bytes, at
              least one a second), numbers them and reports what it could not send
  otlp-grpc   an OpenTelemetry SDK, which exports up to 512 spans a request, at
  otlp-http   least one a second, and waits for the answer. What the agent has no
  otlp-json   room for is sent again when it says, or later and later, for a
              minute. 2,048 spans wait meanwhile; more are dropped, and counted

It goes on until ctrl-C, or for --duration, then says what was sent, with OTLP
what of it was accepted, and at what speed. Exit status: 0; 1 when spans were
refused, dropped or could not be sent; 2 when it was called wrongly.

  wayside loadgen                                a few traces a second, to look at
  wayside loadgen --rate 10000 --duration 1m     load
  wayside loadgen --encoding binary              as Node.js clients do, to port 6832
  wayside loadgen --protocol otlp-grpc           to port 4317
`

// protocolNamed also returns the port that an agent has for it; "" if there is
// no such protocol.
func protocolNamed(name string) (p loadgen.Protocol, port string) {
	switch name {
	case "jaeger":
		return loadgen.Jaeger, "6831"
	case "otlp-grpc":
		return loadgen.OTLPGRPC, "4317"
	case "otlp-http":
		return loadgen.OTLPHTTP, "4318"
	case "otlp-json":
		return loadgen.OTLPJSON, "4318"
	}
	return 0, ""
}

func sendLoad(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	to := fs.String("to", "", "`HOST:PORT` of the agent (default 127.0.0.1 and the protocol's port: 6831, binary 6832, 4317, 4318)")
	protocol := fs.String("protocol", "jaeger", "`PROTOCOL`: jaeger, otlp-grpc, otlp-http (protobuf) or otlp-json (HTTP too)")
	encoding := fs.String("encoding", "compact", "Thrift `ENCODING`, for jaeger: compact or binary")
	rate := fs.Float64("rate", 20, "`SPANS` a second, all services together")
	duration := fs.Duration("duration", 0, "stop after this `TIME`, such as 30s or 5m")
	services := fs.Int("services", int(shop.Services), fmt.Sprintf("how many of the shop's `N` services report spans, 1 to %d", shop.Services))
	seed := fs.Uint64("seed", 0, "`NUMBER` that decides which traces are invented, with which ids (default: another each time)")
	asJSON := fs.Bool("json", false, "at the end, print a JSON object in place of a sentence")
	if code, goOn := parse(fs, args, aboutLoadgen, stdout, stderr); !goOn {
		return code
	}
	o := loadgen.Options{To: *to, Rate: *rate, Duration: *duration, Services: *services, Seed: *seed}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	var port string
	if o.Protocol, port = protocolNamed(*protocol); port == "" {
		return wrong(stderr, fs, fmt.Errorf("--protocol %q: must be jaeger, otlp-grpc, otlp-http or otlp-json", *protocol))
	}
	switch *encoding {
	case "compact":
		o.Encoding = thrift.Compact
	case "binary":
		o.Encoding = thrift.Binary
		port = "6832"
	default:
		return wrong(stderr, fs, fmt.Errorf("--encoding %q: must be compact or binary", *encoding))
	}
	if o.To == "" {
		o.To = "127.0.0.1:" + port
	}
	switch {
	case o.Protocol != loadgen.Jaeger && o.Encoding != thrift.Compact:
		return wrong(stderr, fs, fmt.Errorf("--encoding %s: goes with --protocol jaeger, and it is %s", *encoding, *protocol))
	case !(o.Rate > 0 && o.Rate <= math.MaxInt32):
		return wrong(stderr, fs, fmt.Errorf("--rate %v: must be more than 0 spans a second", o.Rate))
	case o.Duration < 0:
		return wrong(stderr, fs, fmt.Errorf("--duration %v: must not be negative", o.Duration))
	case o.Services < 1 || o.Services > int(shop.Services):
		return wrong(stderr, fs, fmt.Errorf("--services %d: must be 1 to %d", o.Services, shop.Services))
	}

	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	g, err := loadgen.New(o)
	if err != nil {
		return wrong(stderr, fs, fmt.Errorf("--to %s: %w", o.To, errors.Unwrap(err)))
	}
	report := g.Run(ctx, newProgress(stderr, o).show)
	if isTerminal(stderr) {
		fmt.Fprint(stderr, "\r\x1b[K")
	}
	if *asJSON {
		if err := json.NewEncoder(stdout).Encode(report); err != nil {
			return failure
		}
	} else {
		fmt.Fprint(stdout, summary(o, report))
	}
	if report.Lost() > 0 {
		return failure
	}
	return ok
}
