package otlpjson

import "github.com/wayside-tracing/wayside/wire/otlp"

// kind is a kind of message.
type kind uint8

const (
	ofRequest kind = iota
	ofResourceSpans
	ofResource
	ofEntityRef
	ofScopeSpans
	ofScope
	ofSpan
	ofEvent
	ofLink
	ofStatus
	ofKeyValue
	ofAnyValue
	ofArray
	ofKVList
)

// content is what a field holds, and how JSON has it.
type content uint8

const (
	skipped    content = iota // not known
	deprecated                // must not be there
	message                   // an object, of the kind in field.kind
	text
	blob     // base64
	boolean  // true or false
	int64s   // a varint
	uint32s  // a varint
	enum     // a varint
	fixed32s // uint32
	fixed64s // uint64
	double
	traceID // hex
	spanID  // hex
)

// field is a known field of a message.
type field struct {
	number  uint8
	content content
	kind    kind
	list    bool
}

// field finds a field by its name. Source: opentelemetry-proto v1.9.0.
func (k kind) field(name []byte) field {
	switch k {
	case ofRequest:
		switch string(name) {
		case "resourceSpans", "resource_spans":
			return field{otlp.RequestResourceSpans, message, ofResourceSpans, true}
		}
	case ofResourceSpans:
		switch string(name) {
		case "resource":
			return field{otlp.ResourceSpansResource, message, ofResource, false}
		case "scopeSpans", "scope_spans":
			return field{otlp.ResourceSpansScopeSpans, message, ofScopeSpans, true}
		case "schemaUrl", "schema_url":
			return field{number: otlp.ResourceSpansSchemaURL, content: text}
		case "instrumentationLibrarySpans", "instrumentation_library_spans":
			return field{content: deprecated}
		}
	case ofResource:
		switch string(name) {
		case "attributes":
			return field{otlp.ResourceAttributes, message, ofKeyValue, true}
		case "droppedAttributesCount", "dropped_attributes_count":
			return field{number: otlp.ResourceDroppedAttributes, content: uint32s}
		case "entityRefs", "entity_refs":
			return field{otlp.ResourceEntityRefs, message, ofEntityRef, true}
		}
	case ofEntityRef:
		switch string(name) {
		case "schemaUrl", "schema_url":
			return field{number: otlp.EntityRefSchemaURL, content: text}
		case "type":
			return field{number: otlp.EntityRefType, content: text}
		case "idKeys", "id_keys":
			return field{number: otlp.EntityRefIDKeys, content: text, list: true}
		case "descriptionKeys", "description_keys":
			return field{number: otlp.EntityRefDescriptionKeys, content: text, list: true}
		}
	case ofScopeSpans:
		switch string(name) {
		case "scope":
			return field{otlp.ScopeSpansScope, message, ofScope, false}
		case "spans":
			return field{otlp.ScopeSpansSpans, message, ofSpan, true}
		case "schemaUrl", "schema_url":
			return field{number: otlp.ScopeSpansSchemaURL, content: text}
		}
	case ofScope:
		switch string(name) {
		case "name":
			return field{number: otlp.ScopeName, content: text}
		case "version":
			return field{number: otlp.ScopeVersion, content: text}
		case "attributes":
			return field{otlp.ScopeAttributes, message, ofKeyValue, true}
		case "droppedAttributesCount", "dropped_attributes_count":
			return field{number: otlp.ScopeDroppedAttributes, content: uint32s}
		}
	case ofSpan:
		return spanField(name)
	case ofEvent:
		switch string(name) {
		case "timeUnixNano", "time_unix_nano":
			return field{number: otlp.EventTime, content: fixed64s}
		case "name":
			return field{number: otlp.EventName, content: text}
		case "attributes":
			return field{otlp.EventAttributes, message, ofKeyValue, true}
		case "droppedAttributesCount", "dropped_attributes_count":
			return field{number: otlp.EventDroppedAttributes, content: uint32s}
		}
	case ofLink:
		switch string(name) {
		case "traceId", "trace_id":
			return field{number: otlp.LinkTraceID, content: traceID}
		case "spanId", "span_id":
			return field{number: otlp.LinkSpanID, content: spanID}
		case "traceState", "trace_state":
			return field{number: otlp.LinkTraceState, content: text}
		case "attributes":
			return field{otlp.LinkAttributes, message, ofKeyValue, true}
		case "droppedAttributesCount", "dropped_attributes_count":
			return field{number: otlp.LinkDroppedAttributes, content: uint32s}
		case "flags":
			return field{number: otlp.LinkFlags, content: fixed32s}
		}
	case ofStatus:
		switch string(name) {
		case "message":
			return field{number: otlp.StatusMessage, content: text}
		case "code":
			return field{number: otlp.StatusCode, content: enum}
		}
	case ofKeyValue:
		switch string(name) {
		case "key":
			return field{number: otlp.KeyValueKey, content: text}
		case "value":
			return field{otlp.KeyValueValue, message, ofAnyValue, false}
		}
	case ofAnyValue:
		return valueField(name)
	case ofArray:
		if string(name) == "values" {
			return field{otlp.ArrayValues, message, ofAnyValue, true}
		}
	case ofKVList:
		if string(name) == "values" {
			return field{otlp.KVListValues, message, ofKeyValue, true}
		}
	}
	return field{}
}

