package load

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Times of a client.
const (
	// callTimeout is the exporters' default (OTEL_EXPORTER_OTLP_TIMEOUT).
	callTimeout = 10 * time.Second
	// afterTrouble is how long a client waits after a request that was not
	// accepted, when it has no rate to keep to. It is much less than it is
	// told to wait: this is no polite client.
	afterTrouble = 50 * time.Millisecond
)

// A caller brings requests to an agent, one after another, over one connection.
type caller interface {
	// call returns what a request was refused with, "" when it was
	// accepted. An error means that there is no answer.
	call(request []byte) (refused string, err error)
	close()
}

// client is one process that exports. Like an SDK's batch processor, it has one
// request on its way at a time.
type client struct {
	caller  caller
	request *request
	rng     *rand.PCG
	sent    Sent
}

// sendRequests has the clients send, the k-th request of all being due k × spans
// / rate seconds after the start. A client that still waits for an answer sends
// what is overdue as soon as it can; what is overdue at the end is skipped.
func sendRequests(p Plan) (Sent, error) {
	now := time.Now()
	var all []*client
	for i := range p.Clients {
		f := forms[p.Protocol]
		c := &client{request: f.new(i, p.Spans, now), rng: rand.NewPCG(uint64(now.UnixNano()), uint64(i))}
		c.caller = f.caller(p.To, len(c.request.bytes))
		defer c.caller.close()
		all = append(all, c)
	}
	cpu := ownCPU()
	start := time.Now()
	var running sync.WaitGroup
	for i, c := range all {
		running.Go(func() { c.run(p, start, i) })
	}
	running.Wait()
	s := Sent{Took: time.Since(start), CPU: ownCPU() - cpu}
	for _, c := range all {
		s.add(c.sent)
	}
	s.Spans = s.Packets * uint64(p.Spans)
	if s.Packets == 0 && s.Broken > 0 {
		return s, fmt.Errorf("load: no request was answered: %s", s.Error)
	}
	return s, nil
}

// run sends every p.Clients-th request, beginning with the first.
func (c *client) run(p Plan, start time.Time, first int) {
	for k := uint64(first); ; k += uint64(p.Clients) {
		at := p.due(k, p.Spans)
		now := time.Since(start)
		switch {
		case at >= p.For || p.Rate == 0 && now >= p.For:
			return
		case now >= p.For:
			c.sent.Skipped++
			continue
		case now < at:
			time.Sleep(at - now)
			now = time.Since(start)
		}
		if p.Rate > 0 {
			c.sent.Late = max(c.sent.Late, now-at)
		}
		if !c.send() && p.Rate == 0 {
			time.Sleep(afterTrouble)
		}
	}
}

// send says whether the request was accepted.
func (c *client) send() bool {
	sum := c.request.renew(c.rng)
	refused, err := c.caller.call(c.request.bytes)
	switch {
	case err != nil:
		c.sent.Broken++
		if c.sent.Error == "" {
			c.sent.Error = err.Error()
		}
		return false
	case refused != "":
		if c.sent.Refused == nil {
			c.sent.Refused = map[string]uint64{}
		}
		c.sent.Refused[refused]++
		return false
	}
	c.sent.Packets++
	c.sent.Bytes += uint64(len(c.request.bytes))
	c.sent.IDSum += sum
	return true
}

// add adds what a client sent.
func (s *Sent) add(c Sent) {
	s.Packets += c.Packets
	s.Bytes += c.Bytes
	s.IDSum += c.IDSum
	s.Late = max(s.Late, c.Late)
	s.Broken += c.Broken
	s.Skipped += c.Skipped
	if s.Error == "" {
		s.Error = c.Error
	}
	if len(c.Refused) > 0 && s.Refused == nil {
		s.Refused = map[string]uint64{}
	}
	for why, n := range c.Refused {
		s.Refused[why] += n
	}
}
