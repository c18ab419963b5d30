package zipkin

import (
	"github.com/wayside-tracing/wayside/wire/protobuf"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// emitZipkinBatch is a method of agent.thrift, service Agent.
const emitZipkinBatch = "emitZipkinBatch"

// Types of fields of Thrift, as their headers name them.
const (
	typeI16    = thrift.Field(thrift.I16)
	typeI32    = thrift.Field(thrift.I32)
	typeI64    = thrift.Field(thrift.I64)
	typeString = thrift.Field(thrift.String)
	typeStruct = thrift.Field(thrift.Struct)
	typeList   = thrift.Field(thrift.List)
)

// Fields of agent.thrift and zipkincore.thrift (jaegertracing/jaeger-idl). None
// is required. All lists are of structs.
const (
	// Agent.emitZipkinBatch
	argsSpans = 1<<8 | typeList

	// Span
	thriftTraceID           = 1<<8 | typeI64
	thriftName              = 3<<8 | typeString
	thriftID                = 4<<8 | typeI64
	thriftParentID          = 5<<8 | typeI64
	thriftAnnotations       = 6<<8 | typeList
	thriftBinaryAnnotations = 8<<8 | typeList
	thriftTimestamp         = 10<<8 | typeI64 // µs
	thriftDuration          = 11<<8 | typeI64 // µs
	thriftTraceIDHigh       = 12<<8 | typeI64

	// Annotation
	annotationTimestamp = 1<<8 | typeI64 // µs
	annotationValue     = 2<<8 | typeString
	annotationHost      = 3<<8 | typeStruct

	// BinaryAnnotation
	binaryKey   = 1<<8 | typeString
	binaryValue = 2<<8 | typeString
	binaryType  = 3<<8 | typeI32
	binaryHost  = 4<<8 | typeStruct

	// Endpoint
	hostIPv4    = 1<<8 | typeI32
	hostPort    = 2<<8 | typeI16
	hostService = 3<<8 | typeString
	hostIPv6    = 4<<8 | typeString
)

// The types of a binary annotation (zipkincore.thrift, enum AnnotationType).
const (
	annotationBool   = 0
	annotationBytes  = 1
	annotationI16    = 2
	annotationI32    = 3
	annotationI64    = 4
	annotationDouble = 5
	annotationString = 6
)

// Fields of zipkin.proto (openzipkin/zipkin-api), number << 3 | wire type.
const (
	// ListOfSpans
	protoSpans = 1<<3 | protobuf.Bytes

	// Span
	protoTraceID     = 1<<3 | protobuf.Bytes
	protoParentID    = 2<<3 | protobuf.Bytes
	protoID          = 3<<3 | protobuf.Bytes
	protoKind        = 4<<3 | protobuf.Varint
	protoName        = 5<<3 | protobuf.Bytes
	protoTimestamp   = 6<<3 | protobuf.Fixed64 // µs
	protoDuration    = 7<<3 | protobuf.Varint  // µs
	protoLocal       = 8<<3 | protobuf.Bytes
	protoRemote      = 9<<3 | protobuf.Bytes
	protoAnnotations = 10<<3 | protobuf.Bytes
	protoTags        = 11<<3 | protobuf.Bytes

	// Endpoint
	protoService = 1<<3 | protobuf.Bytes
	protoIPv4    = 2<<3 | protobuf.Bytes
	protoIPv6    = 3<<3 | protobuf.Bytes
	protoPort    = 4<<3 | protobuf.Varint

	// Annotation
	protoTime  = 1<<3 | protobuf.Fixed64 // µs
	protoValue = 2<<3 | protobuf.Bytes

	// an entry of tags
	protoTagKey   = 1<<3 | protobuf.Bytes
	protoTagValue = 2<<3 | protobuf.Bytes
)