func spanField(name []byte) field {
	switch string(name) {
	case "traceId", "trace_id":
		return field{number: otlp.SpanTraceID, content: traceID}
	case "spanId", "span_id":
		return field{number: otlp.SpanSpanID, content: spanID}
	case "traceState", "trace_state":
		return field{number: otlp.SpanTraceState, content: text}
	case "parentSpanId", "parent_span_id":
		return field{number: otlp.SpanParentSpanID, content: spanID}
	case "flags":
		return field{number: otlp.SpanFlags, content: fixed32s}
	case "name":
		return field{number: otlp.SpanName, content: text}
	case "kind":
		return field{number: otlp.SpanKind, content: enum}
	case "startTimeUnixNano", "start_time_unix_nano":
		return field{number: otlp.SpanStart, content: fixed64s}
	case "endTimeUnixNano", "end_time_unix_nano":
		return field{number: otlp.SpanEnd, content: fixed64s}
	case "attributes":
		return field{otlp.SpanAttributes, message, ofKeyValue, true}
	case "droppedAttributesCount", "dropped_attributes_count":
		return field{number: otlp.SpanDroppedAttributes, content: uint32s}
	case "events":
		return field{otlp.SpanEvents, message, ofEvent, true}
	case "droppedEventsCount", "dropped_events_count":
		return field{number: otlp.SpanDroppedEvents, content: uint32s}
	case "links":
		return field{otlp.SpanLinks, message, ofLink, true}
	case "droppedLinksCount", "dropped_links_count":
		return field{number: otlp.SpanDroppedLinks, content: uint32s}
	case "status":
		return field{otlp.SpanStatus, message, ofStatus, false}
	}
	return field{}
}

func valueField(name []byte) field {
	switch string(name) {
	case "stringValue", "string_value":
		return field{number: otlp.AnyString, content: text}
	case "boolValue", "bool_value":
		return field{number: otlp.AnyBool, content: boolean}
	case "intValue", "int_value":
		return field{number: otlp.AnyInt, content: int64s}
	case "doubleValue", "double_value":
		return field{number: otlp.AnyDouble, content: double}
	case "arrayValue", "array_value":
		return field{otlp.AnyArray, message, ofArray, false}
	case "kvlistValue", "kvlist_value":
		return field{otlp.AnyKVList, message, ofKVList, false}
	case "bytesValue", "bytes_value":
		return field{number: otlp.AnyBytes, content: blob}
	}
	return field{}
}
