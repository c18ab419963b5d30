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
	// Answered takes a copy of a frame of so many spans whose sender waits for
	// an answer. When the error is nil, they are kept. A ledger.Refused says
	// why they are not, and has been counted.
	Answered(frame []byte, spans int) error
	// AnsweredAll is Answered for the frames of one request: all of them are
	// kept, or none. An error of cut is returned, and not counted. size is
	// about what the frames have in all, in bytes.
	AnsweredAll(size int, cut func(put func(frame []byte, spans int) error) error) error
	// LeftOut counts spans that were left out of a request that was taken.
	LeftOut(left ledger.LeftOut)
	// Waits says whether Answered and AnsweredAll may wait for more than a lock
	// that is held shortly: for a disk.
	Waits() bool
	// Refuse counts a packet or request that is not taken.
	Refuse(reason ledger.RefuseReason)
	// Report adds what a client says of its own losses.
	Report(r ledger.ClientReported)
	// KernelDropped adds packets that overflowed a socket's buffer.
	KernelDropped(packets uint64)
}

// Origin is where a packet or request came from. Only what is in it decides the lane.
type Origin struct {
	Listener string         // address that it came in on, as configured
	Peer     netip.AddrPort // not valid for a Unix socket
	Process  Process        // of a connection to a Unix socket
}

// Process is who has connected: what the kernel says, and no sender can.
type Process struct {
	Known    bool // false: it is not a connection to a Unix socket, or not Linux
	PID      int  // when it connected, in this process's namespace; 0: from another one
	UID, GID uint32
}

// Lanes finds the lane for an origin. It is called for every packet and request.
type Lanes func(Origin) Lane
