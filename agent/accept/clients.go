package accept

import (
	"container/list"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

// Limits of the memory that is kept of Jaeger clients.
const (
	// maxClients is how many clients one socket remembers, the one that was
	// silent longest forgotten first: more than a node has processes that trace.
	maxClients = 1024
	// clientIdle is how long a silent client is remembered (Jaeger Agent:
	// 1 h, cmd/agent/app/reporter/client_metrics.go).
	clientIdle = time.Hour
	// maxUUID is the length in bytes of a client-uuid. Jaeger clients send
	// 16 hex digits (jaeger-client-go) or a UUID of 36 characters.
	maxUUID = 64
	// maxJump is the longest gap that is believed. A client sends a batch a
	// second at most when idle; a jump over a million is not a loss.
	maxJump = 1 << 20
)

// clients follows what each Jaeger client reports of itself, in the totals
// that it sends along with a batch, and gives the difference to what it
// reported before. The first batch of a client that was running before us is
// only where counting starts.
type clients struct {
	byUUID map[string]*list.Element
	recent *list.List // of *client, the most recent first
}

type client struct {
	uuid  string
	seen  time.Time
	seqNo int64
	stats jaegerthrift.ClientStats
}

func newClients() *clients {
	return &clients{byUUID: map[string]*list.Element{}, recent: list.New()}
}

// report returns what is new in a batch's report. stats is nil where the batch
// has none; uuid is not kept.
func (cs *clients) report(uuid []byte, seqNo int64, stats *jaegerthrift.ClientStats, now time.Time) (r ledger.ClientReported) {
	if len(uuid) == 0 || len(uuid) > maxUUID || seqNo <= 0 {
		return r
	}
	cs.forget(now)
	e := cs.byUUID[string(uuid)]
	if e == nil {
		c := &client{uuid: string(uuid), seen: now, seqNo: seqNo}
		if stats != nil {
			c.stats = *stats
		}
		if seqNo == 1 { // its first: all that it reports is new
			r = difference(c.stats, jaegerthrift.ClientStats{})
		}
		cs.byUUID[c.uuid] = cs.recent.PushFront(c)
		return r
	}
	c := e.Value.(*client)
	c.seen = now
	cs.recent.MoveToFront(e)
	jump := seqNo - c.seqNo
	if jump <= 0 { // late, or twice: its totals are older than those we have
		return r
	}
	if stats != nil {
		r = difference(*stats, c.stats)
		c.stats = *stats
	}
	if jump <= maxJump {
		r.Gaps = uint64(jump - 1)
	}
	c.seqNo = seqNo
	return r
}

// difference is what totals have grown by. A total that went down is a client
// that began again: it says nothing.
func difference(now, before jaegerthrift.ClientStats) ledger.ClientReported {
	grown := func(now, before int64) uint64 {
		if before < 0 || now < before {
			return 0
		}
		return uint64(now - before)
	}
	return ledger.ClientReported{
		FullQueue:   grown(now.FullQueueDroppedSpans, before.FullQueueDroppedSpans),
		TooLarge:    grown(now.TooLargeDroppedSpans, before.TooLargeDroppedSpans),
		SendFailure: grown(now.FailedToEmitSpans, before.FailedToEmitSpans),
	}
}

// forget makes room: for clients that are silent, and for one more.
func (cs *clients) forget(now time.Time) {
	for e := cs.recent.Back(); e != nil; e = cs.recent.Back() {
		c := e.Value.(*client)
		if cs.recent.Len() < maxClients && now.Sub(c.seen) < clientIdle {
			return
		}
		cs.recent.Remove(e)
		delete(cs.byUUID, c.uuid)
	}
}
