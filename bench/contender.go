package main

import "strings"

// A contender is a program that is measured: how it is configured and started,
// and where it says what it lost.
type contender struct {
	name   string
	binary string
	// rates are the only ones it is driven at; none: all.
	rates []int
	// setup says how to start it.
	setup func(*places, options) setup
	// counted reads what the program itself says of spans that it was sent
	// and did not deliver. nil: it says nothing.
	counted func(*places) (account, error)
	// encoding is what its requests are compressed with, gzip or zstd; "": not
	// at all. The receiver takes no others.
	encoding string
}

// The names of the contenders, in the order of the table.
const (
	jaegerAgent   = "jaeger-agent"
	otelcol       = "otelcol"
	otelcolDisk   = "otelcol-disk" // its queue in file_storage
	wayside       = "wayside"
	waysideDisk   = "wayside-disk"        // sync: interval
	waysideAlways = "wayside-disk-always" // sync: always
	floor         = "floor"
	floorRested   = "floor-rested" // only on request, as what follows

	// Other ways out.
	otelcolGzip   = "otelcol-gzip"
	otelcolZstd   = "otelcol-zstd"
	otelcolHTTP   = "otelcol-http"       // OTLP
	waysideJaeger = "wayside-jaeger-out" // gRPC
	waysideGzip   = "wayside-gzip"
	waysideZstd   = "wayside-zstd"
	waysideHTTP   = "wayside-http" // OTLP
)

var names = []string{
	jaegerAgent, otelcol, otelcolDisk, wayside, waysideDisk, waysideAlways, floor, floorRested,
	otelcolGzip, otelcolZstd, otelcolHTTP, waysideJaeger, waysideGzip, waysideZstd, waysideHTTP,
}

// everyOut is what --only protocols stands for: every way out, and beside those of
// Wayside that of another program that is most like it.
func everyOut() []string {
	return append([]string{jaegerAgent, otelcol, wayside}, names[8:]...)
}

// program is the contender whose program it is; some are started in several ways.
func program(name string) string {
	for _, one := range []string{otelcol, wayside, floor} {
		if strings.HasPrefix(name, one+"-") {
			return one
		}
	}
	return name
}

func isWayside(name string) bool { return program(name) == wayside }

func contenders(binaries map[string]string) []*contender {
	few := []int{10_000, 60_000}
	all := []*contender{
		{name: jaegerAgent, setup: setupJaegerAgent, counted: countedByJaegerAgent},
		{name: otelcol, setup: setupCollector("", grpcOut)},
		{name: otelcolDisk, setup: setupCollector(fileStorage, grpcOut), rates: few},
		{name: wayside, setup: setupWayside("", grpcOut), counted: countedByWayside},
		{name: waysideDisk, setup: setupWayside("interval", grpcOut), counted: countedByWayside, rates: few},
		{name: waysideAlways, setup: setupWayside("always", grpcOut), counted: countedByWayside, rates: few},
		{name: floor, setup: setupFloor("plain"), rates: few},
		{name: floorRested, setup: setupFloor("rested"), rates: few},
		{name: otelcolGzip, setup: setupCollector("", gzipOut), rates: few, encoding: "gzip"},
		{name: otelcolZstd, setup: setupCollector("", zstdOut), rates: few, encoding: "zstd"},
		{name: otelcolHTTP, setup: setupCollector("", httpOut), rates: few},
		{name: waysideJaeger, setup: setupWayside("", jaegerOut), counted: countedByWayside, rates: few},
		{name: waysideGzip, setup: setupWayside("", gzipOut), counted: countedByWayside, rates: few, encoding: "gzip"},
		{name: waysideZstd, setup: setupWayside("", zstdOut), counted: countedByWayside, rates: few, encoding: "zstd"},
		{name: waysideHTTP, setup: setupWayside("", httpOut), counted: countedByWayside, rates: few},
	}
	for _, c := range all {
		c.binary = binaries[program(c.name)]
	}
	return all
}

// copies is whether a contender delivers packets as they are, to the port that counts bytes.
func (c *contender) copies() bool { return c.name == floor || c.name == floorRested }
