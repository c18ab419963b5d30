//go:build crash

package crash

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/crash/receiver"
	"github.com/wayside-tracing/wayside/test/crash/volume"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// The states of a disk in /status that these scenarios wait for.
const (
	diskOK     = "ok"
	diskFailed = "failed"
)

// The disk is full while the collector is away. With `always`, senders are
// refused; with `interval` they are served from memory until that is full. When
// the collector is back, space comes back, and the agent returns to disk: what
// it acknowledges then survives a kill.
func TestDiskIsFull(t *testing.T) {
	onVolumes(t, tmpfs(24<<20), func(t *testing.T, v volume.Volume, sync string) {
		r := begin(t, onDisk(v.Path, sync, nil))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wait := r.flow(ctx, senders, 10*spans, 10*rate)
		r.receiver.Set(receiver.Refuse(grpc.Unavailable))
		r.await("senders are refused", func(l ledger.Lane) bool {
			return l.Refused[ledger.QueueFull]+l.Refused[ledger.Overloaded] > 20
		})
		full := r.disk()
		time.Sleep(times(time.Second))
		r.receiver.Set(receiver.Well)
		for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			if d := r.disk(); d.State == diskOK && d.Segments <= 2 {
				break // there is room: it is full again after a second or two
			}
			if time.Now().After(end) {
				t.Fatalf("waited in vain until the disk has room: %+v, %+v", r.disk(), r.lane())
			}
		}
		r.receiver.Set(receiver.Refuse(grpc.Unavailable))
		taken := r.lane().Accepted
		r.await("some spans are taken", func(l ledger.Lane) bool { return l.Accepted > taken+20*spans })
		cancel()
		wait()
		if d := r.disk(); d.State != diskOK && sync == interval { // with always it does not matter
			t.Fatalf("it is to be killed while the disk works, and the disk's state is %+v", d)
		}
		t.Logf("when it was full: %+v; senders: %v", full, r.sent.Refused)
		r.killedAndBack()
	})
}

// killedAndBack kills the agent with what it has, starts another one, and holds
// what was acknowledged against what arrives.
func (r *rig) killedAndBack() {
	r.Helper()
	explained := r.twice(r.lane())
	r.agent.Kill()
	received := r.receiver.Unique()
	r.receiver.Set(receiver.Well)
	r.start()
	explained += max(0, int(r.lane().Recovered)+received-r.sent.Spans())
	r.settleKilled(explained)
}

