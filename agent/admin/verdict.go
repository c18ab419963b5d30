package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/agent/ledger/losses"
)

// level is how much a person should worry; it is also the page's class.
type level int

const (
	good level = iota
	idle
	note // was bad, is well
	warn
	bad
)

func (l level) String() string { return [...]string{"good", "idle", "note", "warn", "bad"}[l] }

// A finding is one thing to know: a sentence, and what it means or needs.
type finding struct {
	level level
	says  string
	then  []string
}

const (
	// lossIsNews is how long after the last loss it is still one's concern.
	lossIsNews = time.Hour
	// lagIsNews is when waiting spans are more than a batch that fills.
	lagIsNews = 30 * time.Second
)

// judge says how the agent is, the worst first. There is always a first.
func judge(v view) []finding {
	all := judgeDegraded(v)
	for _, l := range v.lanes {
		for _, f := range judgeLane(v.now, l) {
			if len(v.lanes) > 1 {
				f.says = "Lane " + l.Name + ": " + f.says
			}
			all = append(all, f)
		}
	}
	all = append(all, judgeSampling(v.status.Sampling)...)
	if !v.status.Ready {
		all = append(all, finding{warn, "The agent is starting or stopping", []string{"It takes in no spans, or soon none any more. When it stops, it delivers what it holds for as long as drain_timeout allows."}})
	}
	for _, s := range v.status.Sockets {
		if s.BufferGot < s.BufferAsked {
			all = append(all, finding{note, "A socket's buffer is smaller than asked for", []string{socketAdvice(s)}})
			break
		}
	}
	if len(all) == 0 {
		all = append(all, calm(v))
	}
	slices.SortStableFunc(all, func(a, b finding) int { return cmp.Compare(b.level, a.level) })
	if all[0].level == note { // nothing ails it now: say that first
		all = slices.Insert(all, 0, calm(v))
	}
	return all
}

// calm is what there is to say of an agent that nothing ails.
func calm(v view) finding {
	var in, held, packets, requests uint64
	var rate float64
	for _, l := range v.lanes {
		in += accepted(l.Account)
		held += l.Buffered
		rate += l.rate(accepted)
	}
	var at []string
	for _, s := range v.status.Sockets {
		packets += s.Packets
		at = append(at, s.Address)
	}
	for _, l := range v.status.Listeners {
		requests += l.Requests.Sum()
		at = append(at, l.Address)
	}
	switch {
	case in == 0 && packets+requests == 0:
		return finding{idle, "Waiting for the first span", []string{"Nothing has come in yet. Tracers send to " + strings.Join(at, ", ") + "."}}
	case in == 0 && requests > 0:
		return finding{idle, "No span has come in yet", []string{counted(packets, "packets") + " and " + counted(requests, "requests") + " came without one."}}
	case in == 0:
		return finding{idle, "No span has come in yet", []string{counted(packets, "packets") + " came without one."}}
	case held == 0:
		return finding{good, "All spans delivered", nil}
	}
	return finding{good, "All is well: spans are delivered as they come", []string{counted(held, "spans") + " on the way, " + perSecond(rate) + " coming in."}}
}

func judgeLane(now time.Time, l laneView) []finding {
	var all []finding
	if err := l.Check(); err != nil {
		all = append(all, finding{bad, "The ledger does not add up: this is a bug of the agent", []string{err.Error() + ".", "Please report it with the JSON of this page."}})
	}
	all = append(all, judgeLosses(now, l)...)
	all = append(all, judgeDisk(now, l)...)
	all = append(all, judgeEndpoints(now, l)...)
	return append(all, judgeOutside(now, l)...)
}

// judgeDegraded says what a degraded agent can't do.
func judgeDegraded(v view) []finding {
	if len(v.status.Degraded) == 0 {
		return nil
	}
	f := finding{warn, "The agent is degraded: it goes on without what it can't have", v.status.Degraded}
	if slices.ContainsFunc(v.lanes, func(l laneView) bool { return len(l.Endpoints) == 0 }) {
		f.level, f.says = bad, "The agent is degraded: spans are kept, and none is delivered"
		f.then = append(slices.Clone(f.then), "As soon as the configuration is right it is in force, and what is kept here is delivered.")
	}
	return []finding{f}
}

