// Package jaegerproto turns the requests that are sent to a Jaeger collector
// over gRPC, jaeger.api_v2.PostSpansRequest, into frames.
//
// A request is read from its bytes, and what is read is written at once: no span
// is ever a struct. Fields may come in any order and messages in several pieces,
// as protobuf allows. What is not known to model.proto, or has another type than
// there, is skipped. A request that is cut off, or has groups, is malformed, and
// nothing of it is kept.
//
// Spans may have a process of their own, which then takes the place of the
// batch's. Those that do come after the others, in their order, and the ones with
// the same process side by side are one ResourceSpans.
//
// What spans mean in OTLP is in package jaeger. Flags and warnings are dropped, as
// by OpenTelemetry's own translator (opentelemetry-collector-contrib v0.155.0,
// pkg/translator/jaeger, ProtoToTraces), with which test/interop/translators
// compares. Differences beside those that package jaeger names:
//
//   - No time: a span or log without a time has 0, where upstream has the first
//     instant of year 1, in ns since 1970, as an unsigned number.
//   - Damaged ids: those of a wrong length are impossible; upstream's decoder
//     refuses the request.
//   - No service name: a process that is called OTLPResourceNoServiceName has none,
//     but it has tags, which upstream drops.
package jaegerproto