// The disk is read-only when the agent starts. It starts all the same; with
// `interval` it takes spans, with `always` it refuses them. When the disk can be
// written to, it returns to it.
func TestDiskIsReadOnlyAtTheStart(t *testing.T) {
	onVolumes(t, tmpfs(64<<20), func(t *testing.T, v volume.Volume, sync string) {
		if err := v.ReadOnly(true); err != nil {
			t.Fatal(err)
		}
		r := begin(t, onDisk(v.Path, sync, nil))
		if d := r.disk(); d.State != diskFailed || d.Error == "" {
			t.Errorf("the disk is read-only, and the agent says %+v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wait := r.flow(ctx, senders, spans, rate)
		if sync == always {
			r.await("senders are refused", func(l ledger.Lane) bool { return l.Refused[ledger.QueueFull]+l.Refused[ledger.Overloaded] > 0 })
			if n := r.lane().Accepted; n != 0 {
				t.Errorf("%d spans were accepted without a disk", n)
			}
		} else {
			r.await("spans are delivered", func(l ledger.Lane) bool { return l.Delivered > 0 })
		}
		if err := v.ReadOnly(false); err != nil {
			t.Fatal(err)
		}
		r.awaitDisk(diskOK)
		r.receiver.Set(receiver.Refuse(grpc.Unavailable))
		before := r.lane().Accepted
		r.await("spans are taken", func(l ledger.Lane) bool { return l.Accepted > before+rate })
		cancel()
		wait()
		r.killedAndBack()
	})
}

// The disk turns read-only under the agent, whose files are open: the file
// system has found an error in itself. With `always` senders are refused, with
// `interval` they are served from memory; what is on disk is delivered. When the
// file system is repaired and mounted again, the agent returns to it: what it
// acknowledges then survives a kill. With `interval` what was not synced when the
// disk failed may be lost, counted.
func TestDiskTurnsReadOnly(t *testing.T) {
	onVolumes(t, ext4, func(t *testing.T, v volume.Volume, sync string) {
		r := begin(t, onDisk(filepath.Join(v.Path, "spans"), sync, nil))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wait := r.flow(ctx, senders, spans, rate)
		r.receiver.Set(receiver.Refuse(grpc.Unavailable))
		r.await("spans are on disk", func(l ledger.Lane) bool { return l.Buffered > 2*rate })
		if err := v.Fail(); err != nil {
			t.Fatal(err)
		}
		r.awaitDisk(diskFailed)
		if d := r.disk(); !strings.Contains(d.Error, syscall.EROFS.Error()) {
			t.Errorf("the disk is read-only, and the agent says %+v", d)
		}
		r.awaitMetric("wayside_agent_disk_up", "0")
		failed := r.lane()
		if sync == always {
			r.await("senders are refused", func(l ledger.Lane) bool { return l.Refused[ledger.QueueFull] > failed.Refused[ledger.QueueFull] })
		} else {
			r.await("senders are served", func(l ledger.Lane) bool { return l.Accepted > failed.Accepted+rate/10 })
		}
		r.receiver.Set(receiver.Well)
		r.await("what is on disk is delivered", func(l ledger.Lane) bool {
			return l.Delivered+l.Dropped.Sum() >= failed.Accepted
		})
		time.Sleep(times(time.Second) - time.Second) // in the long run it is tried in vain a few times
		if err := v.Repair(); err != nil {
			t.Fatal(err)
		}
		r.awaitDisk(diskOK)
		r.awaitMetric("wayside_agent_disk_up", "1")
		lines := func(line string) int { return strings.Count(r.agent.Log(), line) }
		failures, returns := lines("the disk buffer does not work"), lines("the disk buffer works again")
		if slow := lines("the disk buffer is too slow"); failures != 1 || returns < 1 || returns > 1+slow { // slow: on a busy machine
			t.Errorf("%d lines of the log say that the disk fails, %d that it works again:\n%s", failures, returns, r.agent.Log())
		}
		r.receiver.Set(receiver.Refuse(grpc.Unavailable))
		back := r.lane()
		r.await("spans are taken", func(l ledger.Lane) bool { return l.Accepted > back.Accepted+2*rate })
		cancel()
		wait()
		last := r.lane()
		if lost := last.Dropped; lost.Sum() != lost[ledger.DiskLost]+lost[ledger.Corrupt] || sync == always && lost.Sum() > uint64(r.sent.No) {
			t.Errorf("dropped %v", lost)
		}
		if sync == interval {
			r.lost = int(last.Dropped.Sum())
		}
		t.Logf("%d spans went with what was not synced; senders: %v", last.Dropped.Sum(), r.sent.Refused)
		r.killedAndBack()
	})
}

// The disk is gone for good: everything on it fails. What it took along is
// counted; with `interval` the agent goes on in memory, with `always` it refuses.
func TestDiskIsGone(t *testing.T) {
	onVolumes(t, ext4, func(t *testing.T, v volume.Volume, sync string) {
		r := begin(t, onDisk(filepath.Join(v.Path, "spans"), sync, nil))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wait := r.flow(ctx, senders, spans, rate)
		r.receiver.Set(receiver.Refuse(grpc.Unavailable))
		r.await("spans are on disk", func(l ledger.Lane) bool { return l.Buffered > 2*rate })
		if err := v.Shutdown(); err != nil {
			t.Fatal(err)
		}
		r.awaitDisk(diskFailed)
		time.Sleep(times(time.Second))
		r.receiver.Set(receiver.Well)
		if sync == interval {
			before := r.lane().Delivered
			r.await("it goes on without a disk", func(l ledger.Lane) bool { return l.Delivered > before+rate })
		} else {
			r.await("senders are refused", func(l ledger.Lane) bool { return l.Refused[ledger.QueueFull]+l.Refused[ledger.Overloaded] > 0 })
		}
		cancel()
		wait()
		end := r.settle()
		if end.Dropped.Sum() != end.Dropped[ledger.DiskLost] {
			t.Errorf("dropped %v", end.Dropped)
		}
		t.Logf("%d spans went with the disk", end.Dropped[ledger.DiskLost])
	})
}

// The disk stands still for seconds at a time. Nothing is lost; with `always`
// answers wait for it.
func TestDiskIsSlow(t *testing.T) {
	onVolumes(t, ext4, func(t *testing.T, v volume.Volume, sync string) {
		r := begin(t, onDisk(filepath.Join(v.Path, "spans"), sync, nil))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wait := r.flow(ctx, senders, spans, rate)
		for range 3 {
			time.Sleep(300 * time.Millisecond)
			if err := v.Freeze(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(times(2*time.Second) / 2)
			still := r.disk()
			if err := v.Thaw(); err != nil {
				t.Fatal(err)
			}
			t.Logf("while it stood still: %+v", still)
		}
		r.awaitDisk(diskOK)
		cancel()
		wait()
		if end := r.settle(); end.Dropped.Sum() != 0 {
			t.Errorf("dropped %v", end.Dropped)
		}
	})
}

func (r *rig) awaitDisk(state string) {
	r.Helper()
	for end := time.Now().Add(patience); r.disk().State != state; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("waited in vain until the disk is %s: %+v, %+v\n%s", state, r.disk(), r.lane(), r.agent.Dump())
		}
	}
}

// awaitMetric waits until a metric of the lane has a value.
func (r *rig) awaitMetric(name, value string) {
	r.Helper()
	want := name + `{lane="default"} ` + value + "\n"
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		metrics, err := r.agent.Metrics(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		if strings.Contains(metrics, want) {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("waited in vain for %q in:\n%s", want, metrics)
		}
	}
}

// onVolumes runs a scenario with either promise, in namespaces of their own, on
// a file system of their own.
func onVolumes(t *testing.T, mount func(t *testing.T, folder string) volume.Volume, scenario func(t *testing.T, v volume.Volume, sync string)) {
	if !isolated(t) {
		return
	}
	if err := volume.Private(); err != nil {
		t.Fatal(err)
	}
	both(t, func(t *testing.T, sync string) {
		folder := filepath.Join(t.TempDir(), "volume")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		v := mount(t, folder)
		t.Cleanup(v.Unmount)
		if err := os.Chmod(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		scenario(t, v, sync)
	})
}

func tmpfs(bytes int) func(t *testing.T, folder string) volume.Volume {
	return func(t *testing.T, folder string) volume.Volume {
		v, err := volume.Tmpfs(folder, bytes)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ext4(t *testing.T, folder string) volume.Volume {
	v, err := volume.Ext4(folder, folder+".img", 128<<20)
	if errors.Is(err, volume.ErrNotAllowed) {
		t.Skip("SKIPPED, NOT SHOWN HERE: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}
