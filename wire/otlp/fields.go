package otlp

// Field numbers of opentelemetry-proto, for those who build frames.
const (
	// ExportTraceServiceRequest
	RequestResourceSpans = 1

	// ResourceSpans
	ResourceSpansResource   = 1
	ResourceSpansScopeSpans = 2
	ResourceSpansSchemaURL  = 3

	// Resource
	ResourceAttributes        = 1
	ResourceDroppedAttributes = 2
	ResourceEntityRefs        = 3

	// EntityRef
	EntityRefSchemaURL       = 1
	EntityRefType            = 2
	EntityRefIDKeys          = 3
	EntityRefDescriptionKeys = 4

	// ScopeSpans
	ScopeSpansScope     = 1
	ScopeSpansSpans     = 2
	ScopeSpansSchemaURL = 3

	// InstrumentationScope
	ScopeName              = 1
	ScopeVersion           = 2
	ScopeAttributes        = 3
	ScopeDroppedAttributes = 4

	// Span
	SpanTraceID           = 1
	SpanSpanID            = 2
	SpanTraceState        = 3
	SpanParentSpanID      = 4
	SpanName              = 5
	SpanKind              = 6
	SpanStart             = 7
	SpanEnd               = 8
	SpanAttributes        = 9
	SpanDroppedAttributes = 10
	SpanEvents            = 11
	SpanDroppedEvents     = 12
	SpanLinks             = 13
	SpanDroppedLinks      = 14
	SpanStatus            = 15
	SpanFlags             = 16

	// Span.Event
	EventTime              = 1
	EventName              = 2
	EventAttributes        = 3
	EventDroppedAttributes = 4

	// Span.Link
	LinkTraceID           = 1
	LinkSpanID            = 2
	LinkTraceState        = 3
	LinkAttributes        = 4
	LinkDroppedAttributes = 5
	LinkFlags             = 6

	// Status
	StatusMessage = 2
	StatusCode    = 3

	// KeyValue
	KeyValueKey   = 1
	KeyValueValue = 2

	// AnyValue
	AnyString = 1
	AnyBool   = 2
	AnyInt    = 3
	AnyDouble = 4
	AnyArray  = 5
	AnyKVList = 6
	AnyBytes  = 7

	// ArrayValue, KeyValueList
	ArrayValues  = 1
	KVListValues = 1
)

// Kind is a Span.SpanKind.
type Kind uint8

// The kinds of a span.
const (
	KindUnspecified Kind = iota
	KindInternal
	KindServer
	KindClient
	KindProducer
	KindConsumer
)

// The codes of a Status.
const (
	StatusUnset = 0
	StatusOK    = 1
	StatusError = 2
)
