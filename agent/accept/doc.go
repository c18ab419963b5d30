// Package accept takes spans in from tracers.
//
// Over UDP, one goroutine a socket runs to completion: it reads a few
// datagrams at once into buffers of its own, transcodes each into a frame and
// hands that to a lane. There is no queue of packets and no pool of workers:
// the kernel's socket buffer is the queue, and what overflows it is counted
// there.
package accept
