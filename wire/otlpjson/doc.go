// Package otlpjson turns requests that are OTLP in JSON, as browsers and some
// SDKs send them, into requests in protobuf, and writes the replies.
//
// A request is read once, and what is read is written at once: there is no map,
// no reflection, and no span is ever a struct. What comes out is at most as long
// as what came in.
//
// # Mapping
//
// It is the JSON mapping of protobuf (protobuf.dev, "ProtoJSON Format") with the
// differences that OTLP has (opentelemetry-proto, docs/specification.md, "JSON
// Protobuf Encoding"): trace and span ids are hex in either case, and enums are
// numbers. Where the two leave a choice, or senders are known to differ:
//
//   - Names: lowerCamelCase, as the specification wants, and the original ones
//     too (trace_id), which the Collector takes as well. Others are skipped.
//   - Enums: their names are refused ("the enum name strings MUST NOT be used").
//   - Numbers: 64-bit ones as strings or numbers, and so are 32-bit ones; 1e3
//     and 5.0 are whole numbers, 0.5 is none. What does not fit is refused, but
//     for an intValue, which becomes a doubleValue: OpenTelemetry's exporter for
//     JavaScript writes 2**63 and 1e300 so (otlp-transformer,
//     src/common/internal.ts; its protobuf has doubles there).
//   - Doubles: also as strings, and "NaN", "Infinity" and "-Infinity".
//   - Bytes: base64 of either alphabet, padded or not.
//   - null: as if the field were absent; in a list it is an empty message.
//   - Twice: a field that comes twice in an object is refused, in whichever of its
//     names, and so is a second value in an AnyValue.
//   - UTF-8: other bytes are refused, as in protobuf. An escape that is half a
//     surrogate pair becomes U+FFFD, since JavaScript sends such where it has cut
//     a string in the middle of a character.
//   - Ids: a span without them, or with zeros, is refused, as in protobuf.
//   - instrumentationLibrarySpans, where spans were before OTLP 0.9, is refused:
//     to skip it would lose them without a word.
package otlpjson
