package accept

import (
	"net/netip"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// A Lane is where frames go.
type Lane interface {
	// Datagram takes a copy of a frame of so many spans that came without a
	// question, and counts those that were left out of it. frame may be empty.
	Datagram(frame []byte, spans int, left ledger.LeftOut)
	// Refuse counts a packet that is not taken.
	Refuse(reason ledger.RefuseReason)
	// Report adds what a client says of its own losses.
	Report(r ledger.ClientReported)
	// KernelDropped adds packets that overflowed a socket's buffer.
	KernelDropped(packets uint64)
}

// Origin is where a packet came from. Only what is in it decides the lane.
type Origin struct {
	Listener string // address that it came in on, as configured
	Peer     netip.AddrPort
}

// Lanes finds the lane for an origin. It is called for every packet.
type Lanes func(Origin) Lane
