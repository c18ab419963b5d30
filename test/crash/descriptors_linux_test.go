//go:build crash

package crash

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/crash/process"
)

// Peers that only hold connections take as many descriptors as they get; then
// the collector closes its connections, again and again. With 64 descriptors the
// agent goes on; with 24, which are used up, it does when the peers have left.
func TestFileDescriptorsUsedUp(t *testing.T) {
	for _, c := range []struct {
		limit int
		stay  bool
	}{{64, true}, {24, false}} {
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) { usedUp(t, c.limit, c.stay) })
	}
}

func usedUp(t *testing.T, limit int, stay bool) {
	t.Parallel()
	r := begin(t, process.Options{Shell: fmt.Sprintf("ulimit -n %d", limit)})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := r.flow(ctx, senders, spans, rate)
	r.await("the first spans are delivered", func(l ledger.Lane) bool { return l.Delivered > 0 })

	var peers []net.Conn
	defer func() {
		for _, c := range peers {
			c.Close()
		}
	}()
	for range 2 * limit {
		c, err := net.Dial("tcp", r.agent.GRPC)
		if err != nil {
			t.Fatal(err)
		}
		// Settings and nothing else (RFC 9113, section 3.4): such a peer may stay
		// for minutes.
		fmt.Fprint(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		peers = append(peers, c)
	}
	time.Sleep(500 * time.Millisecond)
	t.Logf("the agent has %d descriptors, those that it inherited included", descriptors(t, r.agent.Pid()))
	for range 3 {
		r.receiver.Down()
		time.Sleep(200 * time.Millisecond)
		if err := r.receiver.Up(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(times(time.Second))
	}
	if !stay {
		for _, c := range peers {
			c.Close()
		}
	}
	before := r.lane()
	r.await("spans are taken and delivered", func(l ledger.Lane) bool { return l.Delivered > before.Delivered+rate })
	cancel()
	wait()
	if end := r.settle(); end.Dropped.Sum() != 0 {
		t.Errorf("dropped %v", end.Dropped)
	}
}

// descriptors is how many a process has open.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
