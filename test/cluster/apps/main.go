// Apps is what runs in the cluster's pods beside agents: real clients, a flood of
// spans, and a collector that remembers what came.
//
//	apps tell      real clients: OpenTelemetry's SDK, or jaeger-client-go
//	apps flood     many spans, by bench/load
//	apps collect   the collector
//
// What it is to do is in its environment, where the clients' own variables are,
// too. What it did is a line of JSON, for the log and the termination message.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	verb := ""
	if len(os.Args) == 2 {
		verb = os.Args[1]
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	var err error
	switch verb {
	case "tell":
		err = tell(ctx)
	case "flood":
		err = flood(ctx)
	case "collect":
		err = collect(ctx)
	case "nap": // a container that is there, and does nothing
		<-ctx.Done()
	default:
		err = fmt.Errorf("usage: apps tell|flood|collect|nap, not %q", os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// report tells what was done.
func report(what any) error {
	b, err := json.Marshal(what)
	if err != nil {
		return err
	}
	fmt.Println(string(b))
	// Outside of a pod there is no such file, and the line above has said it.
	_ = os.WriteFile("/dev/termination-log", b, 0o644)
	return nil
}

// number and duration read a variable, or what holds without it.
func number(name string, without int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return without
}

func duration(name string, without time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(name)); err == nil {
		return d
	}
	return without
}
