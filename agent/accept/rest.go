package accept

import "time"

// To be woken for each datagram costs as much as all that is done with it. So
// a reader that has emptied its socket, and did so a moment ago, too, rests,
// and lets the kernel collect: at 10,000 spans a second that saves half of
// what reading costs.
const (
	// longestRest is short beside the second that a span waits for its batch.
	longestRest = 20 * time.Millisecond
	// fullBuffer is the socket buffer, in bytes, with which the longest rest
	// is safe: it holds about 490 packets of 8 kB, those of half a million
	// spans a second. A smaller one gets less rest.
	fullBuffer = 4 << 20
	// leastBuffer is the buffer below which there is no rest: a default one
	// holds 12 packets.
	leastBuffer = 1 << 20
)

// rest is how a reader paces itself.
type rest struct {
	pause time.Duration
	awake time.Time // when the last read was
}

func newRest(socketBuffer int) rest {
	if socketBuffer < leastBuffer {
		return rest{}
	}
	return rest{pause: min(longestRest, longestRest*time.Duration(socketBuffer>>10)/(fullBuffer>>10))}
}

// after rests, if it is worth it, after a read of n datagrams.
func (r *rest) after(n int) {
	if r.pause == 0 || n == readAtOnce {
		return
	}
	now := time.Now()
	busy := now.Sub(r.awake) < 2*r.pause
	r.awake = now
	if busy {
		time.Sleep(r.pause)
		r.awake = now.Add(r.pause)
	}
}
