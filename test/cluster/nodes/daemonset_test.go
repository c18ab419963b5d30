//go:build cluster

package nodes

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestDaemonSet: pods reach the agent of their own node in each of the three ways, over UDP and OTLP, and every span
// arrives with the names of its node and its pod.
func TestDaemonSet(t *testing.T) {
	for _, way := range []struct {
		name, standard, host string
		values               values
	}{
		{"Service", restricted, "wayside-node.%s.svc.cluster.local", values{"AdminPort": 14271, "JaegerPort": 6831, "GRPCPort": 4317, "HTTPPort": 4318}},
		{"HostPort", privileged, "$(NODE_IP)", values{"HostPort": true, "AdminPort": 14271, "JaegerPort": 26831, "GRPCPort": 24317, "HTTPPort": 24318}},
		{"HostNetwork", privileged, "$(NODE_IP)", values{"HostNetwork": true, "AdminPort": 34271, "JaegerPort": 36831, "GRPCPort": 34317, "HTTPPort": 34318}},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t, way.standard)
			c := s.collect(nil)
			way.values["Endpoint"] = c.endpoint()
			s.apply("daemonset.yaml", way.values)
			agents := s.ready("agent", nodes)

			const spans = 200
			host := way.host
			if strings.Contains(host, "%s") {
				host = fmt.Sprintf(host, s.name)
			}
			tellers := 0
			for n := 1; n <= nodes; n++ {
				for name, client := range map[string]values{
					"jaeger": {"Client": "jaeger", "JaegerPort": way.values["JaegerPort"]},
					"grpc":   {"Client": "otel", "Protocol": "grpc", "Port": way.values["GRPCPort"]},
					"http":   {"Client": "otel", "Protocol": "http/protobuf", "Port": way.values["HTTPPort"], "Path": "/v1/traces"},
				} {
					client["Name"], client["Node"] = fmt.Sprintf("%s-%d", name, n), fmt.Sprintf("node%d", n)
					client["Host"], client["Spans"] = host, spans
					s.apply("teller.yaml", client)
					tellers++
				}
			}
			perNode := map[string]int{}
			for _, p := range s.succeeded("teller", tellers) {
				if said := s.said(lastWords(p, "app")); said.Begun != spans || said.Sent != spans {
					t.Errorf("%s: %+v of %d spans", p.Name, said, spans)
				}
				perNode[p.Spec.NodeName] += spans
				c.has(spans, map[string]string{"service.name": p.Name, "k8s.pod.name": p.Name, "k8s.node.name": p.Spec.NodeName})
			}
			for _, a := range agents {
				lane := s.settled(a.Name, way.values["AdminPort"].(int))
				if want := perNode[a.Spec.NodeName]; int(lane.Accepted) != want || int(lane.Delivered) != want {
					t.Errorf("the agent on %s accepted %d spans and delivered %d; pods there sent %d", a.Spec.NodeName, lane.Accepted, lane.Delivered, want)
				}
				s.restarts(a, "wayside-agent")
			}
			if got := c.unique(nil); got != tellers*spans {
				t.Errorf("%d spans arrived of %d", got, tellers*spans)
			}
		})
	}
}

// said is what a client knows of its spans (apps tell).
type said struct {
	Begun, Sent, Failed int
	Error               string
}

func (s *space) said(message string) (what said) {
	s.Helper()
	if err := json.Unmarshal([]byte(message), &what); err != nil {
		s.Errorf("a client's last words: %v: %q", err, message)
	}
	return what
}
