// Package otlp writes, checks, cuts and reads frames.
//
// A frame is a byte string of one or more resource_spans fields (field 1) of
// an ExportTraceServiceRequest, as they stand on the wire. Protobuf makes this
// closed under concatenation: frames put end to end are one valid frame, and
// every frame is a valid request. So a batch is made by appending, and nothing
// is encoded twice.
//
// The messages and their field numbers are those of opentelemetry-proto,
// opentelemetry/proto/{collector/trace/v1/trace_service,trace/v1/trace,
// common/v1/common,resource/v1/resource}.proto.
package otlp

// Sizes, in bytes.
const (
	// MaxFrame is the largest frame that enters a buffer.
	MaxFrame = 512 << 10
	// MaxRequest is the largest request that is taken in, uncompressed. It is
	// what gRPC servers take by default (grpc-go, defaultServerMaxReceiveMessageSize).
	MaxRequest = 4 << 20
)
