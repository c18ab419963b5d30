package deliver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// Spans that wait for an endpoint that is down go to the one that is
// configured in its place, at once.
func TestConfigureMovesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, func(_ context.Context, endpoint string, _ []int) Answer {
			if endpoint == "down" {
				return later()
			}
			return ok()
		})
		r := start(t, fake, "down")
		r.send(100)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		opt := r.options()
		opt.Endpoints = []string{"new", "down"}
		begun := time.Now()
		r.Configure(opt)
		if dropped := r.finish(t); dropped.Sum() != 0 {
			t.Errorf("dropped %v", dropped)
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("it took %v", took)
		}
		states := r.Endpoints()
		if len(states) != 2 || states[0].Address != "new" || states[1].State != ledger.EndpointBackoff {
			t.Errorf("%+v", states)
		}
	})
}
