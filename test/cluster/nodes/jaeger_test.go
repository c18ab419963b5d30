//go:build cluster

package nodes

import (
	"encoding/json"
	"fmt"
	"testing"
)

// TestOldManifest: the Jaeger Agent's DaemonSet, as the Jaeger operator made it, with only the image changed. Jaeger's own
// clients send to status.hostIP, and Jaeger's own collector has their spans.
func TestOldManifest(t *testing.T) {
	t.Parallel()
	s := newSpace(t, privileged)
	s.apply("jaeger.yaml", nil)
	jaeger := s.ready("jaeger", 1)[0].Name
	s.apply("jaeger-agent.yaml", nil)
	agents := s.ready("jaeger-agent", nodes)
	const spans = 150
	for n := 1; n <= nodes; n++ {
		s.apply("teller.yaml", values{
			"Name": fmt.Sprintf("old-%d", n), "Node": fmt.Sprintf("node%d", n),
			"Client": "jaeger", "JaegerPort": 6831, "Host": "$(NODE_IP)", "Spans": spans,
		})
	}
	for _, p := range s.succeeded("teller", nodes) {
		s.await("the spans of "+p.Name+" in Jaeger", func() error {
			n, err := s.jaegerSpans(jaeger, p.Name)
			if err == nil && n != spans {
				err = fmt.Errorf("there are %d of %d", n, spans)
			}
			return err
		})
	}
	for _, a := range agents {
		if lane := s.settled(a.Name, 14271); lane.Accepted != spans || lane.Delivered != spans {
			t.Errorf("the agent on %s: %+v", a.Spec.NodeName, lane.Account)
		}
		s.restarts(a, "jaeger-agent-daemonset")
	}
}

// jaegerSpans asks Jaeger how many spans of a service it has, with the tag that the client was given.
func (s *space) jaegerSpans(jaeger, service string) (n int, err error) {
	b, err := kube.raw.Get().AbsPath("/api/v1/namespaces", s.name, "pods", jaeger+":16686", "proxy/api/traces").
		Param("service", service).Param("limit", "10000").Param("lookback", "1h").Do(s.Context()).Raw()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, b)
	}
	var answer struct {
		Data []struct {
			Spans     []struct{ SpanID string }
			Processes map[string]struct {
				Tags []struct{ Key, Value string }
			}
		}
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return 0, err
	}
	ids := map[string]bool{}
	for _, trace := range answer.Data {
		for _, process := range trace.Processes {
			for _, tag := range process.Tags {
				if tag.Key == "k8s.pod.name" && tag.Value != service {
					return 0, fmt.Errorf("a span of %s says that it is %s's", service, tag.Value)
				}
			}
		}
		for _, span := range trace.Spans {
			ids[span.SpanID] = true
		}
	}
	return len(ids), nil
}
