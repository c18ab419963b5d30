// Package accept takes spans in from tracers.
//
// Over UDP, one goroutine a socket runs to completion: it reads a few
// datagrams at once into buffers of its own, transcodes each into a frame and
// hands that to a lane. There is no queue of packets and no pool of workers:
// the kernel's socket buffer is the queue, and what overflows it is counted
// there.
//
// Over TCP and Unix sockets, OTLP is taken in, gRPC and HTTP on each address,
// and answered when it is in the lane. HTTP/2 is our own (package h2), HTTP/1 is
// net/http's; a request takes the same way whichever it came by:
//
//	listener.go, connections.go, stream.go, certificates.go   who is let in
//	meet.go, http1.go                                         which HTTP they speak
//	call.go, cors.go                                          what is asked
//	message.go, body.go, unpack.go, budget.go                 receiving it, within a bound
//	otlp.go                                                   checking it, and into the lane
//	reply.go                                                  what is answered
package accept
