package jaegerthrift

import "github.com/wayside-tracing/wayside/wire/thrift"

// The methods of agent.thrift, service Agent.
const (
	emitBatch       = "emitBatch"
	emitZipkinBatch = "emitZipkinBatch"
)

// Types of fields, as their headers name them.
const (
	typeBool   = thrift.Field(thrift.Bool)
	typeDouble = thrift.Field(thrift.Double)
	typeI32    = thrift.Field(thrift.I32)
	typeI64    = thrift.Field(thrift.I64)
	typeString = thrift.Field(thrift.String)
	typeStruct = thrift.Field(thrift.Struct)
	typeList   = thrift.Field(thrift.List)
)

// Fields of agent.thrift and jaeger.thrift (jaegertracing/jaeger-idl). All
// lists are of structs.
const (
	// Agent.emitBatch
	argsBatch = 1<<8 | typeStruct

	// Batch
	batchProcess = 1<<8 | typeStruct // required
	batchSpans   = 2<<8 | typeList   // required
	batchSeqNo   = 3<<8 | typeI64
	batchStats   = 4<<8 | typeStruct

	// ClientStats
	statsFullQueue    = 1<<8 | typeI64 // required
	statsTooLarge     = 2<<8 | typeI64 // required
	statsFailedToEmit = 3<<8 | typeI64 // required

	// Process
	processServiceName = 1<<8 | typeString // required
	processTags        = 2<<8 | typeList

	// Span
	spanTraceIDLow    = 1<<8 | typeI64    // required
	spanTraceIDHigh   = 2<<8 | typeI64    // required
	spanSpanID        = 3<<8 | typeI64    // required
	spanParentSpanID  = 4<<8 | typeI64    // required
	spanOperationName = 5<<8 | typeString // required
	spanReferences    = 6<<8 | typeList
	spanFlags         = 7<<8 | typeI32 // required
	spanStartTime     = 8<<8 | typeI64 // required
	spanDuration      = 9<<8 | typeI64 // required
	spanTags          = 10<<8 | typeList
	spanLogs          = 11<<8 | typeList

	// SpanRef
	refType        = 1<<8 | typeI32 // required
	refTraceIDLow  = 2<<8 | typeI64 // required
	refTraceIDHigh = 3<<8 | typeI64 // required
	refSpanID      = 4<<8 | typeI64 // required

	// Log
	logTimestamp = 1<<8 | typeI64  // required
	logFields    = 2<<8 | typeList // required

	// Tag
	tagKey     = 1<<8 | typeString // required
	tagVType   = 2<<8 | typeI32    // required
	tagVStr    = 3<<8 | typeString
	tagVDouble = 4<<8 | typeDouble
	tagVBool   = 5<<8 | typeBool
	tagVLong   = 6<<8 | typeI64
	tagVBinary = 7<<8 | typeString
)
