//go:build crash

package crash

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/crash/isolate"
	"github.com/wayside-tracing/wayside/test/crash/names"
	"github.com/wayside-tracing/wayside/test/crash/process"
	"github.com/wayside-tracing/wayside/test/crash/receiver"
)

// isolated runs the rest of a test in namespaces of its own, and reports
// whether this is the rest. Where there can be none, the test is skipped, which
// the tier names in capitals.
func isolated(t *testing.T) bool {
	t.Helper()
	if isolate.Inside() {
		if err := isolate.LoopbackUp(); err != nil {
			t.Fatal(err)
		}
		return true
	}
	t.Parallel()
	again := []string{"-test.run", "^" + t.Name() + "$", "-test.v", "-seed", fmt.Sprint(*seed), fmt.Sprintf("-long=%v", *long)}
	err := isolate.Again(again...)
	switch {
	case errors.Is(err, isolate.ErrNotAllowed):
		t.Skip("SKIPPED, NOT SHOWN HERE: ", err)
	case err != nil:
		t.Error(err, "; its output is above")
	}
	return false
}

// The collector moves to another address, and only its name tells. What was
// on its way is delivered at the new place.
func TestCollectorMovesBehindItsName(t *testing.T) {
	if !isolated(t) {
		return
	}
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := isolate.Cover("/etc/resolv.conf", resolv); err != nil {
		t.Fatal(err)
	}
	dns, err := names.Serve("127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close()
	old, err := receiver.New("127.0.0.2:4317")
	if err != nil {
		t.Fatal(err)
	}
	defer old.Down()
	dns.Set(netip.MustParseAddr("127.0.0.2"))

	r := begin(t, process.Options{Settings: process.Settings{"deliver.endpoint": "collector.test:4317"}})
	moved, err := receiver.New("127.0.0.3:4317")
	if err != nil {
		t.Fatal(err)
	}
	defer moved.Down()
	r.receiver.Down()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := r.flow(ctx, senders, spans, rate)
	r.receiver = old
	r.await("spans are delivered at the old place", func(l ledger.Lane) bool { return l.Delivered > 0 })
	time.Sleep(times(time.Second))

	dns.Set(netip.MustParseAddr("127.0.0.3"))
	old.Down()
	moved.Include(old)
	r.receiver = moved
	before := r.lane()
	r.await("spans are delivered at the new place", func(l ledger.Lane) bool { return l.Delivered > before.Delivered+rate })
	if e := r.lane().Endpoints; len(e) != 1 || e[0].IP != "127.0.0.3" {
		t.Errorf("endpoints %+v", e)
	}
	cancel()
	wait()
	// The old address is not in the status any more, nor how often it failed.
	// What was on its way there then may have been taken without an answer: a
	// quarter of the buffer at most, in batches of a chunk of 64 KiB at least.
	const batches = (8 << 20) / 4 / (64 << 10)
	r.unanswered = batches * old.Largest()
	if end := r.settle(); end.Dropped.Sum() != 0 {
		t.Errorf("dropped %v", end.Dropped)
	}
	t.Logf("%d names looked up", dns.Asked())
}
