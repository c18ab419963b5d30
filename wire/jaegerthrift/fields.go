package jaegerthrift

// The methods of agent.thrift, service Agent.
const (
	emitBatch       = "emitBatch"
	emitZipkinBatch = "emitZipkinBatch"
)

// Field ids of agent.thrift and jaeger.thrift (jaegertracing/jaeger-idl).
const (
	// Agent.emitBatch
	argsBatch = 1

	// Batch
	batchProcess = 1 // required
	batchSpans   = 2 // required
	batchSeqNo   = 3
	batchStats   = 4

	// ClientStats
	statsFullQueue    = 1 // required
	statsTooLarge     = 2 // required
	statsFailedToEmit = 3 // required

	// Process
	processServiceName = 1 // required
	processTags        = 2

	// Span
	spanTraceIDLow    = 1 // required
	spanTraceIDHigh   = 2 // required
	spanSpanID        = 3 // required
	spanParentSpanID  = 4 // required
	spanOperationName = 5 // required
	spanReferences    = 6
	spanFlags         = 7 // required
	spanStartTime     = 8 // required
	spanDuration      = 9 // required
	spanTags          = 10
	spanLogs          = 11

	// SpanRef
	refType        = 1 // required
	refTraceIDLow  = 2 // required
	refTraceIDHigh = 3 // required
	refSpanID      = 4 // required

	// Log
	logTimestamp = 1 // required
	logFields    = 2 // required

	// Tag
	tagKey     = 1 // required
	tagVType   = 2 // required
	tagVStr    = 3
	tagVDouble = 4
	tagVBool   = 5
	tagVLong   = 6
	tagVBinary = 7
)
