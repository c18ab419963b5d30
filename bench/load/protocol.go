package load

import (
	"net/http"
	"time"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// Protocol is how spans are sent.
type Protocol string

// The protocols.
const (
	JaegerUDP      Protocol = "jaeger-udp" // compact Thrift
	ZipkinUDP      Protocol = "zipkin-udp" // compact Thrift, emitZipkinBatch
	OTLPGRPC       Protocol = "otlp-grpc"
	OTLPHTTP       Protocol = "otlp-http" // protobuf
	OTLPJSON       Protocol = "otlp-json"
	JaegerGRPC     Protocol = "jaeger-grpc"
	JaegerHTTP     Protocol = "jaeger-http" // binary Thrift
	ZipkinJSON     Protocol = "zipkin-json" // version 2
	ZipkinProtobuf Protocol = "zipkin-proto"
)

// form is how a protocol's requests are made: gRPC calls of a method, or posted
// over HTTP/1.1.
type form struct {
	path, mediaType string
	accepted        int // the HTTP status that says so
	new             func(client, spans int, now time.Time) *request
}

var forms = map[Protocol]form{
	OTLPGRPC:       {grpc.TracePath, grpc.ContentType, http.StatusOK, newProtobuf},
	OTLPHTTP:       {"/v1/traces", "application/x-protobuf", http.StatusOK, newProtobuf},
	OTLPJSON:       {"/v1/traces", "application/json", http.StatusOK, newJSON},
	JaegerGRPC:     {"/jaeger.api_v2.CollectorService/PostSpans", grpc.ContentType, http.StatusOK, newJaeger},
	JaegerHTTP:     {"/api/traces?format=jaeger.thrift", "application/x-thrift", http.StatusAccepted, newThrift},
	ZipkinJSON:     {"/api/v2/spans", "application/json", http.StatusAccepted, newZipkinJSON},
	ZipkinProtobuf: {"/api/v2/spans", "application/x-protobuf", http.StatusAccepted, newZipkinProtobuf},
}

// UDP says whether spans are sent in packets, which nothing answers.
func (p Protocol) UDP() bool { return p == JaegerUDP || p == ZipkinUDP }

// caller connects to an agent, for requests of so many bytes.
func (f form) caller(to string, size int) caller {
	if f.mediaType == grpc.ContentType {
		return newGRPCCaller(to, f.path)
	}
	return newHTTPCaller(to, f, size)
}
