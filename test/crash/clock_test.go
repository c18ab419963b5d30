//go:build crash

package crash

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/crash/clock"
	"github.com/wayside-tracing/wayside/test/crash/process"
	"github.com/wayside-tracing/wayside/test/crash/receiver"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

const day = 24 * time.Hour // buffer.max_age by default

func TestClockJumps(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	overlay, err := clock.Overlay(folder)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := process.Build(t.Context(), folder, "wayside-agent", overlay...)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("while it runs", func(t *testing.T) { jumpsWhileItRuns(t, binary) })
	t.Run("between processes", func(t *testing.T) { jumpsBetweenProcesses(t, binary) })
}

// The clock is set a day ahead and then two days back, while spans wait for a
// collector that is away. None expires, none is sent early or held back: the
// agent counts time by the monotonic clock.
func jumpsWhileItRuns(t *testing.T, binary string) {
	t.Parallel()
	r := begin(t, process.Options{Binary: binary, Env: []string{clock.Env(
		clock.Jump{After: 3 * time.Second, Off: day}, clock.Jump{After: 6 * time.Second, Off: -day},
	)}})
	started := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := r.flow(ctx, senders, spans, rate)
	r.await("the first spans are delivered", func(l ledger.Lane) bool { return l.Delivered > 0 })
	r.receiver.Set(receiver.Refuse(grpc.Unavailable))
	r.await("spans wait", func(l ledger.Lane) bool { return l.Buffered > rate })
	time.Sleep(time.Until(started.Add(4 * time.Second)))
	if l := r.lane(); l.Buffer.OldestAge > 3600 {
		t.Errorf("a day ahead, the oldest span is said to be %v s old", l.Buffer.OldestAge)
	}
	time.Sleep(time.Until(started.Add(7 * time.Second)))
	if l := r.lane(); l.Buffer.OldestAge < 0 || l.Buffer.OldestAge > 3600 {
		t.Errorf("a day back, the oldest span is said to be %v s old", l.Buffer.OldestAge)
	}
	r.receiver.Set(receiver.Well)
	before := r.lane().Delivered
	r.await("it recovers while spans flow", func(l ledger.Lane) bool { return l.Delivered > before+rate })
	cancel()
	wait()
	if end := r.settle(); end.Dropped.Sum() != 0 {
		t.Errorf("dropped %v", end.Dropped)
	}
	// That the clock did jump.
	log := strings.Split(strings.TrimSpace(r.agent.Log()), "\n")
	var last struct{ Time time.Time }
	if err := json.Unmarshal([]byte(log[len(log)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if off := time.Since(last.Time).Round(time.Hour); off != day {
		t.Errorf("the log's last line is %v old: the clock did not jump", off)
	}
}

// The clock is a day back, and then a day ahead, when the next process begins.
// What the last ones left on disk comes from the future, or is two days old: it is
// delivered, since it may be four days old, and the future is not waited for.
func jumpsBetweenProcesses(t *testing.T, binary string) {
	t.Parallel()
	opt := onDisk(t.TempDir(), interval, process.Settings{"buffer.max_age": "96h"})
	opt.Binary = binary
	r := begin(t, opt)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := r.flow(ctx, senders, spans, rate)
	r.receiver.Set(receiver.Refuse(grpc.Unavailable))
	for _, off := range []time.Duration{-day, day, 0} {
		before := r.lane()
		r.await("spans wait", func(l ledger.Lane) bool { return l.Buffered > before.Buffered+rate })
		r.agent.Kill()
		r.options.Env = []string{clock.Env(clock.Jump{Off: off})}
		r.start()
		if got := r.lane(); got.Recovered == 0 || got.Dropped.Sum() != 0 {
			t.Errorf("with the clock off by %v: recovered %d, dropped %v", off, got.Recovered, got.Dropped)
		}
	}
	r.receiver.Set(receiver.Well)
	cancel()
	wait()
	r.settleKilled(0)
}
