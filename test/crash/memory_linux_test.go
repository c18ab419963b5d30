//go:build crash

package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/cgroup"
	"github.com/wayside-tracing/wayside/test/crash/process"
)

// The collector is away for a minute while 10,000 spans a second come, in a
// memory cgroup of 20 MiB: no process is killed, and all arrives. The peaks are
// printed, and in the long run those of 30,000 as well. The short run is a few
// seconds long.
func TestOutageInTwentyMebibytes(t *testing.T) {
	outage := func(perSecond int, away time.Duration) {
		t.Run(fmt.Sprintf("%d spans a second for %v", perSecond, away), func(t *testing.T) { inCgroup(t, perSecond, away) })
	}
	if !*long {
		t.Parallel() // in the long run it has the cores for itself
		outage(10_000, 8*time.Second)
		return
	}
	outage(10_000, time.Minute)
	outage(30_000, time.Minute)
}

func inCgroup(t *testing.T, perSecond int, away time.Duration) {
	group, err := cgroup.New(fmt.Sprintf("wayside-crash-%d-%d", os.Getpid(), perSecond), 20<<20)
	if errors.Is(err, cgroup.ErrNotAllowed) {
		t.Skip("SKIPPED, NOT SHOWN HERE: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(group.Close) // after the agent has been killed: cleanups run last first
	opt := onDisk(t.TempDir(), interval, process.Settings{
		"buffer.disk.size": "2GiB", "accept.jaeger.socket_buffer": "1MiB", // what a sidecar of this size may ask for
	})
	opt.Shell = group.Enter()
	r := begin(t, opt)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	idle, err := group.Usage()
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	wait := r.flow(ctx, senders, spans, perSecond/senders)
	r.await("the first spans are delivered", func(l ledger.Lane) bool { return l.Delivered > 0 })

	var most cgroup.Usage
	sampled, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sampled)
		for {
			if u, err := group.Usage(); err != nil {
				t.Error(err)
				return
			} else {
				most = most.Each(u)
			}
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	r.receiver.Down()
	time.Sleep(away)
	if err := r.receiver.Up(); err != nil {
		t.Fatal(err)
	}
	came := time.Since(begun)
	back := r.lane()
	r.await("it has caught up", func(l ledger.Lane) bool {
		return l.Delivered >= back.Accepted && l.Buffered < uint64(perSecond)
	})
	cancel()
	wait()
	close(stop)
	<-sampled
	peak, err := group.Peak()
	if err != nil {
		t.Error(err)
	}
	killed, hits, err := group.Killed()
	if err != nil || killed != 0 {
		t.Errorf("%d processes were killed for want of memory; %v", killed, err)
	}
	mb := func(n uint64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
	t.Logf("cgroup v%d, %.0f spans a second, backlog %d: peak %s, the limit was met %d times; most of each: anonymous %s, file %s (idle %s: the program's own), socket %s, kernel %s",
		group.Version, float64(back.Accepted)/came.Seconds(), back.Buffered, mb(peak), hits,
		mb(most.Anonymous), mb(most.File), mb(idle.File), mb(most.Socket), mb(most.Kernel))
	if end := r.settle(); end.Dropped.Sum() != 0 {
		t.Errorf("dropped %v", end.Dropped)
	}
}
