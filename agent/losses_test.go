package agent

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/buffer"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/task"
)

// lockedBuffer can be read while others write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The log says that spans are lost, soon after the first and then once a
// minute, with what is new.
func TestLogTellsOfLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lane := buffer.NewLane("default", buffer.Options{Memory: 1 << 20, MaxAge: time.Hour, BatchBytes: 1 << 17, BatchAge: time.Second})
		var log lockedBuffer
		g := task.NewGroup()
		g.Start(&losses{lane: lane, poll: func() {}, log: slog.New(slog.NewTextHandler(&log, nil))})
		lines := func() []string { return strings.Split(strings.TrimSpace(log.String()), "\n") }

		time.Sleep(time.Hour)
		lane.Refuse(ledger.Malformed)
		lane.Datagram(nil, 0, ledger.LeftOut{Invalid: 3})
		time.Sleep(2 * lookEvery)
		for range 30 {
			lane.Datagram(nil, 0, ledger.LeftOut{Invalid: 1})
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "level=WARN") ||
			!strings.Contains(got[0], "dropped_invalid=3 refused_malformed=1 see=") {
			t.Errorf("%q", got)
		}
		time.Sleep(tellEvery)
		synctest.Wait()
		if got := lines(); len(got) != 2 || !strings.Contains(got[1], "dropped_invalid=30 see=") {
			t.Errorf("%q", got)
		}
		time.Sleep(time.Hour)
		g.Stop()
		if got := lines(); len(got) != 2 {
			t.Errorf("%q", got)
		}
	})
}
