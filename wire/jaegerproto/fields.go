package jaegerproto

// Field numbers of api_v2/collector.proto and api_v2/model.proto
// (jaegertracing/jaeger-idl).
const (
	// PostSpansRequest
	requestBatch = 1

	// Batch
	batchSpans   = 1
	batchProcess = 2

	// Span
	spanTraceID       = 1
	spanSpanID        = 2
	spanOperationName = 3
	spanReferences    = 4
	spanFlags         = 5
	spanStartTime     = 6
	spanDuration      = 7
	spanTags          = 8
	spanLogs          = 9
	spanProcess       = 10
	spanProcessID     = 11
	spanWarnings      = 12

	// SpanRef
	refTraceID = 1
	refSpanID  = 2
	refType    = 3

	// KeyValue
	tagKey     = 1
	tagVType   = 2
	tagVStr    = 3
	tagVBool   = 4
	tagVInt64  = 5
	tagVDouble = 6
	tagVBinary = 7

	// Log
	logTimestamp = 1
	logFields    = 2

	// Process
	processServiceName = 1
	processTags        = 2

	// google.protobuf.Timestamp, google.protobuf.Duration
	timeSeconds = 1
	timeNanos   = 2
)

// Values of ValueType, and of SpanRefType.
const (
	typeString = 0
	typeBool   = 1
	typeInt64  = 2
	typeDouble = 3
	typeBinary = 4

	childOf     = 0
	followsFrom = 1
)
