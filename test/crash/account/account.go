// Package account holds what a receiver got against what senders sent, span by
// span.
//
//	acknowledged ⊆ received ⊆ acknowledged ∪ unsure
//	received twice ≤ what was sent twice, on either hop
package account

import (
	"encoding/binary"
	"fmt"
)

// A Range is spans with ids from From to below To.
type Range struct{ From, To uint64 }

// Len is the number of spans.
func (r Range) Len() int { return int(r.To - r.From) }

// First is the id of the first span of a sender, whose number is 1 to 2^24-1:
// a sender has 2^40 of them.
func First(sender uint64) uint64 { return sender << 40 }

// Sender is the number of the sender of a span.
func Sender(id uint64) uint64 { return id >> 40 }

// ID is the id of a span as a number.
func ID(b [8]byte) uint64 { return binary.BigEndian.Uint64(b[:]) }

// Received says how often each span was received.
type Received map[uint64]uint32

// Total is how many spans were received, each as often as it was.
func (r Received) Total() (n int) {
	for _, times := range r {
		n += int(times)
	}
	return n
}

// Of is how many different spans of a range were received.
func (r Received) Of(g Range) (n int) {
	for id := g.From; id < g.To; id++ {
		if r[id] > 0 {
			n++
		}
	}
	return n
}

// Sent is what a sender knows of its spans.
type Sent struct {
	// Acknowledged are spans whose sender was told yes.
	Acknowledged []Range
	// Unsure are spans that were sent, and neither told yes nor no.
	Unsure []Range
	// Again counts spans in tries that got no answer, and were sent again: so
	// many may have been accepted twice.
	Again int
	// GivenUp are spans that were told no to the end, and No counts spans in
	// tries that were told no. They have not been accepted, but by an agent whose
	// disk fails between taking spans and making them safe.
	GivenUp []Range
	No      int
	// Refused counts tries that were told no, by the answer.
	Refused map[string]int
}

// Spans is how many different spans were acknowledged.
func (s Sent) Spans() (n int) {
	for _, r := range s.Acknowledged {
		n += r.Len()
	}
	return n
}

// Add adds what another sender knows.
func (s *Sent) Add(o Sent) {
	s.Acknowledged = append(s.Acknowledged, o.Acknowledged...)
	s.Unsure = append(s.Unsure, o.Unsure...)
	s.Again += o.Again
	s.GivenUp = append(s.GivenUp, o.GivenUp...)
	s.No += o.No
	if s.Refused == nil {
		s.Refused = map[string]int{}
	}
	for why, n := range o.Refused {
		s.Refused[why] += n
	}
}

// Compare returns a finding for each way in which what was received is not what
// was sent. lost is how many acknowledged spans may be missing, since they were
// counted as dropped; twice, how many may have been received once more than
// accepted, since the agent did not get the answer.
func Compare(s Sent, got Received, lost, twice int) (findings []string) {
	known := make(map[uint64]struct{}, len(got))
	missing, example := 0, uint64(0)
	for _, r := range s.Acknowledged {
		for id := r.From; id < r.To; id++ {
			known[id] = struct{}{}
			if got[id] == 0 {
				missing++
				example = id
			}
		}
	}
	for _, r := range s.Unsure {
		for id := r.From; id < r.To; id++ {
			known[id] = struct{}{}
		}
	}
	if missing > lost {
		findings = append(findings, fmt.Sprintf("%d acknowledged spans did not arrive (such as %x), %d are accounted for as lost", missing, example, lost))
	}
	for id := range got {
		if _, ok := known[id]; !ok {
			findings = append(findings, fmt.Sprintf("span %x arrived, and nobody sent it", id))
			break
		}
	}
	if again := got.Total() - len(got); again > s.Again+twice {
		findings = append(findings, fmt.Sprintf("%d spans arrived again; %d were sent to the agent again, %d by it", again, s.Again, twice))
	}
	return findings
}
