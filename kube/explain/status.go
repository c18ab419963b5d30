package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/agent/ledger/losses"
	"github.com/wayside-tracing/wayside/internal/figures"
)

// Status is an agent's /status, read by who may be older or newer than the agent:
// what is unknown is left aside, and reasons are whatever it says.
type Status struct {
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Ready    bool      `json:"ready"`
	Degraded []string  `json:"degraded,omitempty"`
	Lanes    []Lane    `json:"lanes"`
}

// Lane is one lane's account, and where it delivers.
type Lane struct {
	Name           string            `json:"name"`
	Accepted       uint64            `json:"accepted"`
	Recovered      uint64            `json:"recovered"`
	Delivered      uint64            `json:"delivered"`
	Buffered       uint64            `json:"buffered"`
	Dropped        map[string]uint64 `json:"dropped"`
	Refused        map[string]uint64 `json:"refused"`
	KernelDrops    uint64            `json:"kernel_drops"`
	ClientReported map[string]uint64 `json:"client_reported"`
	Buffer         struct {
		OldestAge float64 `json:"oldest_age_seconds"`
	} `json:"buffer"`
	Endpoints []ledger.Endpoint `json:"endpoints"`
}

func readStatus(body []byte) (*Status, error) {
	s := new(Status)
	if err := json.Unmarshal(body, s); err != nil {
		return nil, fmt.Errorf("what it says is not an agent's status: %w", err)
	}
	if len(s.Lanes) == 0 {
		return nil, fmt.Errorf("what it says is not an agent's status: it has no lanes")
	}
	return s, nil
}

func (l Lane) dropped() (n uint64) {
	for _, v := range l.Dropped {
		n += v
	}
	return n
}

// in is how many spans the lane was ever given.
func (l Lane) in() uint64 { return l.Accepted + l.Recovered }

// check is the promise that a ledger keeps.
func (l Lane) check() error {
	if out := l.Delivered + l.Buffered + l.dropped(); out != l.in() {
		return fmt.Errorf("accepted and recovered are %d, but delivered, buffered and dropped are %d", l.in(), out)
	}
	return nil
}

// equation is the account in one line.
func (l Lane) equation() string {
	s := "accepted " + figures.Grouped(l.Accepted)
	if l.Recovered > 0 {
		s += " + recovered " + figures.Grouped(l.Recovered)
	}
	return s + " = delivered " + figures.Grouped(l.Delivered) + " + buffered " + figures.Grouped(l.Buffered) +
		" + dropped " + figures.Grouped(l.dropped())
}

// Loss is one way in which something was lost, in words.
type Loss struct {
	Way   string `json:"way"` // "dropped.buffer_full"
	Count uint64 `json:"count"`
	Unit  string `json:"unit"`
	What  string `json:"what"`
	Fix   string `json:"fix,omitempty"`
}

// losses are those that have happened: first of spans that were taken in, then
// of what never came in. There are words for those that this program knows.
func (l Lane) losses() (list []Loss) {
	counts := map[string]uint64{"kernel_drops": l.KernelDrops}
	for prefix, m := range map[string]map[string]uint64{"dropped.": l.Dropped, "refused.": l.Refused, "client.": l.ClientReported} {
		for name, n := range m {
			counts[prefix+name] = n
		}
	}
	for _, w := range slices.Concat(losses.Dropped, losses.Outside) {
		if n := counts[w.Name]; n > 0 {
			list = append(list, Loss{w.Name, n, w.Unit, w.What, w.Fix})
		}
		delete(counts, w.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) { // a newer agent's
		if n := counts[name]; n > 0 {
			unit := "spans"
			if strings.HasPrefix(name, "refused.") {
				unit = losses.PacketsOrRequests
			}
			list = append(list, Loss{Way: name, Count: n, Unit: unit, What: "A way that this program does not know; the agent's status page does."})
		}
	}
	return list
}

// count is the number with its unit: "1 span", "2,000 packets or requests".
func (l Loss) count() string {
	if l.Count == 1 {
		switch l.Unit {
		case "batches":
			return "1 batch"
		case losses.PacketsOrRequests:
			return "1 packet or request"
		}
		return "1 " + strings.TrimSuffix(l.Unit, "s")
	}
	return figures.Grouped(l.Count) + " " + l.Unit
}

// endpoint says how a collector is, and its last error.
func endpoint(e ledger.Endpoint, now time.Time) string {
	s := e.String() + ": "
	switch e.State {
	case ledger.EndpointOK:
		s += "answers"
	case ledger.EndpointIdle:
		return s + "nothing was sent to it yet"
	case ledger.EndpointBackoff:
		s += "fails"
	case ledger.EndpointHeld:
		s += "refuses this agent"
	default:
		s += e.State
	}
	if e.LastOKAt != nil {
		s += ", last success " + figures.Age(now.Sub(*e.LastOKAt)) + " ago"
	} else if e.State != ledger.EndpointOK {
		s += ", not one success so far"
	}
	if e.LastError != "" {
		s += "; last error"
		if e.LastErrorAt != nil {
			s += " " + figures.Age(now.Sub(*e.LastErrorAt)) + " ago"
		}
		s += ": " + e.LastError
	}
	return s
}
