// Package jaegerthrift turns the packets that Jaeger clients send to their
// agent into frames, and writes such packets for those who test or measure.
//
// A packet is one message of agent.thrift, emitBatch, in any of Thrift's
// encodings, as a call or a oneway. What clients send to a collector over HTTP is
// such a message's Batch by itself. It is read once, and what is read is written
// at once: no span is ever a struct. Fields may come in any order, as Thrift
// allows. What is not known to jaeger.thrift, or has another type than there,
// is skipped, as Thrift's generated code does. What such code demands is
// demanded: fields that are required, and a batch, although agent.thrift does
// not require it.
//
// Beyond that a packet is malformed, and nothing of it is kept, if a struct or
// list comes twice in one struct, a list is not of structs, or the message is a
// reply or an exception. Bytes that follow the message are passed over, as the
// Jaeger Agent did.
//
// What spans mean in OTLP is in package jaeger.
package jaegerthrift
