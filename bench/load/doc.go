// Package load sends spans at a steady rate, Jaeger's and Zipkin's over UDP or
// any protocol's over gRPC or HTTP, as web services' tracers would, at little cost
// to the cores that it shares with what is measured.
//
// A few packets or requests are encoded once, one for each client that is
// played. Between two sendings only ids and sequence numbers change, in place:
// they are written in a fixed length.
package load
