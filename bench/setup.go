package main

import (
	"fmt"
	"strings"

	"github.com/wayside-tracing/wayside/bench/load"
)

// setup is a command line and, if it is not empty, a configuration file, whose
// path takes the place of CONFIG in the arguments.
type setup struct {
	args   []string
	config string
}

// arguments puts the path of the configuration file where it belongs.
func (s setup) arguments(config string) []string {
	args := make([]string, len(s.args))
	for i, a := range s.args {
		args[i] = strings.ReplaceAll(a, "CONFIG", config)
	}
	return args
}

// out is how a program is told to deliver; protocol is Wayside's word for it.
type out struct{ protocol, compression string }

var (
	grpcOut   = out{"otlp-grpc", "none"}
	gzipOut   = out{"otlp-grpc", "gzip"}
	zstdOut   = out{"otlp-grpc", "zstd"}
	httpOut   = out{"otlp-http", "none"}
	jaegerOut = out{"jaeger-grpc", "none"}
)

// exporter is the Collector's for it, and the receiver's address in the form that
// it takes, which Wayside takes as well.
func (t out) exporter(p *places) (name, endpoint string) {
	if t == httpOut {
		return "otlphttp", "http://" + p.grpc
	}
	return "otlp", p.grpc
}

func setupJaegerAgent(p *places, o options) setup {
	return setup{args: []string{
		"--reporter.grpc.host-port=" + p.grpc,
		"--processor.jaeger-compact.server-host-port=" + local(p.udp),
		fmt.Sprintf("--processor.jaeger-compact.server-socket-buffer-size=%d", o.socketBuffer),
		"--processor.jaeger-binary.server-host-port=" + local(p.binaryUDP),
		"--processor.zipkin-compact.server-host-port=" + local(p.zipkinUDP),
		fmt.Sprintf("--processor.zipkin-compact.server-socket-buffer-size=%d", o.socketBuffer),
		"--http-server.host-port=" + local(p.spare),
		"--admin.http.host-port=" + local(p.admin),
	}}
}

// fileStorage is where the Collector's queue is kept, as the documentation of
// file_storage gives it; fsync is off there unless asked for.
const fileStorage = `extensions:
  file_storage: {directory: DISK}
`

// setupCollector is what an installation has: memory_limiter and batch as their
// documentation gives them, its own metrics on. Only gzip is turned off, unless it
// is what is measured. With a storage, its queue is there.
func setupCollector(storage string, to out) func(*places, options) setup {
	queue, extensions := "", ""
	if storage != "" {
		queue, extensions = ", sending_queue: {storage: file_storage}", "\n  extensions: [file_storage]"
	}
	return func(p *places, o options) setup {
		exporter, endpoint := to.exporter(p)
		more, zipkin, receivers := "", "", "[jaeger, otlp]"
		if at := p.only(load.JaegerGRPC); at != "" {
			more += fmt.Sprintf("      grpc: {endpoint: %q}\n", at)
		}
		if at := p.only(load.JaegerHTTP); at != "" {
			more += fmt.Sprintf("      thrift_http: {endpoint: %q}\n", at)
		}
		if at := p.only(load.ZipkinJSON, load.ZipkinProtobuf); at != "" {
			zipkin, receivers = fmt.Sprintf("  zipkin: {endpoint: %q}\n", at), "[jaeger, otlp, zipkin]"
		}
		config := strings.ReplaceAll(storage, "DISK", fmt.Sprintf("%q", p.disk)) + fmt.Sprintf(`receivers:
  jaeger:
    protocols:
      thrift_compact: {endpoint: %q, socket_buffer_size: %d}
      thrift_binary: {endpoint: %q}
%s%s  otlp:
    protocols:
      grpc: {endpoint: %q}
      http: {endpoint: %q}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 512}
  batch: {}
exporters:
  %s: {endpoint: %q, compression: %s, tls: {insecure: true}%s}
service:%s
  telemetry:
    logs: {level: warn}
    metrics:
      readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]
  pipelines:
    traces: {receivers: %s, processors: [memory_limiter, batch], exporters: [%s]}
`, local(p.udp), o.socketBuffer, local(p.binaryUDP), more, zipkin, local(p.otlpGRPC), local(p.otlpHTTP),
			exporter, endpoint, to.compression, queue, extensions, p.admin, receivers, exporter)
		return setup{args: []string{"--config", "CONFIG"}, config: config}
	}
}

// setupWayside has the defaults, and where sync is given a buffer on disk.
func setupWayside(sync string, to out) func(*places, options) setup {
	return func(p *places, o options) setup {
		_, endpoint := to.exporter(p)
		config := fmt.Sprintf(`accept:
  jaeger: {compact: %q, binary: %q, socket_buffer: %dB, zipkin_compact: %q, grpc: %q, http: %q}
  zipkin: {http: %q}
  otlp: {grpc: %q, http: %q}
deliver: {protocol: %s, endpoint: %q, compression: %s}
admin: {http: %q, pprof: %t}
control: {http: ""}
`, local(p.udp), local(p.binaryUDP), o.socketBuffer, p.only(load.ZipkinUDP), p.only(load.JaegerGRPC), p.only(load.JaegerHTTP),
			p.only(load.ZipkinJSON, load.ZipkinProtobuf), local(p.otlpGRPC), local(p.otlpHTTP), to.protocol, endpoint, to.compression, local(p.admin), o.profile)
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
