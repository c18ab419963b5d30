// Package accept takes spans in from tracers.
//
// Over UDP, one goroutine a socket runs to completion: it reads a few
// datagrams at once into buffers of its own, transcodes each into a frame and
// hands that to a lane. There is no queue of packets and no pool of workers:
// the kernel's socket buffer is the queue, and what overflows it is counted
// there.
//
// Over TCP and Unix sockets, OTLP is taken in on net/http, gRPC and HTTP on
// each address, and answered when it is in the lane:
//
//	listener.go, connections.go, stream.go, certificates.go   who is let in
//	otlp.go, cors.go                                          what is asked
//	body.go, budget.go                                        receiving it, within a bound
//	reply.go                                                  what is answered
package accept
