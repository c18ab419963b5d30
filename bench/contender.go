package main

import (
	"fmt"
	"strings"
)

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
}

// setup is a command line and, if it is not empty, a configuration file, whose
// path takes the place of CONFIG in the arguments.
type setup struct {
	args   []string
	config string
}

// places are the addresses that one started process and its receiver use, all on 127.0.0.1.
type places struct {
	udp      int    // Jaeger compact in
	otlpGRPC int    // OTLP in; nobody's where a program has none
	otlpHTTP int    //
	spare    [3]int // other ports that a program insists on opening
	admin    int
	disk     string // an empty folder of its own
	grpc     string // the receiver, host:port
	sink     string // the receiver's port that counts bytes
}

func (p *places) adminURL(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", p.admin, path)
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// The names of the contenders, in the order of the table.
const (
	jaegerAgent   = "jaeger-agent"
	otelcol       = "otelcol"
	otelcolDisk   = "otelcol-disk" // its queue in file_storage
	wayside       = "wayside"
	waysideDisk   = "wayside-disk"        // sync: interval
	waysideAlways = "wayside-disk-always" // sync: always
	floor         = "floor"
	floorRested   = "floor-rested" // only on request
)

var names = []string{jaegerAgent, otelcol, otelcolDisk, wayside, waysideDisk, waysideAlways, floor, floorRested}

// program is the contender whose program it is; some are started in several ways.
func program(name string) string {
	switch name {
	case otelcolDisk:
		return otelcol
	case waysideDisk, waysideAlways:
		return wayside
	case floorRested:
		return floor
	}
	return name
}

func isWayside(name string) bool { return program(name) == wayside }

func contenders(binaries map[string]string) []*contender {
	few := []int{10_000, 60_000}
	all := []*contender{
		{name: jaegerAgent, setup: setupJaegerAgent, counted: countedByJaegerAgent},
		{name: otelcol, setup: setupCollector("")},
		{name: otelcolDisk, setup: setupCollector(fileStorage), rates: few},
		{name: wayside, setup: setupWayside(""), counted: countedByWayside},
		{name: waysideDisk, setup: setupWayside("interval"), counted: countedByWayside, rates: few},
		{name: waysideAlways, setup: setupWayside("always"), counted: countedByWayside, rates: few},
		{name: floor, setup: setupFloor("plain"), rates: few},
		{name: floorRested, setup: setupFloor("rested"), rates: few},
	}
	for _, c := range all {
		c.binary = binaries[program(c.name)]
	}
	return all
}

func setupJaegerAgent(p *places, o options) setup {
	return setup{args: []string{
		"--reporter.grpc.host-port=" + p.grpc,
		"--processor.jaeger-compact.server-host-port=" + local(p.udp),
		fmt.Sprintf("--processor.jaeger-compact.server-socket-buffer-size=%d", o.socketBuffer),
		"--processor.jaeger-binary.server-host-port=" + local(p.spare[0]),
		"--processor.zipkin-compact.server-host-port=" + local(p.spare[1]),
		"--http-server.host-port=" + local(p.spare[2]),
		"--admin.http.host-port=" + local(p.admin),
	}}
}

// fileStorage is where the Collector's queue is kept, as the documentation of
// file_storage gives it; fsync is off there unless asked for.
const fileStorage = `extensions:
  file_storage: {directory: DISK}
`

// setupCollector is what an installation has: memory_limiter and batch as their
// documentation gives them, its own metrics on. Only gzip is turned off. With a
// storage, its queue is there.
func setupCollector(storage string) func(*places, options) setup {
	queue, extensions := "", ""
	if storage != "" {
		queue, extensions = ", sending_queue: {storage: file_storage}", "\n  extensions: [file_storage]"
	}
	return func(p *places, o options) setup {
		config := strings.ReplaceAll(storage, "DISK", fmt.Sprintf("%q", p.disk)) + fmt.Sprintf(`receivers:
  jaeger:
    protocols:
      thrift_compact: {endpoint: %q, socket_buffer_size: %d}
      thrift_binary: {endpoint: %q}
  otlp:
    protocols:
      grpc: {endpoint: %q}
      http: {endpoint: %q}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 512}
  batch: {}
exporters:
  otlp: {endpoint: %q, compression: none, tls: {insecure: true}%s}
service:%s
  telemetry:
    logs: {level: warn}
    metrics:
      readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]
  pipelines:
    traces: {receivers: [jaeger, otlp], processors: [memory_limiter, batch], exporters: [otlp]}
`, local(p.udp), o.socketBuffer, local(p.spare[0]), local(p.otlpGRPC), local(p.otlpHTTP), p.grpc, queue, extensions, p.admin)
		return setup{args: []string{"--config", "CONFIG"}, config: config}
	}
}

// setupWayside has the defaults, and where sync is given a buffer on disk.
func setupWayside(sync string) func(*places, options) setup {
	return func(p *places, o options) setup {
		config := fmt.Sprintf(`accept:
  jaeger: {compact: %q, binary: %q, socket_buffer: %dB}
  otlp: {grpc: %q, http: %q}
deliver: {endpoint: %q, compression: none}
admin: {http: %q, pprof: %t}
control: {http: ""}
`, local(p.udp), local(p.spare[0]), o.socketBuffer, local(p.otlpGRPC), local(p.otlpHTTP), p.grpc, local(p.admin), o.profile)
		if sync != "" {
			config += fmt.Sprintf("buffer: {disk: {path: %q, size: %dMiB, sync: %s}}\n", p.disk, o.diskSize>>20, sync)
		}
		return setup{args: []string{"--config", "CONFIG"}, config: config}
	}
}

func setupFloor(how string) func(*places, options) setup {
	return func(p *places, o options) setup {
		return setup{args: []string{how, local(p.udp), p.sink, fmt.Sprint(o.socketBuffer)}}
	}
}

// copies is whether a contender delivers packets as they are, to the port that counts bytes.
func (c *contender) copies() bool { return c.name == floor || c.name == floorRested }

// arguments puts the path of the configuration file where it belongs.
func (s setup) arguments(config string) []string {
	args := make([]string, len(s.args))
	for i, a := range s.args {
		args[i] = strings.ReplaceAll(a, "CONFIG", config)
	}
	return args
}
