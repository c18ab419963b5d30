package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/wayside-tracing/wayside/bench/load"
)

// flood sends spans at a rate: TO (host:port), PROTOCOL (as bench/load names
// them), RATE (spans a second), FOR, SPANS (a request). LINGER keeps the process until it is told to end.
func flood(ctx context.Context) error {
	stop := make(chan struct{})
	context.AfterFunc(ctx, func() { close(stop) })
	sent, err := load.Send(load.Plan{
		To: os.Getenv("TO"), Protocol: load.Protocol(os.Getenv("PROTOCOL")),
		Rate: number("RATE", 10_000), For: duration("FOR", 10*time.Second),
		Spans: number("SPANS", 100), Clients: number("CLIENTS", 4), Stop: stop,
	})
	if err == nil && sent.Error != "" {
		err = errors.New(sent.Error)
	}
	err = errors.Join(err, report(sent))
	if err == nil && os.Getenv("LINGER") != "" {
		<-ctx.Done()
	}
	return err
}
