package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/bench/load"
	"github.com/wayside-tracing/wayside/bench/receive"
)

// The load generator and the receiver are this program again, each a process
// of its own, so that the CPU of each is seen apart.

// send is `bench send`: it prints what it sent as JSON.
func send(args []string) error {
	var p load.Plan
	f := flag.NewFlagSet("send", flag.ContinueOnError)
	f.StringVar((*string)(&p.Protocol), "protocol", string(load.JaegerUDP), "jaeger-udp, zipkin-udp, otlp-grpc, otlp-http, otlp-json, jaeger-grpc, jaeger-http, zipkin-json or zipkin-proto")
	f.StringVar(&p.To, "to", "127.0.0.1:6831", "`address` of an agent")
	f.IntVar(&p.Rate, "rate", 10_000, "`spans` a second; 0, not by UDP: as fast as answers come")
	f.IntVar(&p.Spans, "spans", 100, "in a request; not by UDP")
	f.IntVar(&p.Clients, "clients", 8, "connections, each with one request at a time; not by UDP")
	f.DurationVar(&p.For, "for", 8*time.Second, "how long")
	f.DurationVar(&p.Tick, "tick", defaults.tick, "send what is due within this time together; 0: each packet when it is due")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	p.Stop = ctx.Done()
	sent, err := load.Send(p)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(sent)
}

// sendAs runs `bench send`. It ends early, with what was sent until then, when
// p.Stop is closed.
func sendAs(ctx context.Context, p load.Plan) (sent load.Sent, err error) {
	cmd, err := again(ctx, "send", "--protocol", string(p.Protocol), "--to", p.To, "--spans", fmt.Sprint(p.Spans), "--clients", fmt.Sprint(p.Clients),
		"--rate", fmt.Sprint(p.Rate), "--for", p.For.String(), "--tick", p.Tick.String())
	if err != nil {
		return sent, err
	}
	// Without asynchronous preemption, no signal disturbs its sleep.
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOGC=off")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		return sent, fmt.Errorf("send: %w", err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-p.Stop:
			_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended just now
		case <-ended:
		}
	}()
	if err := cmd.Wait(); err != nil {
		return sent, fmt.Errorf("send: %w", err)
	}
	return sent, json.Unmarshal(out.Bytes(), &sent)
}

// listening is the first line that `bench receive` prints.
type listening struct{ GRPC, Sink string }

// receiving is `bench receive`: it serves until its input ends.
func receiving(args []string) error {
	var s receive.Server
	f := flag.NewFlagSet("receive", flag.ContinueOnError)
	f.StringVar(&s.Encoding, "encoding", "", "what requests must be compressed with: gzip, zstd or nothing")
	if err := f.Parse(args); err != nil {
		return err
	}
	grpc, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	sink, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go s.Sink(sink)
	server := s.HTTP()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := json.NewEncoder(os.Stdout).Encode(listening{grpc.Addr().String(), sink.Addr().String()}); err != nil {
		return err
	}
	if err := server.Serve(grpc); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// A receiver is a `bench receive` that runs.
type receiver struct {
	grpc, sink string
	cmd        *exec.Cmd
	stdin      io.Closer
}

func startReceiver(ctx context.Context, encoding string) (r receiver, err error) {
	if r.cmd, err = again(ctx, "receive", "--encoding", encoding); err != nil {
		return r, err
	}
	r.cmd.Env = append(os.Environ(), "GOGC=400") // it shares the cores: less collecting for more memory
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return r, err
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := r.cmd.Start(); err != nil {
		return r, err
	}
	var l listening
	if err := json.NewDecoder(stdout).Decode(&l); err != nil {
		return r, fmt.Errorf("receiver: %w", err)
	}
	r.grpc, r.sink = l.GRPC, l.Sink
	return r, nil
}

func (r receiver) pid() int { return r.cmd.Process.Pid }

func (r receiver) stop() { _ = r.stdin.Close(); _ = r.cmd.Wait() }

func (r receiver) counts() (c receive.Counts, err error) {
	return c, getJSON("http://"+r.grpc+"/counts", &c)
}

// away makes the receiver refuse everything, or no longer.
func (r receiver) away(yes bool) error {
	path := "/back"
	if yes {
		path = "/away"
	}
	return getJSON("http://"+r.grpc+path, &struct{}{})
}

// again is this program with other arguments, to be ended with this one.
func again(ctx context.Context, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = os.Stderr
	tieToParent(cmd)
	return cmd, nil
}

func getJSON(url string, to any) error {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(to)
}
