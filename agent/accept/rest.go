package accept

import "time"

// To be woken for each datagram costs more than all that is done with it. So a
// reader that has emptied its socket, and did so a moment ago, too, rests, and
// lets the kernel collect.
const (
	// busy is how close together reads are that are worth a rest.
	busy = 40 * time.Millisecond
	// A packet of 8 kB takes 17 kB of the kernel's memory, of which a socket
	// may use twice its buffer. The longest rest is short beside the second
	// that a span waits for its batch; with its buffer, of 4 MiB, packets of
	// half a million spans a second fit into it, and half of that with 1 MiB.
	// The system's default holds 12 packets, and leaves no time for a rest.
	longRest, longRestBuffer   = 20 * time.Millisecond, 4 << 20
	shortRest, shortRestBuffer = 10 * time.Millisecond, 1 << 20
)

// rest is how a reader paces itself.
type rest struct {
	pause time.Duration
	awake time.Time // when the last read was
}

func newRest(socketBuffer int) rest {
	switch {
	case socketBuffer >= longRestBuffer:
		return rest{pause: longRest}
	case socketBuffer >= shortRestBuffer:
		return rest{pause: shortRest}
	default:
		return rest{}
	}
}

// after rests, if it is worth it, after a read of n datagrams.
func (r *rest) after(n int) {
	if r.pause == 0 || n == readAtOnce {
		return
	}
	now := time.Now()
	since := now.Sub(r.awake)
	r.awake = now
	if since < busy {
		time.Sleep(r.pause)
		r.awake = now.Add(r.pause)
	}
}
