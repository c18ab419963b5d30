package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/agent"
	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/collector/ingest"
	"github.com/wayside-tracing/wayside/collector/tail"
	"github.com/wayside-tracing/wayside/internal/loadgen"
	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/internal/task"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

const aboutUp = `wayside up is a complete tracing system for one machine, without configuration:
the agent, which takes spans from your apps, and a collector, which shows their
traces here as they arrive.

On a terminal each trace is a tree: service, operation, duration, when each span
was, and what failed. It is drawn when no span of it came for about a second.
Where more traces come than one can read, some are drawn and all are counted.
The line at the bottom is the agent's ledger: what became of each span.

Where the output is not a terminal, each trace is one line of JSON, with every
span and its attributes; the ledger goes to standard error:

  wayside up | jq -r '.spans[] | select(.error) | .service + ": " + .message'

A line has trace_id, start, duration_ns, services, errors, whole (no span is
missing), late (spans of a trace that was in a line before), left_out, resources
and spans; a span has span_id, parent_id, service, operation, kind, start,
offset_ns, duration_ns, error, message, resource (an index), scope, attributes,
events and links.

Ctrl-C ends it in order. Exit status: 0; 1 when something failed or the ledger
does not add up; 2 when it was called wrongly.
`

// demoRate is how many spans a second --demo sends: a trace or two, which can
// be followed.
const demoRate = 12

func up(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("up", flag.ContinueOnError)
	compact := fs.String("compact", "127.0.0.1:6831", "UDP `ADDRESS` for Jaeger clients")
	binary := fs.String("binary", "127.0.0.1:6832", "UDP `ADDRESS` for Jaeger clients that send binary Thrift (Node.js)")
	otlpGRPC := fs.String("otlp-grpc", "127.0.0.1:4317", "`ADDRESS` for OpenTelemetry SDKs that send OTLP over gRPC")
	otlpHTTP := fs.String("otlp-http", "127.0.0.1:4318", "`ADDRESS` for OpenTelemetry SDKs that send OTLP over HTTP")
	admin := fs.String("admin", "127.0.0.1:14271", "`ADDRESS` of the agent's status page")
	duration := fs.Duration("duration", 0, "stop after this `TIME`, such as 30s")
	demo := fs.Bool("demo", false, "also send the traces of an invented web shop, as wayside loadgen does")
	if code, goOn := parse(fs, args, aboutUp, stdout, stderr); !goOn {
		return code
	}
	if *duration < 0 {
		return wrong(stderr, fs, fmt.Errorf("--duration %v: must not be negative", *duration))
	}

	ctx, restore := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer restore()
	context.AfterFunc(ctx, restore) // the second ctrl-C ends it at once
	// Without this, a reader of the pipe that goes away kills the process
	// before it can end in order.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if *duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *duration)
		defer cancel()
	}

	w := &wayside{demo: *demo, meter: meter{at: time.Now()}}
	w.out = newOutput(stdout, stderr, w.ledger)
	if err := w.open(listen{*compact, *binary, *otlpGRPC, *otlpHTTP, *admin}); err != nil {
		if wrongConfig, ok := errors.AsType[config.Errors](err); ok {
			return wrong(stderr, fs, wrongConfig[0])
		}
		fmt.Fprintf(stderr, "wayside up: %v\n", inUse(err))
		return failure
	}
	w.out.note(w.welcome())
	err := w.run(ctx)
	w.out.close()
	text, sound := w.lastWord()
	w.out.note(text)
	if err != nil {
		fmt.Fprintf(stderr, "wayside up: %v\n", err)
	}
	if err != nil || !sound {
		return failure
	}
	return ok
}

// wayside is what runs:
//
//	apps ──UDP, OTLP──► agent ──OTLP gRPC──► ingest ──► tail ──► terminal or JSON lines
//	                      ▲
//	                   loadgen (--demo)
type wayside struct {
	agent    *agent.Agent
	listener net.Listener
	ingest   *ingest.Server
	tail     *tail.Tail
	out      *output
	demo     bool
	meter    meter
}

