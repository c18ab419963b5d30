// Package accept takes spans in from tracers.
//
// Over UDP, one goroutine a socket runs to completion: it reads a few
// datagrams at once into buffers of its own, transcodes each into a frame and
// hands that to a lane. There is no queue of packets and no pool of workers:
// the kernel's socket buffer is the queue, and what overflows it is counted
// there.
//
// Over TCP and Unix sockets, requests are taken in, gRPC and HTTP, and answered
// when their spans are in the lane. HTTP/2 is our own (package h2), HTTP/1 is
// net/http's; a request takes the same way whichever it came by:
//
//	server.go, listener.go, connections.go, certificates.go   who is let in
//	meet.go, http1.go, stream.go                              which HTTP they speak
//	service.go, call.go, cors.go                              what is asked
//	message.go, body.go, unpack.go, budget.go                 receiving it, within a bound
//	otlp.go, jaegergrpc.go, jaegerhttp.go, transcoded.go      checking it, and into the lane
//	reply.go                                                  what is answered
//
// A protocol more is a file more: the list of its services, which is given to a
// listener by the name of its key (Server.served).
package accept
