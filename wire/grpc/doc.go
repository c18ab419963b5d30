// Package grpc is what gRPC puts on top of HTTP/2, for unary calls with raw
// bytes: the prefix of a message, status codes, the headers grpc-status,
// grpc-message, grpc-status-details-bin and grpc-timeout. It serves both ends
// of a call and knows nothing of HTTP libraries: header values come and go as
// strings.
//
// A call is one message each way:
//
//	HEADERS  :method POST, :path TracePath, te: trailers, content-type: application/grpc
//	DATA     flag (1 byte: 1 is compressed) | length (4 bytes, big endian) | message
//
//	HEADERS  :status 200, content-type: application/grpc
//	DATA     flag | length | message
//	HEADERS  grpc-status, grpc-message, grpc-status-details-bin
//
// A call that fails has no message, and often only one block of headers
// ("trailers-only") with the status in it.
//
// Sources: PROTOCOL-HTTP2.md, statuscodes.md and http-grpc-status-mapping.md in
// the doc folder of github.com/grpc/grpc; google/rpc/{status,error_details}.proto.
package grpc

// ContentType is the media type of calls and answers. Others that begin with
// it and go on with "+" or ";" are gRPC too.
const ContentType = "application/grpc"

// TracePath is the :path of the call that exports spans
// (opentelemetry/proto/collector/trace/v1/trace_service.proto).
const TracePath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// IsContentType says whether a content-type is gRPC's.
func IsContentType(s string) bool {
	if len(s) < len(ContentType) || s[:len(ContentType)] != ContentType {
		return false
	}
	return len(s) == len(ContentType) || s[len(ContentType)] == '+' || s[len(ContentType)] == ';'
}
