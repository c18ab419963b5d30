// Package control answers what tracers ask the agent beside sending spans: how
// much to sample. It takes the place of the Jaeger Agent's port 5778 and, by the
// listener of Jaeger's gRPC, of a collector's SamplingManager.
//
//	GET /sampling?service=S ─┐             ┌ file       strategies, looked at again when somebody asks
//	GET /?service=S ─────────┼► Sampling ──┤
//	gRPC GetSamplingStrategy ┘             └ remote ───► a collector's gRPC, or a URL
//	                                         answers kept per service, served on while the source is away
//
// Nothing here runs by itself: who asks makes the file be looked at, or the
// source be asked. An agent whose tracers don't ask does nothing for it.
package control
