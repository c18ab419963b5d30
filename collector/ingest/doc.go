// Package ingest is the collector's door: OTLP over gRPC in, checked frames out
// to a Sink, which may store them, show them or count them.
//
//	POST …TraceService/Export ─► budget ─► unpack ─► otlp.Check ─► Sink.Put ─► answer
//
// What is being received is bounded in bytes over all callers; a request that
// does not fit is refused with a hint when to come again. The answer is a
// success once the sink has taken the frame.
package ingest
