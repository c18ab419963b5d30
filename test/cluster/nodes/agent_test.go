//go:build cluster

package nodes

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// account is what an agent's admin port tells; it must add up.
func (s *space) account(pod string, port int) ledger.Lane {
	s.Helper()
	b, err := s.ask("GET", pod, port, "/status")
	if err != nil {
		s.Fatalf("%s: %v: %s", pod, err, b)
	}
	var st ledger.Status
	if err := json.Unmarshal(b, &st); err != nil {
		s.Fatalf("%s: %v: %s", pod, err, b)
	}
	if err := st.Lanes[0].Check(); err != nil {
		s.Errorf("%s: %v", pod, err)
	}
	return st.Lanes[0]
}

// settled waits until an agent has delivered all that it has.
func (s *space) settled(pod string, port int) (lane ledger.Lane) {
	s.Helper()
	s.await("all of "+pod+" to be delivered", func() error {
		if lane = s.account(pod, port); lane.Buffered > 0 {
			return fmt.Errorf("it holds %d spans: %+v", lane.Buffered, lane.Endpoints)
		}
		return nil
	})
	return lane
}

// ending is the account that an agent ended with.
type ending map[string]uint64

var (
	endingLine   = regexp.MustCompile(`ledger of lane default: \[(.*)\]`)
	endingNumber = regexp.MustCompile(`(\w+)=(\d+)`)
)

// ended reads what an agent left as its termination message; it must add up.
func (s *space) ended(p corev1.Pod, container string) ending {
	s.Helper()
	message := lastWords(p, container)
	line := endingLine.FindStringSubmatch(message)
	if line == nil {
		s.Errorf("%s: the agent's termination message has no account: %q (%+v)", p.Name, message, status(p, container).State)
		return ending{}
	}
	e := ending{}
	for _, m := range endingNumber.FindAllStringSubmatch(line[1], -1) {
		n, err := strconv.ParseUint(m[2], 10, 64)
		if err != nil {
			s.Fatal(err)
		}
		e[m[1]] = n
	}
	if e["accepted"]+e["recovered"] != e["delivered"]+e["buffered"]+e["dropped"] {
		s.Errorf("%s: the account does not add up: %s", p.Name, message)
	}
	return e
}

// restarts fails the test if an agent was started more than once.
func (s *space) restarts(p corev1.Pod, container string) {
	s.Helper()
	if c := status(p, container); c.RestartCount != 0 {
		s.Errorf("%s: %s was restarted %d times: %+v", p.Name, container, c.RestartCount, c.LastTerminationState)
	}
}
