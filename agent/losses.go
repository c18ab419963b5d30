package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/wayside-tracing/wayside/agent/buffer"
	"github.com/wayside-tracing/wayside/agent/ledger"
)

const (
	// lookEvery is how soon the log hears of the first loss.
	lookEvery = 5 * time.Second
	// tellEvery is how often at most it hears of losses.
	tellEvery = time.Minute
)

// losses tells the log when spans were lost, or packets did not come in: how
// many for which reason since it told the last time. Where they were lost the
// ledger counts them, one by one; the log of somebody who is on call should
// not need to be read beside it.
type losses struct {
	lane *buffer.Lane
	// poll brings what sockets know into the lane's account.
	poll func()
	log  *slog.Logger
}

// String names the task.
func (l *losses) String() string { return "losses" }

// Run looks at the account until ctx is done.
func (l *losses) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var told ledger.Account
	var when time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if !when.IsZero() && now.Sub(when) < tellEvery {
				continue
			}
			l.poll()
			account := l.lane.Snapshot().Account
			if lost := account.LostSince(told); len(lost) > 0 {
				l.log.Warn("spans or packets were lost", append(lost, "see", "/status says why, and what to do")...)
				told, when = account, now
			}
		}
	}
}
