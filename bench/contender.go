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
	// rates are the only ones it is driven at by UDP; none: all.
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
	grpc     string // the receiver, host:port
	sink     string // the receiver's port that counts bytes
}

func (p *places) adminURL(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", p.admin, path)
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// The names of the contenders, in the order of the table.
const (
	jaegerAgent = "jaeger-agent"
	otelcol     = "otelcol"
	wayside     = "wayside"
	floor       = "floor"
	floorRested = "floor-rested" // only on request
)

var names = []string{jaegerAgent, otelcol, wayside, floor, floorRested}

func contenders(binaries map[string]string) []*contender {
	all := []*contender{
		{name: jaegerAgent, setup: setupJaegerAgent, counted: countedByJaegerAgent},
		{name: otelcol, setup: setupCollector},
		{name: wayside, setup: setupWayside, counted: countedByWayside},
		{name: floor, setup: setupFloor("plain"), rates: []int{10_000, 60_000}},
		{name: floorRested, setup: setupFloor("rested"), rates: []int{10_000, 60_000}},
	}
	for _, c := range all {
		c.binary = binaries[c.name]
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

// setupCollector is what an installation has: memory_limiter and batch as their
// documentation gives them, its own metrics on. Only gzip is turned off.
func setupCollector(p *places, o options) setup {
	config := fmt.Sprintf(`receivers:
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
  otlp: {endpoint: %q, compression: none, tls: {insecure: true}}
service:
  telemetry:
    logs: {level: warn}
    metrics:
      readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]
  pipelines:
    traces: {receivers: [jaeger, otlp], processors: [memory_limiter, batch], exporters: [otlp]}
`, local(p.udp), o.socketBuffer, local(p.spare[0]), local(p.otlpGRPC), local(p.otlpHTTP), p.grpc, p.admin)
	return setup{args: []string{"--config", "CONFIG"}, config: config}
}

func setupWayside(p *places, o options) setup {
	config := fmt.Sprintf(`accept:
  jaeger: {compact: %q, binary: %q, socket_buffer: %dB}
  otlp: {grpc: %q, http: %q}
deliver: {endpoint: %q, compression: none}
admin: {http: %q, pprof: %t}
`, local(p.udp), local(p.spare[0]), o.socketBuffer, local(p.otlpGRPC), local(p.otlpHTTP), p.grpc, local(p.admin), o.profile)
	return setup{args: []string{"--config", "CONFIG"}, config: config}
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
