//go:build crash

package crash

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/test/crash/process"
	"github.com/wayside-tracing/wayside/test/crash/sender"
)

// UDP far above what the agent can take: in a network namespace of the test's
// own, every packet is one that was read, or one that the kernel counts as
// dropped; and OTLP senders beside it get through.
func TestFloodOfDatagrams(t *testing.T) {
	if !isolated(t) {
		return
	}
	const perPacket = 20
	r := begin(t, process.Options{Settings: process.Settings{"accept.jaeger.socket_buffer": "256KiB"}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := r.flow(ctx, senders, spans, rate)

	flooder, err := sender.NewDatagrams(1000, r.agent.UDP, perPacket)
	if err != nil {
		t.Fatal(err)
	}
	defer flooder.Close()
	begin := time.Now()
	const least = 20_000 // packets: more than the socket's buffer, however fast the agent is
	for end := begin.Add(times(3 * time.Second)); time.Now().Before(end) || flooder.Packets < least; {
		for range 64 {
			if err := flooder.Send(); err != nil {
				t.Fatal(err)
			}
		}
	}
	flooded := time.Since(begin)
	cancel()
	wait()

	var socket ledger.Socket
	late := time.Now().Add(patience)
	for { // what is in the socket's buffer is still being read
		st, err := r.agent.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		socket = st.Sockets[0]
		if socket.Packets+socket.KernelDrops+loopbackDrops(t) >= flooder.Packets || time.Now().After(late) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	backlog := loopbackDrops(t)
	if got := socket.Packets + socket.KernelDrops; got > flooder.Packets || got+backlog < flooder.Packets {
		t.Errorf("%d packets sent; %d read + %d dropped at the socket = %d; a CPU's backlog lost %d of any kind",
			flooder.Packets, socket.Packets, socket.KernelDrops, got, backlog)
	}
	// The kernel's own account of this namespace.
	kernel := udpCounters(t)
	if kernel["InDatagrams"] != socket.Packets || kernel["RcvbufErrors"] != socket.KernelDrops {
		t.Errorf("the kernel has %v, the agent read %d and counts %d dropped", kernel, socket.Packets, socket.KernelDrops)
	}
	if socket.KernelDrops == 0 {
		t.Error("nothing was dropped: that was no flood")
	}
	end := r.settleFlood(flooder)
	if end.KernelDrops != socket.KernelDrops {
		t.Errorf("the ledger ends with %d packets dropped by the kernel, the socket with %d", end.KernelDrops, socket.KernelDrops)
	}
	t.Logf("%d packets in %v (%.0f a second): %d read, %d dropped at the socket, %d before it; OTLP beside it: %d spans told yes, refused %v",
		flooder.Packets, flooded.Round(time.Millisecond), float64(flooder.Packets)/flooded.Seconds(), socket.Packets, socket.KernelDrops,
		flooder.Packets-socket.Packets-socket.KernelDrops, r.sent.Spans(), r.sent.Refused)
	if r.sent.Spans() == 0 {
		t.Error("OTLP senders did not get through")
	}
}

// settleFlood ends a scenario with a sender of datagrams. What was acknowledged
// to others was not pushed out by it: of those, every span arrives. Of its own,
// those arrive that were accepted and not pushed out.
func (r *rig) settleFlood(d *sender.Datagrams) ledger.Account {
	r.Helper()
	last := r.await("nothing is buffered", func(l ledger.Lane) bool { return l.Buffered == 0 })
	st, err := r.agent.Status(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	otlp := st.Listeners[0].Spans
	end, err := r.agent.Stop()
	if err != nil {
		r.Fatal(err)
	}
	if err := end.Check(); err != nil {
		r.Error(err)
	}
	if told := r.sent.Spans(); int(otlp) < told || int(otlp) > told+r.sent.Again {
		r.Errorf("%d spans were accepted by OTLP; %d were told so, and %d more may have been", otlp, told, r.sent.Again)
	}
	taken := r.receiver.Taken()
	arrived := taken.Of(d.Sent)
	if want := end.Accepted - otlp - end.Dropped.Sum(); uint64(arrived) != want {
		r.Errorf("of the datagrams %d spans arrived; %d accepted less %d by OTLP and %d dropped are %d",
			arrived, end.Accepted, otlp, end.Dropped.Sum(), want)
	}
	if end.Dropped[ledger.BufferFull] != end.Dropped.Sum() {
		r.Errorf("dropped %v", end.Dropped)
	}
	sent := r.sent
	sent.Unsure = append(sent.Unsure, d.Sent)
	for _, finding := range account.Compare(sent, taken, 0, r.twice(last)) {
		r.Error(finding)
	}
	return end
}

// udpCounters are this namespace's counters of UDP (/proc/net/snmp).
func udpCounters(t *testing.T) map[string]uint64 {
	t.Helper()
	var names []string
	for _, line := range procLines(t, "/proc/net/snmp") {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] != "Udp:":
		case names == nil:
			names = f
		default:
			counters := map[string]uint64{}
			for i := 1; i < len(f); i++ {
				n, err := strconv.ParseUint(f[i], 10, 64)
				if err == nil && n > 0 {
					counters[names[i]] = n
				}
			}
			return counters
		}
	}
	t.Fatal("no UDP in /proc/net/snmp")
	return nil
}

// loopbackDrops is how many packets of any kind lo dropped before they came to a
// socket, because a CPU's backlog was full (/proc/net/dev, receive, the fourth
// column). There are none unless the kernel's own thread is kept from a core.
func loopbackDrops(t *testing.T) uint64 {
	t.Helper()
	for _, line := range procLines(t, "/proc/net/dev") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "lo:"); ok {
			n, err := strconv.ParseUint(strings.Fields(rest)[3], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no lo in /proc/net/dev")
	return 0
}

func procLines(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "\n")
}
