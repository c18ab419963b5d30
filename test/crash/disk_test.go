//go:build crash

package crash

import (
	"maps"
	"testing"

	"github.com/wayside-tracing/wayside/test/crash/process"
)

// The two promises of buffer.disk.sync.
const (
	always   = "always"
	interval = "interval"
)

// onDisk are the settings of an agent that keeps its spans in a folder.
func onDisk(folder, sync string, more process.Settings) process.Options {
	s := process.Settings{
		"buffer.disk.path": folder,
		"buffer.disk.sync": sync,
		"buffer.disk.size": "256MiB",
	}
	maps.Copy(s, more)
	return process.Options{Settings: s}
}

// disk is what the agent tells of its disk.
type disk struct {
	State, Error string
	Segments     int
}

func (r *rig) disk() disk {
	r.Helper()
	var st struct {
		Lanes []struct{ Buffer struct{ Disk *disk } }
	}
	if err := r.agent.ReadStatus(r.Context(), &st); err != nil {
		r.Fatal(err)
	}
	if len(st.Lanes) != 1 || st.Lanes[0].Buffer.Disk == nil {
		r.Fatalf("the agent does not keep its spans on disk: %+v", st)
	}
	return *st.Lanes[0].Buffer.Disk
}

// both runs a scenario with either promise.
func both(t *testing.T, scenario func(t *testing.T, sync string)) {
	for _, sync := range []string{always, interval} {
		t.Run(sync, func(t *testing.T) {
			t.Parallel()
			scenario(t, sync)
		})
	}
}
