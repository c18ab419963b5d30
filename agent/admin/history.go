package admin

import (
	"maps"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/agent/ledger/losses"
	"github.com/wayside-tracing/wayside/internal/version"
)

// window is how far back rates look.
const window = time.Minute

// history is what the status alone can't tell: rates, when something was last
// lost, and since when a collector fails. Its size is bounded by the window
// and by the number of lanes, reasons and endpoints.
type history struct {
	mu      sync.Mutex
	samples []sample             // oldest first, none older than the window but the first
	lost    map[string]time.Time // lane and way of loss → when it last grew
	failing map[string]time.Time // lane and endpoint → since when
}

type sample struct {
	at    time.Time
	lanes map[string]ledger.Account
}

func newHistory() *history {
	return &history{lost: map[string]time.Time{}, failing: map[string]time.Time{}}
}

// add takes note of a status. People who look often don't make it longer.
func (h *history) add(now time.Time, st ledger.Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == 0 { // all counters were 0 when the agent began
		h.samples = append(h.samples, sample{st.Started, nil})
	}
	last := h.samples[len(h.samples)-1]
	there := map[string]bool{} // the endpoints
	s := sample{now, make(map[string]ledger.Account, len(st.Lanes))}
	for _, l := range st.Lanes {
		s.lanes[l.Name] = l.Account
		before := last.lanes[l.Name]
		for way, n := range losses.Of(l.Account) {
			if n > lossesOf(before, way) {
				h.lost[l.Name+"/"+way] = now
			}
		}
		for _, e := range l.Endpoints {
			key := l.Name + "/" + e.String()
			there[key] = true
			h.endpoint(now, key, e)
		}
	}
	maps.DeleteFunc(h.failing, func(key string, _ time.Time) bool { return !there[key] })
	if n := len(h.samples); n > 2 && last.at.Sub(h.samples[n-2].at) < sampleEvery*4/5 {
		h.samples[n-1] = s
	} else {
		h.samples = append(h.samples, s)
	}
	for len(h.samples) > 2 && now.Sub(h.samples[1].at) >= window {
		h.samples = h.samples[1:]
	}
}

func (h *history) endpoint(now time.Time, key string, e ledger.Endpoint) {
	if e.State != ledger.EndpointBackoff && e.State != ledger.EndpointHeld {
		delete(h.failing, key)
		return
	}
	if _, known := h.failing[key]; known {
		return
	}
	since := now
	if e.LastErrorAt != nil {
		since = *e.LastErrorAt
	}
	h.failing[key] = since
}

// view is all that the page shows, at one moment.
type view struct {
	now     time.Time
	status  ledger.Status
	process process
	build   version.Info
	lanes   []laneView
}

// laneView is a lane and its recent past.
type laneView struct {
	ledger.Lane
	before  ledger.Account // at the begin of span
	span    time.Duration  // up to the window
	lost    map[string]time.Time
	failing map[string]time.Time // by endpoint
}

func (h *history) view(now time.Time, st ledger.Status) view {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := view{now: now, status: st, process: readProcess(), build: version.Read()}
	first := h.samples[0]
	for _, l := range st.Lanes {
		lv := laneView{
			Lane: l, before: first.lanes[l.Name], span: max(now.Sub(first.at), time.Second),
			lost: map[string]time.Time{}, failing: map[string]time.Time{},
		}
		for way := range losses.Of(l.Account) {
			if t, ok := h.lost[l.Name+"/"+way]; ok {
				lv.lost[way] = t
			}
		}
		for _, e := range l.Endpoints {
			if t, ok := h.failing[l.Name+"/"+e.String()]; ok {
				lv.failing[e.String()] = t
			}
		}
		v.lanes = append(v.lanes, lv)
	}
	return v
}

// rate is the change of a counter in the window, a second.
func (l laneView) rate(of func(ledger.Account) uint64) float64 {
	return float64(of(l.Account)-of(l.before)) / l.span.Seconds()
}

func accepted(a ledger.Account) uint64  { return a.Accepted + a.Recovered }
func delivered(a ledger.Account) uint64 { return a.Delivered }

func lossesOf(a ledger.Account, way string) uint64 {
	for w, n := range losses.Of(a) {
		if w == way {
			return n
		}
	}
	return 0
}
