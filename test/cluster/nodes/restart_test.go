//go:build cluster

package nodes

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestRollingRestart: a DaemonSet's agents are replaced under load, and no span is lost that came by OTLP.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	s := newSpace(t, restricted)
	c := s.collect(nil)
	s.apply("daemonset.yaml", values{"Endpoint": c.endpoint(), "AdminPort": 14271})
	before := s.ready("agent", nodes)
	const spans = 20_000
	tellers := 0
	for n := 1; n <= nodes; n++ {
		for name, client := range map[string]values{
			"grpc": {"Protocol": "grpc", "Port": 4317},
			"http": {"Protocol": "http/protobuf", "Port": 4318, "Path": "/v1/traces"},
		} {
			client["Client"], client["Spans"], client["Host"] = "otel", spans, "wayside-node."+s.name+".svc.cluster.local"
			client["Name"], client["Node"] = fmt.Sprintf("%s-%d", name, n), fmt.Sprintf("node%d", n)
			s.apply("teller.yaml", client)
			tellers++
		}
	}
	s.await("spans", func() error {
		if n := c.unique(nil); n < 1000 {
			return fmt.Errorf("%d came", n)
		}
		return nil
	})
	endings := s.watchEndings("agent")
	ds := &appsv1.DaemonSet{}
	if err := kube.Get(t.Context(), s.key("wayside-node"), ds); err != nil {
		t.Fatal(err)
	}
	patch := client.MergeFrom(ds.DeepCopy())
	ds.Spec.Template.Annotations = map[string]string{"restarted": time.Now().Format(time.RFC3339)}
	if err := kube.Patch(t.Context(), ds, patch); err != nil {
		t.Fatal(err)
	}
	s.await("all agents to be new ones", func() error {
		if err := kube.Get(t.Context(), s.key("wayside-node"), ds); err != nil {
			return err
		}
		if st := ds.Status; st.ObservedGeneration < ds.Generation || st.UpdatedNumberScheduled < nodes || st.NumberReady < nodes || len(endings()) < nodes {
			return fmt.Errorf("%+v; %d have ended", st, len(endings()))
		}
		return nil
	})
	if n := c.unique(nil); n >= tellers*spans {
		t.Error("the load was over before the agents were replaced")
	}
	total := 0
	for _, p := range s.succeeded("teller", tellers) {
		said := s.said(lastWords(p, "app"))
		if said.Failed != 0 || said.Sent != said.Begun {
			t.Errorf("%s: %+v", p.Name, said)
		}
		total += said.Sent
		c.has(said.Sent, map[string]string{"service.name": p.Name})
	}
	var accepted uint64
	for _, p := range before {
		e := s.ended(endings()[p.Name], "wayside-agent")
		if e["buffered"] != 0 || e["dropped"] != 0 {
			t.Errorf("an agent that was replaced ended with %v", e)
		}
		accepted += e["accepted"]
	}
	for _, p := range s.ready("agent", nodes) {
		accepted += s.settled(p.Name, 14271).Accepted
	}
	t.Logf("%d spans were acknowledged, %d accepted by 4 agents (a client sends again what got no answer), all arrived", total, accepted)
	if accepted < uint64(total) {
		t.Errorf("%d spans were acknowledged, and %d accepted", total, accepted)
	}
}
