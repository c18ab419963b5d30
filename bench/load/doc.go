// Package load sends Jaeger spans over UDP at a steady rate, as web services'
// tracers would, at little cost to the cores that it shares with what is measured.
//
// A few packets are encoded once, one for each client that is played. Between
// two sendings only ids and sequence numbers change, in place: they are written
// as varints of a fixed length, so an id is one 8-byte store.
package load
