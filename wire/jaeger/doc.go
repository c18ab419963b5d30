// Package jaeger writes spans as OTLP that somebody reads who knows how Jaeger
// clients write them: package jaegerthrift in Thrift, package jaegerproto in
// protobuf. What a span means is here, once.
//
// # Translation
//
// Spans become what OpenTelemetry's own translator makes of them
// (opentelemetry-collector-contrib v0.155.0, pkg/translator/jaeger,
// ThriftToTraces and ProtoToTraces; test/interop/translators compares), down to
// its odd cases, with these differences:
//
//   - Impossible ids: a span whose trace id or span id is zero is left out and
//     counted; a collector may refuse the batch that it is in.
//   - Impossible links: so is a link, in the span's dropped_links_count.
//   - UTF-8: bytes that are not UTF-8 are replaced by U+FFFD, a run of them by
//     one. Keys that this makes alike are one key.
//   - Foreign parent: the reference to the parent is no link. Upstream drops
//     every CHILD_OF with the parent's span id, here its trace id counts too.
//   - Trace state: the tag w3c.tracestate is the span's trace state. Upstream
//     does so for protobuf only.
//   - Scope: the tags otel.scope.name and otel.scope.version are the span's
//     scope, as upstream has it for protobuf. The spans' order stays: a span
//     with another scope than the one before starts a new ScopeSpans.
//   - No spans: a batch without spans makes no frame, where upstream makes a
//     ResourceSpans without spans.
//   - Size: a span that does not fit into a frame beside its resource is left
//     out and counted, and all spans are if their resource takes more than half
//     a frame.
package jaeger
