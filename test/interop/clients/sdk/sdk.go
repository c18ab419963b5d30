// Package sdk has OpenTelemetry's SDKs for Go and Node say the story of package scenario with each of their OTLP exporters.
package sdk

import (
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"

	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
)

// A Client is an SDK with one of its exporters.
type Client struct {
	Name string
	HTTP bool // else gRPC
	JSON bool // else protobuf
	Node bool // else Go
	tell func(Target, []scenario.Service) (Retries, error)
}

// Clients are the exporters for traces of both SDKs.
func Clients() []Client {
	return []Client{
		{Name: "go-grpc", tell: tellGoGRPC},
		{Name: "go-http", HTTP: true, tell: tellGoHTTP(otlptracehttp.EncodingProtobuf)},
		{Name: "go-http-json", HTTP: true, JSON: true, tell: tellGoHTTP(otlptracehttp.EncodingJSON)},
		{Name: "node-grpc", Node: true, tell: tellNode("grpc")},
		{Name: "node-http", HTTP: true, Node: true, tell: tellNode("proto")},
		{Name: "node-http-json", HTTP: true, JSON: true, Node: true, tell: tellNode("json")},
	}
}

// Target is where a client is to send.
type Target struct {
	Address string // host:port, or, by gRPC, unix:/path
	Gzip    bool
	TLS     *Credentials // nil: none
	GiveUp  bool         // soon; Go's only
}

// Credentials are paths of PEM files. Without Cert and Key the client shows none.
type Credentials struct{ CA, Cert, Key string }

// Retries is how long an exporter waited before each time that it sent the same again.
type Retries []time.Duration

// Tell has the client say the services' spans, a request for each, and waits until they are answered. The error is of spans
// that the exporter has given up.
func (c Client) Tell(to Target, services []scenario.Service) (Retries, error) {
	return c.tell(to, services)
}
