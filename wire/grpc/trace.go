package grpc

import "strings"

// PartialSuccess is what an ExportTraceServiceResponse tells
// (opentelemetry/proto/collector/trace/v1/trace_service.proto). The zero value
// is a success without reserve.
type PartialSuccess struct {
	// Rejected is the number of spans that were refused, as the server
	// counts them: it may be anything.
	Rejected int64
	// Message is why; or, with no span rejected, a warning.
	Message string
}

// ReadTraceResponse reads an ExportTraceServiceResponse, up to where it is
// damaged.
func ReadTraceResponse(msg []byte) (p PartialSuccess) {
	for f := range fields(msg) {
		if f.number != responsePartial {
			continue
		}
		for g := range fields(f.data) {
			switch g.number {
			case partialRejected:
				p.Rejected = int64(g.value)
			case partialMessage:
				p.Message = strings.ToValidUTF8(string(g.data), "\uFFFD")
			}
		}
	}
	return p
}

// AppendTraceResponse appends an ExportTraceServiceResponse. A success without
// reserve is the empty message.
func AppendTraceResponse(dst []byte, p PartialSuccess) []byte {
	partial := appendVarint(nil, partialRejected, uint64(p.Rejected))
	partial = appendBytes(partial, partialMessage, p.Message)
	return appendBytes(dst, responsePartial, partial)
}