// listen is where to.
type listen struct{ compact, binary, otlpGRPC, otlpHTTP, admin string }

// open opens everything that listens.
func (w *wayside) open(at listen) (err error) {
	w.tail = tail.New(w.out.view)
	w.ingest = ingest.New(w.tail, 0)
	// The collector's port is for the agent alone.
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("collector: %w", err)
	}
	cfg, err := config.Load(config.Source{Set: []config.Setting{
		{Key: "accept.jaeger.compact", Value: at.compact, From: "--compact"},
		{Key: "accept.jaeger.binary", Value: at.binary, From: "--binary"},
		{Key: "accept.otlp.grpc", Value: at.otlpGRPC, From: "--otlp-grpc"},
		{Key: "accept.otlp.http", Value: at.otlpHTTP, From: "--otlp-http"},
		{Key: "admin.http", Value: at.admin, From: "--admin"},
		{Key: "control.http", Value: "", From: "up"}, // there are no strategies
		{Key: "deliver.endpoint", Value: w.listener.Addr().String(), From: "up"},
		{Key: "deliver.compression", Value: "none", From: "up"},
		{Key: "deliver.batch.age", Value: "200ms", From: "up"}, // someone is watching
	}})
	if err == nil {
		w.agent, err = agent.New(cfg, slog.New(newNotes(w.out.note)))
	}
	if err != nil {
		w.listener.Close()
	}
	return err
}

// inUse says what to do about an address that is taken.
func inUse(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	return fmt.Errorf("%s %v is in use, perhaps by another agent or collector: stop that, or let the system choose ports: "+
		"wayside up --compact 127.0.0.1:0 --binary 127.0.0.1:0 --otlp-grpc 127.0.0.1:0 --otlp-http 127.0.0.1:0 --admin 127.0.0.1:0", strings.ToUpper(op.Net), op.Addr)
}

// part is a task with a name.
type part struct {
	name string
	run  func(context.Context) error
}

func (p part) Run(ctx context.Context) error { return p.run(ctx) }
func (p part) String() string                { return p.name }

// run runs the parts until ctx is done or one fails, and then ends them in the
// order in which a span passes them, so that each hands on what it has.
func (w *wayside) run(ctx context.Context) error {
	parts := task.NewGroup()
	stopTail := parts.Start(part{"output", w.tail.Run})
	stopIngest := parts.Start(part{"collector", func(ctx context.Context) error { return w.ingest.Serve(ctx, w.listener) }})
	stopAgent := parts.Start(part{"agent", w.agent.Run})
	stopDemo := func() {}
	if w.demo {
		g, err := loadgen.New(loadgen.Options{
			To: w.udp("compact"), Encoding: thrift.Compact, Rate: demoRate, Services: int(shop.Services), Seed: rand.Uint64(),
		})
		if err != nil {
			w.out.note("no demo: " + err.Error())
		} else {
			stopDemo = parts.Start(part{"demo", func(ctx context.Context) error {
				g.Run(ctx, func(loadgen.Report) {})
				return nil
			}})
		}
	}

	err := w.wait(ctx, parts.Failed())
	stopDemo()
	stopAgent()
	stopIngest()
	stopTail()
	if err == nil {
		select {
		case err = <-parts.Failed():
		default:
		}
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil // whoever read has seen enough
	}
	return err
}

// wait waits for the end, and writes the ledger now and then where there is no
// line at the bottom for it. Where there is, whoever draws it asks for the
// ledger, and nobody else may (see meter).
func (w *wayside) wait(ctx context.Context, failed <-chan error) error {
	var now <-chan time.Time // never, on a terminal
	if !w.out.terminal {
		every := time.NewTicker(10 * time.Second)
		defer every.Stop()
		now = every.C
	}
	last := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-now:
			if line, _ := w.ledger(w.tail.Counts()); line != last {
				w.out.note(line)
				last = line
			}
		}
	}
}
