package load

import (
	"errors"
	"fmt"
	"time"
)

// A Plan says what to send.
type Plan struct {
	To       string // host:port
	Protocol Protocol
	// Rate is in spans a second. 0, with requests: every client sends its next
	// request when the last one is answered.
	Rate int
	For  time.Duration // how long
	// Tick groups packets: those that are due within one tick leave
	// together at its end, as those of tracers that flush at the same moment
	// do. 0: every packet leaves when it is due.
	Tick time.Duration
	// Spans is how many a request has, and Clients how many connections
	// there are, each with one request at a time; not by UDP.
	Spans, Clients int
	// Stop ends it early when it is closed, or nil; by UDP.
	Stop <-chan struct{}
}

// Sent is what was sent.
type Sent struct {
	Packets uint64        `json:"packets"` // or requests that were accepted
	Spans   uint64        `json:"spans"`   // in them
	Bytes   uint64        `json:"bytes"`   // of them, without the transport's
	IDSum   uint64        `json:"id_sum"`  // of all their span ids, modulo 2^64
	Took    time.Duration `json:"took_ns"`
	CPU     time.Duration `json:"cpu_ns"` // of this process, while sending
	// Late is how long after it was due the latest packet left.
	Late time.Duration `json:"late_ns"`

	// The rest is not of UDP, and in requests. Refused are those that were answered
	// with an error, by that; they are not sent again.
	Refused map[string]uint64 `json:"refused,omitempty"`
	// Broken have no answer: nobody knows whether their spans were taken.
	Broken uint64 `json:"broken,omitempty"`
	// Skipped were due, and not sent because all clients waited for answers.
	Skipped uint64 `json:"skipped,omitempty"`
	Error   string `json:"error,omitempty"` // of the first that was broken
}

// AllRefused is the number of requests that were refused.
func (s *Sent) AllRefused() (n uint64) {
	for _, of := range s.Refused {
		n += of
	}
	return n
}

// Send sends what is planned and returns what it sent.
func Send(p Plan) (Sent, error) {
	if p.Rate < 0 || p.For <= 0 {
		return Sent{}, fmt.Errorf("load: rate %d and duration %v must be positive", p.Rate, p.For)
	}
	_, isRequest := forms[p.Protocol]
	switch {
	case p.Protocol.UDP():
		if p.Rate == 0 {
			return Sent{}, errors.New("load: nothing answers by UDP, so there must be a rate")
		}
		return sendPackets(p)
	case isRequest:
		if p.Spans < 1 || p.Clients < 1 {
			return Sent{}, fmt.Errorf("load: %d spans a request and %d clients must be positive", p.Spans, p.Clients)
		}
		return sendRequests(p)
	}
	return Sent{}, fmt.Errorf("load: no protocol %q", p.Protocol)
}

// due is when the k-th packet of so many spans is due, after the start.
func (p Plan) due(k uint64, spans int) time.Duration {
	if p.Rate == 0 {
		return 0
	}
	at := time.Duration(float64(k) * float64(spans) / float64(p.Rate) * float64(time.Second))
	if p.Tick > 0 {
		at = (at + p.Tick - 1) / p.Tick * p.Tick
	}
	return at
}

func (p Plan) stopped() bool {
	select {
	case <-p.Stop:
		return true
	default:
		return false
	}
}
