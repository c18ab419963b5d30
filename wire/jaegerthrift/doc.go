// Package jaegerthrift turns the packets that Jaeger clients send into frames,
// and writes such packets.
package jaegerthrift