// judgeLosses tells losses of the last minute from earlier ones.
func judgeLosses(now time.Time, l laneView) []finding {
	var losing, lost uint64 // spans
	var names []string
	var latest time.Time
	var all []finding
	for _, w := range losses.Dropped {
		n := lossesOf(l.Account, w.Name)
		if n == 0 {
			continue
		}
		lost += n
		if t := l.lost[w.Name]; t.After(latest) {
			latest = t
		}
		if recent := n - lossesOf(l.before, w.Name); recent > 0 && now.Sub(l.lost[w.Name]) < window {
			losing += recent
			names = append(names, w.What+" "+w.Fix)
		}
	}
	switch {
	case losing > 0:
		all = append(all, finding{bad, fmt.Sprintf("Spans are being lost: %s in the last %s", count(losing), lately(l)), names})
	case lost > 0 && now.Sub(latest) < lossIsNews:
		all = append(all, finding{warn, fmt.Sprintf("Spans were lost: %s, the last %s ago", count(lost), age(now.Sub(latest))), []string{"Nothing is being lost now. The reasons are below."}})
	case lost > 0:
		all = append(all, finding{note, fmt.Sprintf("%s lost earlier, the last %s ago", counted(lost, "spans"), age(now.Sub(latest))), nil})
	}
	return all
}

// judgeDisk says what a disk that does not work means.
func judgeDisk(now time.Time, l laneView) []finding {
	d := l.Buffer.Disk
	if d == nil || d.State == ledger.DiskOK {
		return nil
	}
	what := "not worked"
	if d.State == ledger.DiskSlow {
		what = "been too slow"
	}
	var since time.Duration
	if d.Since != nil {
		since = now.Sub(*d.Since)
	}
	f := finding{level: warn, says: fmt.Sprintf("The disk buffer has %s for %s: spans stay in memory", what, age(since))}
	if d.Error != "" {
		f.then = append(f.then, d.Error+".")
	}
	then := "What is in memory is lost if the agent is killed now. It goes back to disk by itself."
	if d.Sync == "always" {
		f.level = bad
		then = "Requests are refused with a hint to come again, as buffer.disk.sync: always promises; datagrams are kept in memory. It goes back to disk by itself."
	}
	f.then = append(f.then, then)
	return []finding{f}
}

// judgeOutside tells what did not get in during the last minute.
func judgeOutside(now time.Time, l laneView) []finding {
	f := finding{level: warn}
	for _, w := range losses.Outside {
		recent := lossesOf(l.Account, w.Name) - lossesOf(l.before, w.Name)
		if recent == 0 || now.Sub(l.lost[w.Name]) >= window {
			continue
		}
		if w.Name == "kernel_drops" {
			f.level = bad // the spans in them are lost
		}
		f.then = append(f.then, counted(recent, w.Unit)+": "+w.What)
	}
	if f.then == nil {
		return nil
	}
	f.says = "Not everything got in during the last " + lately(l)
	return []finding{f}
}

// lately is the time that rates look back.
func lately(l laneView) string {
	if l.span >= window-sampleEvery {
		return "minute"
	}
	return age(l.span)
}

