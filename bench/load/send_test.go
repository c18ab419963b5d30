package load

import (
	"net"
	"testing"
	"time"
)

func TestWhatIsSentIsWhatArrives(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	arrived := make(chan int)
	go func() {
		packets := 0
		b := make([]byte, 65507)
		for {
			n, err := conn.Read(b)
			if err != nil || n != PacketBytes {
				arrived <- packets
				return
			}
			packets++
		}
	}()
	// Ten packets: as many as a socket's default buffer holds when nobody reads.
	sent, err := Send(Plan{To: conn.LocalAddr().String(), Protocol: JaegerUDP, Rate: 2_000, For: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	// One empty datagram after the last packet: the loopback keeps order.
	if _, err := conn.WriteTo(nil, conn.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if n := uint64(<-arrived); n != sent.Packets || sent.Packets != 10 || sent.Spans != 200 {
		t.Errorf("%d packets arrived; sent %+v", n, sent)
	}
}

func TestPlanWithoutARate(t *testing.T) {
	if _, err := Send(Plan{To: "127.0.0.1:1", Protocol: JaegerUDP, For: time.Second}); err == nil {
		t.Error("a rate of 0 was taken")
	}
}

// A sender that is told to stop says what it sent until then.
func TestStopped(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stop := make(chan struct{})
	go func() {
		if _, err := conn.Read(make([]byte, PacketBytes)); err != nil {
			t.Error(err)
		}
		close(stop)
	}()
	sent, err := Send(Plan{To: conn.LocalAddr().String(), Protocol: JaegerUDP, Rate: 2_000, For: time.Hour, Stop: stop})
	if err != nil || sent.Packets == 0 || sent.Spans != sent.Packets*SpansPerPacket {
		t.Errorf("%+v, %v", sent, err)
	}
}
