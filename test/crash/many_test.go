//go:build crash

package crash

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/bench/proc"
	"github.com/wayside-tracing/wayside/test/crash/process"
	"github.com/wayside-tracing/wayside/test/crash/sender"
)

// 300 connected senders, one of which floods: memory stays within its bound, and
// each of the others gets through. What each got is reported.
func TestThreeHundredSendersAndOneFloods(t *testing.T) {
	const (
		many       = 300
		few        = 5  // spans of a request of each
		perSecond  = 5  // spans: a request a second
		flood      = 32 // goroutines that share the flooder's connection
		floodSpans = 1000
	)
	r := begin(t, process.Options{})
	r.memory += 256 * 30 << 10 // connections (agent/accept, maxConnections)
	ctx, cancel := context.WithTimeout(t.Context(), times(8*time.Second))
	defer cancel()

	all := make([]*sender.Sender, many)
	done := make(chan struct{})
	for i := range all {
		all[i] = r.sender()
		go func() {
			// Not all at the same moment of a second.
			time.Sleep(time.Second * time.Duration(i) / many)
			all[i].Flow(ctx, few, perSecond)
			done <- struct{}{}
		}()
	}
	flooders := r.flood(ctx, flood, floodSpans)
	for range all {
		<-done
	}
	flooded := flooders()

	told := make([]int, many)
	again, refused := 0, map[string]int{}
	for i, s := range all {
		told[i] = s.Sent.Spans()
		again += s.Sent.Again
		for why, n := range s.Sent.Refused {
			refused[why] += n
		}
		r.add(s)
	}
	slices.Sort(told)
	memory, err := proc.ReadMemory(r.agent.Pid())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the flooder was told yes for %d spans; each of the %d others: least %d, median %d, most %d; tries refused: %v; spans sent again %d",
		flooded, many, told[0], told[many/2], told[many-1], refused, again)
	t.Logf("memory: peak %.1f MB, now %.1f MB, of it anonymous %.1f MB", float64(memory.Peak)/1e6, float64(memory.RSS)/1e6, float64(memory.Anonymous)/1e6)
	if told[0] == 0 {
		t.Error("a sender got nothing through")
	}
	if end := r.settle(); end.Dropped != (ledger.Drops{}) {
		t.Errorf("dropped %v", end.Dropped)
	}
}

// flood sends large requests as fast as they are answered, so many at a time
// over one connection. wait waits for the end and returns how many spans were
// acknowledged.
func (r *rig) flood(ctx context.Context, atOnce, spans int) (wait func() int) {
	first := r.sender()
	flooders := []*sender.Sender{first}
	for range atOnce - 1 {
		flooders = append(flooders, first.Beside(r.nextNumber()))
	}
	done := make(chan struct{})
	for _, s := range flooders {
		go func() {
			for ctx.Err() == nil && s.Send(ctx, spans) == nil {
			}
			done <- struct{}{}
		}()
	}
	return func() (told int) {
		for range flooders {
			<-done
		}
		for _, s := range flooders {
			told += s.Sent.Spans()
			r.add(s)
		}
		return told
	}
}
