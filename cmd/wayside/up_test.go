package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/collector/ingest"
	"github.com/wayside-tracing/wayside/internal/loadgen"
	"github.com/wayside-tracing/wayside/internal/shop"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// started is a wayside with ports of its own, which writes to buffers.
func started(t *testing.T) (w *wayside, stdout, stderr *bytes.Buffer) {
	t.Helper()
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	w = &wayside{}
	w.out = newOutput(stdout, stderr, w.ledger)
	if err := w.open(listen{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	return w, stdout, stderr
}

// send has loadgen send to each port for a moment, then ends w once the agent
// has all of it.
func send(t *testing.T, w *wayside) (sent loadgen.Report) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.run(ctx) }()
	for i, o := range []loadgen.Options{
		{To: w.udp("compact"), Encoding: thrift.Compact},
		{To: w.udp("binary"), Encoding: thrift.Binary},
		{To: w.otlp("grpc"), Protocol: loadgen.OTLPGRPC},
		{To: w.otlp("http"), Protocol: loadgen.OTLPHTTP},
		{To: w.otlp("http"), Protocol: loadgen.OTLPJSON},
	} {
		o.Rate, o.Duration, o.Services, o.Seed = 3000, 400*time.Millisecond, int(shop.Services), uint64(i+1)
		g, err := loadgen.New(o)
		if err != nil {
			t.Fatal(err)
		}
		r := g.Run(ctx, func(loadgen.Report) {})
		if r.Error != "" || r.Spans == 0 || r.Lost() != 0 {
			t.Errorf("%+v", r)
		}
		sent.Spans += r.Spans
		sent.Packets += r.Packets
		sent.Traces += r.Traces
	}
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("run: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("does not end")
	}
	return sent
}

func TestUp(t *testing.T) {
	w, stdout, _ := started(t)
	sent := send(t, w)
	a, c, in := w.account(), w.tail.Counts(), w.ingest.Stats()
	if a.KernelDrops > 0 {
		t.Skipf("this machine's socket buffers are too small for the test: %d packets were lost", a.KernelDrops)
	}
	if a.Accepted != sent.Spans || a.Delivered != sent.Spans || a.ClientReported.Gaps != 0 {
		t.Errorf("%d spans were sent; %+v", sent.Spans, a)
	}
	if in.Spans != sent.Spans || c.Shown+c.Hidden != sent.Spans || c.Hidden != 0 {
		t.Errorf("%d spans were sent; collector %+v, view %+v", sent.Spans, in, c)
	}
	text, sound := w.lastWord()
	if !sound {
		t.Error(text)
	}
	shown, traces := uint64(0), map[string]bool{}
	for line := range bytes.Lines(stdout.Bytes()) {
		var tr struct {
			TraceID string `json:"trace_id"`
			Spans   []struct{ Service, Operation string }
		}
		if err := json.Unmarshal(line, &tr); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		traces[tr.TraceID] = true
		shown += uint64(len(tr.Spans))
	}
	if shown != sent.Spans || uint64(len(traces)) != sent.Traces {
		t.Errorf("%d spans of %d traces shown; %d of %d sent", shown, len(traces), sent.Spans, sent.Traces)
	}
}

// loser is a sink that takes a frame and says nothing of it.
type loser struct {
	ingest.Sink
	lost int
}

func (l *loser) Put(ctx context.Context, frame []byte, spans int) error {
	if l.lost == 0 {
		l.lost = spans
		return nil
	}
	return l.Sink.Put(ctx, frame, spans)
}

// What is lost on purpose must be seen.
func TestLedgerGoesRed(t *testing.T) {
	w, _, _ := started(t)
	l := &loser{Sink: w.tail}
	w.ingest = ingest.New(l, 0)
	sent := send(t, w)
	text, sound := w.lastWord()
	want := fmt.Sprintf("THE LEDGER DOES NOT ADD UP: the collector took %d spans, but %d were shown", sent.Spans, sent.Spans-uint64(l.lost))
	if l.lost == 0 || sound || !strings.Contains(text, want) {
		t.Errorf("%d spans were lost: %v\n%s\nwant %s", l.lost, sound, text, want)
	}
}

// The whole command, until its reader has seen enough: it ends in order, and
// the ledger is its last word.
func TestUpIntoPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	code := make(chan int)
	go func() {
		defer w.Close()
		code <- run(t.Context(), []string{"up", "--demo", "--duration", "30s", "--compact", "127.0.0.1:0", "--binary", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, w, &stderr)
	}()
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil || !json.Valid(line) {
		t.Errorf("%v: %s", err, line)
	}
	r.Close()
	if c := <-code; c != ok {
		t.Errorf("exit %d", c)
	}
	said := stderr.String()
	for _, want := range []string{
		`(?m)^Wayside is up`, `127\.0\.0\.1:\d+ UDP`, `JAEGER_AGENT_HOST=127\.0\.0\.1 JAEGER_AGENT_PORT=\d+`,
		`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127\.0\.0\.1:\d+/v1/traces\s+OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf`,
		`http://127\.0\.0\.1:\d+/status`, `(?m)^ledger: accepted (\d+) = delivered \d+ \+ buffered 0 \+ dropped 0$`, `(?m)^traces: \d+ shown`,
	} {
		if !regexp.MustCompile(want).MatchString(said) {
			t.Errorf("does not say %s:\n%s", want, said)
		}
	}
	if strings.Contains(said, "broken pipe") || strings.Contains(said, "note: ledger") {
		t.Error(said)
	}
}

func TestLoadgenAlone(t *testing.T) {
	for _, protocol := range []string{"jaeger", "otlp-grpc", "otlp-json"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := call(t, "loadgen", "--to", "127.0.0.1:9", "--protocol", protocol, "--rate", "500", "--duration", "1200ms", "--json")
			var r loadgen.Report
			if err := json.Unmarshal([]byte(stdout), &r); err != nil {
				t.Fatalf("%v: %s", err, stdout)
			}
			if code != failure || r.Spans != 0 || r.Lost() == 0 || !strings.Contains(stderr, "nobody listens on 127.0.0.1:9") {
				t.Errorf("exit %d, %+v, %s", code, r, stderr)
			}
		})
	}
}

// On a terminal two goroutines measured the rate, and each spoiled the other's.
func TestOnlyTheLineAtTheBottomAsksForTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wayside{out: &output{terminal: true}} // without an agent: asking panics
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.wait(ctx, nil); err != nil {
			t.Error(err)
		}
	})
}
