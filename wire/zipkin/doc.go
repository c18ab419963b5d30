// Package zipkin turns what Zipkin clients send into frames: Thrift, in packets
// for the Jaeger Agent (emitZipkinBatch) and over HTTP, JSON in both versions, and
// protobuf.
//
// A request is read once, and what is read is written at once or kept in memory
// that is used again: no span is ever a struct of its own. Spans of one service
// stand together in a frame. What a format does not know is skipped.
//
// What can't be read at all is malformed, and nothing of it may be kept: text that
// is not JSON or no list, fields that are cut off, in Thrift anything that
// generated code refuses. A span that is not as it should be costs only itself
// where it can be told apart: in JSON and protobuf. It is left out and counted, and
// so is one with impossible ids, in all formats.
//
// # Translation
//
// Spans become what OpenTelemetry's own translator makes of them
// (opentelemetry-collector-contrib v0.155.0, pkg/translator/zipkin, zipkinv1 and
// zipkinv2, strings left as such; test/interop/translators/zipkin compares), with
// these differences. In version 1, Thrift or JSON:
//
//   - Sanitizers: the Jaeger Agent's come first (jaegertracing/jaeger v1.62.0,
//     cmd/collector/app/sanitizer/zipkin): start and duration that are missing are
//     derived from the annotations; a negative duration is 1 µs, with the tag
//     errNegativeDuration; a parent of 0 is none, with the tag errZeroParentID; an
//     error that is told in words is one, and the words are error.message.
//   - No error: error=false is none.
//   - No start: a start of 0 is none. Where no annotation tells it either, it is
//     1970, with the attribute otel.zipkin.absentField.startTime, as upstream has it
//     in version 2; there is no clock here to ask.
//   - Signs: integers keep theirs, and ports have none. Upstream makes -1 65535, and
//     port 40000 -25536.
//   - Service: a binary annotation whose host has no name does not take another
//     one's away.
//   - Values: in JSON they may be bools (as "sa" has it) and numbers as well.
//
// In version 2, JSON or protobuf:
//
//   - Resource: tags that tell of the resource are that of their span. Upstream
//     takes those of a service's first span, and loses the others'; and all of them
//     where there is no service name.
//   - Scope: so is its version, also where it has no name.
//   - Events: an annotation with a bar in it that is no event of the Collector's
//     exporter (name|attributes|dropped) is a name as a whole.
//   - Links: what can't be read as one, or has impossible ids, stays a tag.
//   - Numbers: whole ones in the attributes of events and links are exact.
//   - No start: in protobuf it is told as in JSON.
//   - Values: tags in JSON may be numbers and bools, and are their text.
//
// And in both:
//
//   - Impossible ids: a span whose trace id or span id is zero is left out and
//     counted; a collector may refuse the batch that it is in.
//   - Status: otel.status_code may be OK, ERROR and UNSET, as OpenTelemetry's
//     specification has it, beside what upstream knows: numbers in version 1, other
//     spellings of these in version 2.
//   - Addresses: those that are none are left out, and so are ports.
//   - UTF-8: bytes that are not UTF-8 are replaced by U+FFFD, a run of them by one.
//   - Size: a span that does not fit into a frame is left out and counted.
package zipkin
