package harness

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Collector is a running OpenTelemetry Collector.
type Collector struct {
	*Process
	Address string // OTLP gRPC
}

// StartCollector starts a Collector that takes OTLP gRPC at an address, with a configuration in which OTLP stands for the
// receiver's address and SINK for another endpoint's. It waits until the Collector takes connections.
func StartCollector(t testing.TB, address, config, sink string) *Collector {
	t.Helper()
	path := peer(t, "otelcol", "WAYSIDE_PEER_OTELCOL")
	file := filepath.Join(t.TempDir(), "otelcol.yaml")
	text := strings.NewReplacer("OTLP", address, "SINK", sink).Replace(config)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &Collector{Address: address}
	c.Process = start(t, "otelcol", path, "--config", "file:"+file)
	c.awaitStart(t, func() error { return connects(address) })
	return c
}

func connects(address string) error {
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Plain is the Collector that people run: batches, a memory limit, OTLP in and out.
const Plain = `
receivers: {otlp: {protocols: {grpc: {endpoint: "OTLP"}}}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 256}
  batch: {timeout: 50ms}
exporters: {otlp_grpc: {endpoint: "SINK", tls: {insecure: true}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_grpc]}}
`

// Secure is a Collector that takes OTLP by gRPC and, at HTTP, by HTTP from who has a certificate. FOLDER has its own.
const Secure = `
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "OTLP", tls: {cert_file: FOLDER/server.pem, key_file: FOLDER/server.key, client_ca_file: FOLDER/ca.pem}}
      http: {endpoint: "HTTP", tls: {cert_file: FOLDER/server.pem, key_file: FOLDER/server.key, client_ca_file: FOLDER/ca.pem}}
exporters: {otlp_grpc: {endpoint: "SINK", tls: {insecure: true}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
`

// HTTP is a Collector that takes OTLP by HTTP alone.
const HTTP = `
receivers: {otlp: {protocols: {http: {endpoint: "OTLP"}}}}
exporters: {otlp_grpc: {endpoint: "SINK", tls: {insecure: true}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
`

// Direct is a Collector without a queue: what its exporter is told, its receiver answers.
const Direct = `
receivers: {otlp: {protocols: {grpc: {endpoint: "OTLP"}}}}
exporters:
  otlp_grpc: {endpoint: "SINK", tls: {insecure: true}, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
`

// ShortQueue is a Collector that has room for two requests when the next one takes none.
const ShortQueue = `
receivers: {otlp: {protocols: {grpc: {endpoint: "OTLP"}}}}
exporters:
  otlp_grpc:
    endpoint: "SINK"
    tls: {insecure: true}
    sending_queue: {queue_size: 2, num_consumers: 1}
    retry_on_failure: {initial_interval: 50ms, max_interval: 100ms}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
`

// ToGRPC is a Collector that sends by gRPC, and comes again soon if it is not told when.
const ToGRPC = `
receivers: {otlp: {protocols: {grpc: {endpoint: "OTLP"}}}}
exporters:
  otlp_grpc:
    endpoint: "SINK"
    tls: {insecure: true}
    compression: gzip
    retry_on_failure: {initial_interval: 10ms, max_interval: 10ms}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
`

// ToHTTP is one that sends by HTTP.
const ToHTTP = `
receivers: {otlp: {protocols: {grpc: {endpoint: "OTLP"}}}}
exporters:
  otlp_http:
    endpoint: "http://SINK"
    encoding: proto
    compression: gzip
    retry_on_failure: {initial_interval: 10ms, max_interval: 10ms}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_http]}}
`

// Full is a Collector that is always over its memory limit.
const Full = `
receivers: {otlp: {protocols: {grpc: {endpoint: "OTLP"}}}}
processors: {memory_limiter: {check_interval: 50ms, limit_mib: 1}}
exporters: {otlp_grpc: {endpoint: "SINK", tls: {insecure: true}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [memory_limiter], exporters: [otlp_grpc]}}
`

// MetricsOnly is a Collector that does not know the service for traces.
const MetricsOnly = `
receivers: {otlp: {protocols: {grpc: {endpoint: "OTLP"}}}}
exporters: {otlp_grpc: {endpoint: "SINK", tls: {insecure: true}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], exporters: [otlp_grpc]}}
`
