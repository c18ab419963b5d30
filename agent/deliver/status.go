package deliver

import (
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// status is the state of all endpoints.
func (s *endpoints) status() []ledger.Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	out := make([]ledger.Endpoint, 0, len(s.all))
	for _, n := range s.names {
		if len(n.own) == 0 { // it has not been needed yet
			out = append(out, ledger.Endpoint{Address: n.endpoint, State: ledger.EndpointIdle})
		}
	}
	for _, e := range s.all {
		v := ledger.Endpoint{
			Address: e.target.Endpoint, IP: e.target.IP, State: e.state(), Requests: e.requests, Failures: e.failed,
			InFlight: e.inFlight, LastError: e.lastErr,
		}
		if !e.lastErrAt.IsZero() {
			at := e.lastErrAt
			v.LastErrorAt = &at
		}
		if !e.lastOKAt.IsZero() {
			at := e.lastOKAt
			v.LastOKAt = &at
		}
		if e.failures > 0 {
			v.RetryIn = max(0, e.notBefore.Sub(now).Seconds())
		}
		out = append(out, v)
	}
	return out
}

func (e *endpoint) state() string {
	switch {
	case e.held:
		return ledger.EndpointHeld
	case e.failures > 0:
		return ledger.EndpointBackoff
	case e.lastOKAt.IsZero():
		return ledger.EndpointIdle
	default:
		return ledger.EndpointOK
	}
}