// judgeEndpoints says which collectors fail and how long the buffer will do.
func judgeEndpoints(now time.Time, l laneView) []finding {
	var failing, held []ledger.Endpoint
	since := now
	for _, e := range l.Endpoints {
		if e.State != ledger.EndpointBackoff && e.State != ledger.EndpointHeld {
			continue
		}
		failing = append(failing, e)
		if e.State == ledger.EndpointHeld {
			held = append(held, e)
		}
		if t, ok := l.failing[e.String()]; ok && t.Before(since) {
			since = t
		}
	}
	lag := fromSeconds(l.Buffer.OldestAge)
	if len(failing) == 0 {
		if lag > lagIsNews && len(l.Endpoints) > 0 {
			return []finding{{warn, fmt.Sprintf("Delivery lags: the oldest span has waited %s", age(lag)), []string{
				fmt.Sprintf("%s wait, %s come in and %s are delivered. %s", counted(l.Buffered, "spans"), perSecond(l.rate(accepted)), perSecond(l.rate(delivered)), room(l)),
			}}}
		}
		return nil
	}
	var then []string
	for _, e := range failing[:min(len(failing), 3)] {
		s := e.String() + ": " + cmp.Or(e.LastError, "no answer")
		if r := retry(e); r != "" {
			s += "; " + r
		}
		then = append(then, s+".")
	}
	if !slices.ContainsFunc(failing, func(e ledger.Endpoint) bool { return e.LastOKAt != nil }) {
		who := "It has not"
		if len(failing) > 1 {
			who = "None has"
		}
		then = append(then, who+" answered once since the agent began: is deliver.endpoint right?")
	}
	if len(failing) < len(l.Endpoints) {
		return []finding{{
			warn, fmt.Sprintf("%d of %d collectors failing for %s", len(failing), len(l.Endpoints), age(now.Sub(since))),
			append([]string{"Spans go to the others."}, then...),
		}}
	}
	who := "Collector " + failing[0].String()
	switch len(failing) {
	case 1:
	case 2:
		who = "Both collectors"
	default:
		who = fmt.Sprintf("All %d collectors", len(failing))
	}
	waits := counted(l.Buffered, "spans") + " wait"
	if l.Buffered == 1 {
		waits = "1 span waits"
	}
	does := fmt.Sprintf("failing for %s", age(now.Sub(since)))
	if len(held) == len(failing) {
		does = fmt.Sprintf("refusing this agent for %s", age(now.Sub(since)))
		then = append(then, "Nothing is dropped for this. Check that the address is an OTLP receiver, and what it demands of senders.")
	}
	f := finding{warn, who + " " + does + ": " + waits, append([]string{room(l)}, then...)}
	switch {
	case isFull(l) || refuses(l):
		f.level = bad
	case l.Dropped.Sum() == 0:
		f.then[0] += " Nothing is lost so far."
	}
	return []finding{f}
}

func retry(e ledger.Endpoint) string {
	if e.RetryIn <= 0 {
		return ""
	}
	return "next try in " + age(fromSeconds(e.RetryIn))
}

// held is what a lane's buffer has and may have, in bytes: on disk, if the lane
// is there.
type held struct{ answered, datagram, limit int64 }

func (h held) used() int64 { return h.answered + h.datagram }

func holds(l laneView) held {
	if d := l.Buffer.Disk; d != nil && d.State == ledger.DiskOK {
		return held{d.Answered, d.Datagram, d.Limit}
	}
	return held{int64(l.Buffer.Answered), int64(l.Buffer.Datagram), int64(l.Buffer.Limit)}
}

// isFull allows for the last block, which is rarely filled to the end.
func isFull(l laneView) bool {
	h := holds(l)
	return h.used() > h.limit-h.limit/50
}

// refuses says whether there is no room for spans whose sender waits for an
// answer: they have half of the buffer.
func refuses(l laneView) bool {
	h := holds(l)
	return h.answered > h.limit/2-h.limit/50
}

// room says for how long the buffer will do at the rate at which spans come in.
func room(l laneView) string {
	h := holds(l)
	used := h.used()
	free := max(0, h.limit-used)
	rate := l.rate(accepted)
	switch {
	case refuses(l):
		return "The half of the buffer for spans that come by OTLP is full: their senders are told to come again."
	case isFull(l):
		return "The buffer is full: the oldest spans that came by UDP make room for new ones."
	case l.Buffer.Disk != nil && l.Buffer.Disk.State != ledger.DiskOK: // for how long that does depends on what is on disk, too
		return size(int(free)) + " of memory is free, for as long as the disk does not work."
	case l.Buffered == 0 || rate == 0 || used < h.limit/16: // too little to judge by: memory is taken in blocks
		return size(int(free)) + " of the buffer is free."
	}
	growth := rate * float64(used) / float64(l.Buffered) // bytes a second
	left := float64(free) / growth
	if h.answered > 0 { // they grow by their share, and have half of the buffer at most
		left = min(left, float64(max(0, h.limit/2-h.answered))/(growth*float64(h.answered)/float64(used)))
	}
	return fmt.Sprintf("Room for about %s at the present rate (%s).", age(fromSeconds(min(left, 1e9))), perSecond(rate)) // at most 30 years
}

func socketAdvice(s ledger.Socket) string {
	return fmt.Sprintf("%s asked for %s and got %s: bursts may overflow it. On this host, as root: sysctl -w net.core.rmem_max=%d, then restart the agent.",
		s.Address, size(s.BufferAsked), size(s.BufferGot), s.BufferAsked)
}
