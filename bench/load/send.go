package load

import (
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// A Plan says what to send.
type Plan struct {
	To   string        // host:port, UDP
	Rate int           // spans a second
	For  time.Duration // how long
	// Tick groups packets: those that are due within one tick leave
	// together at its end, as those of tracers that flush at the same moment
	// do. 0: every packet leaves when it is due.
	Tick time.Duration
}

// Sent is what was sent. IDSum is the sum of all span ids, modulo 2^64.
type Sent struct {
	Packets uint64        `json:"packets"`
	Spans   uint64        `json:"spans"`
	Bytes   uint64        `json:"bytes"`
	IDSum   uint64        `json:"id_sum"`
	Took    time.Duration `json:"took_ns"`
	CPU     time.Duration `json:"cpu_ns"` // of this process, while sending
	// Late is how long after it was due the latest packet left.
	Late time.Duration `json:"late_ns"`
}

// Send sends packets at an even spacing: the k-th is due k × 20 / rate seconds
// after the start. A sender that was kept from a core sends what is overdue at
// once, as a tracer whose process was kept waiting would.
func Send(p Plan) (Sent, error) {
	var s Sent
	if p.Rate <= 0 || p.For <= 0 {
		return s, fmt.Errorf("load: rate %d and duration %v must be positive", p.Rate, p.For)
	}
	conn, err := net.Dial("udp", p.To)
	if err != nil {
		return s, fmt.Errorf("load: %w", err)
	}
	defer conn.Close()

	made := packets(time.Now())
	rng := rand.NewPCG(uint64(time.Now().UnixNano()), 0)
	due := func(k uint64) time.Duration {
		at := time.Duration(float64(k) * SpansPerPacket / float64(p.Rate) * float64(time.Second))
		if p.Tick > 0 {
			at = (at + p.Tick - 1) / p.Tick * p.Tick
		}
		return at
	}
	cpu := ownCPU()
	clock := startClock()
	defer clock.stop()
	for k := uint64(0); ; k++ {
		at := due(k)
		if at >= p.For {
			clock.sleepUntil(p.For)
			break
		}
		now := clock.now()
		if now < at {
			clock.sleepUntil(at)
			now = clock.now()
		}
		s.Late = max(s.Late, now-at)
		packet := made[k%clients]
		sum := packet.renew(rng)
		if _, err := conn.Write(packet.bytes); err != nil {
			return s, fmt.Errorf("load: packet %d: %w", k, err)
		}
		s.IDSum += sum
		s.Packets++
	}
	s.Took = clock.now()
	s.CPU = ownCPU() - cpu
	s.Spans = s.Packets * SpansPerPacket
	s.Bytes = s.Packets * PacketBytes
	return s, nil
}
