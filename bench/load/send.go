package load

import (
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// sendPackets sends packets at an even spacing: the k-th is due k × 20 / rate
// seconds after the start. A sender that was kept from a core sends what is
// overdue at once, as a tracer whose process was kept waiting would.
func sendPackets(p Plan) (Sent, error) {
	var s Sent
	conn, err := net.Dial("udp", p.To)
	if err != nil {
		return s, fmt.Errorf("load: %w", err)
	}
	defer conn.Close()

	made := packets(time.Now())
	if p.Protocol == ZipkinUDP {
		made = zipkinPackets(time.Now())
	}
	rng := rand.NewPCG(uint64(time.Now().UnixNano()), 0)
	cpu := ownCPU()
	clock := startClock()
	defer clock.stop()
	for k := uint64(0); !p.stopped(); k++ {
		at := p.due(k, SpansPerPacket)
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
		s.Bytes += uint64(len(packet.bytes))
	}
	s.Took = clock.now()
	s.CPU = ownCPU() - cpu
	s.Spans = s.Packets * SpansPerPacket
	return s, nil
}
