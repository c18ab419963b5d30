//go:build cluster

package nodes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// TestOperatorDown: pods that start while nobody answers the API server start without an agent, and the TraceAgent tells
// how many. It is not parallel, and done before all that are: they need the operator.
func TestOperatorDown(t *testing.T) {
	s := newSpace(t, restricted)
	s.traceAgent(`{strategy: Sidecar, deliver: {endpoint: "collector:4317"}}`)
	if err := scale(t.Context(), system, "wayside-operator", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // whatever happens: the others need it
		if err := scale(context.Background(), system, "wayside-operator", 2); err != nil {
			t.Error(err)
		}
	})
	back := func() {
		if err := scale(t.Context(), system, "wayside-operator", 2); err != nil {
			t.Error(err)
		}
		operator := &space{t, system}
		operator.await("the operator", func() error {
			list := &corev1.PodList{}
			if err := kube.List(t.Context(), list, inNamespace(system), labelled("app.kubernetes.io/name", "wayside-operator")); err != nil {
				return err
			}
			return readyAre(list.Items, 2)
		})
	}
	operator := &space{t, system}
	operator.await("the end of the operator", func() error {
		list := &corev1.PodList{}
		if err := kube.List(t.Context(), list, inNamespace(system), labelled("app.kubernetes.io/name", "wayside-operator")); err != nil {
			return err
		}
		return readyAre(list.Items, 0)
	})
	s.applyText(nap("missed", ""))
	p := s.ready("missed", 1)[0]
	back()
	if len(p.Spec.InitContainers) != 0 {
		t.Errorf("somebody has injected it: %+v", p.Spec.InitContainers)
	}
	s.await("the TraceAgent to tell of it", func() error {
		if st := s.traceAgentStatus(); st.Pods.Missed != 1 {
			return fmt.Errorf("%+v", st.Pods)
		}
		return nil
	})
	s.applyText(nap("later", ""))
	s.injected(s.ready("later", 1)[0])
}

// nap is a pod that does nothing, with more of its spec.
func nap(name, more string) string {
	return `
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `, labels: {app: ` + name + `}}
spec:
  automountServiceAccountToken: false
  containers:
  - name: app
    image: apps:test
    imagePullPolicy: Never
    args: [nap]
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
` + more
}

// TestInjectedWorkloads: every kind of workload, in a restricted namespace, with apps that are told nothing but by what
// was injected.
func TestInjectedWorkloads(t *testing.T) {
	t.Parallel()
	s := newSpace(t, restricted)
	c := s.collect(nil)
	s.traceAgent(fmt.Sprintf(`{strategy: Sidecar, deliver: {endpoint: %q, batch: {age: 200ms}}, selector: {matchExpressions: [{key: app, operator: NotIn, values: [collector]}]}}`, c.endpoint()))
	const spans = 150
	s.apply("workloads.yaml", values{"Stays": values{"Spans": spans, "Linger": true}, "Ends": values{"Spans": spans, "Linger": false}})
	for app, n := range map[string]int{"deployment": 2, "statefulset": 1} {
		for _, p := range s.ready(app, n) {
			s.injected(p)
			c.told(p, spans)
			if lane := s.settled(p.Name, 14271); lane.Accepted != 2*spans || lane.Delivered != 2*spans {
				t.Errorf("%s: %+v", p.Name, lane.Account)
			}
			s.restarts(p, sidecar)
		}
	}
	for _, app := range []string{"job", "cronjob"} {
		p := s.succeeded(app, 1)[0]
		s.injected(p)
		c.told(p, spans)
		if e := s.ended(p, sidecar); e["accepted"] != 2*spans || e["delivered"] != 2*spans {
			t.Errorf("%s: %v", p.Name, e)
		}
	}
	s.await("the TraceAgent to count its pods", func() error {
		if st := s.traceAgentStatus(); st.Pods.Injected < 3 || st.Pods.Missed != 0 || st.Pods.Refused != 0 {
			return fmt.Errorf("%+v", st.Pods)
		}
		return nil
	})
}

// TestTenants: two namespaces with collectors and credentials of their own. Neither sees the other's spans, and who comes
// with the other's credentials is kept waiting.
func TestTenants(t *testing.T) {
	t.Parallel()
	const spans = 100
	spaces, collectors := [2]*space{}, [2]*collector{}
	for i := range spaces {
		spaces[i] = newSpace(t, restricted)
		collectors[i] = spaces[i].collect(values{"Token": fmt.Sprintf("Bearer %d", i)})
	}
	for i, s := range spaces {
		s.applyText(fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: token}, stringData: {authorization: "Bearer %d"}}`, i))
		s.traceAgent(fmt.Sprintf(`{strategy: Sidecar, deliver: {endpoint: %q, allowPlaintext: true, headersFrom: {secretRef: {name: token}}, batch: {age: 200ms}}}`, collectors[i].endpoint()))
		s.apply("tellers.yaml", values{"Name": "shop", "Spans": spans, "Linger": true})
	}
	for i, s := range spaces {
		p := s.ready("shop", 1)[0]
		s.injected(p)
		collectors[i].told(p, spans)
		s.settled(p.Name, 14271)
	}
	for i, c := range collectors {
		if got := c.unique(nil); got != 2*spans {
			t.Errorf("collector %d has %d spans, its namespace sent %d", i, got, 2*spans)
		}
		if _, denied := c.counts(); denied != 0 {
			t.Errorf("collector %d was shown another one's credentials %d times", i, denied)
		}
	}

	// The first namespace turns to the second one's collector. Its running agent takes that up, and is refused.
	s := spaces[0]
	s.traceAgent(fmt.Sprintf(`{strategy: Sidecar, deliver: {endpoint: %q, allowPlaintext: true, headersFrom: {secretRef: {name: token}}, batch: {age: 200ms}}}`, collectors[1].endpoint()))
	s.apply("tellers.yaml", values{"Name": "intruder", "Spans": spans, "Linger": true})
	p := s.ready("intruder", 1)[0]
	s.await("a refusal", func() error {
		if _, denied := collectors[1].counts(); denied == 0 {
			return fmt.Errorf("the collector was not asked: %+v", s.account(p.Name, 14271))
		}
		if l := s.account(p.Name, 14271); l.Accepted != 2*spans || l.Buffered != 2*spans {
			return fmt.Errorf("%+v", l.Account)
		}
		return nil
	})
	if got := collectors[1].unique(nil); got != 2*spans {
		t.Errorf("the second collector has %d spans", got)
	}
}

// TestRootAndMesh: a pod that runs as root, and one with a proxy of a mesh before the agent and an init container of its
// own after it, which sends already.
func TestRootAndMesh(t *testing.T) {
	t.Parallel()
	s := newSpace(t, privileged)
	c := s.collect(nil)
	s.traceAgent(fmt.Sprintf(`{strategy: Sidecar, deliver: {endpoint: %q, batch: {age: 200ms}}}`, c.endpoint()))
	const spans = 50
	s.apply("tellers.yaml", values{"Name": "root", "Spans": spans, "Linger": true, "Root": true})
	s.apply("tellers.yaml", values{"Name": "mesh", "Spans": spans, "Linger": true, "Mesh": true})
	root, mesh := s.ready("root", 1)[0], s.ready("mesh", 1)[0]
	s.injected(root)
	if got, want := s.injected(mesh), []string{"istio-proxy", sidecar, "setup"}; !slices.Equal(got, want) {
		t.Errorf("the init containers are %v, want %v", got, want)
	}
	for _, p := range []corev1.Pod{root, mesh} {
		c.told(p, spans)
		s.settled(p.Name, 14271)
		s.restarts(p, sidecar)
	}
	c.has(spans, map[string]string{"service.name": "setup", "k8s.pod.name": mesh.Name})
}

// TestNothingBlocks: the app starts whatever the agent lacks. The agent keeps its spans, and delivers them when it has it.
func TestNothingBlocks(t *testing.T) {
	t.Parallel()
	const spans = 60
	t.Run("Secret", func(t *testing.T) {
		t.Parallel()
		s := newSpace(t, restricted)
		c := s.collect(values{"Token": "Bearer x"})
		s.traceAgent(fmt.Sprintf(`{strategy: Sidecar, deliver: {endpoint: %q, batch: {age: 200ms}, allowPlaintext: true, headersFrom: {secretRef: {name: token}}}}`, c.endpoint()))
		s.apply("tellers.yaml", values{"Name": "shop", "Spans": spans, "Linger": true})
		p := s.ready("shop", 1)[0]
		s.injected(p)
		s.keeps(2*spans, func() ledger.Lane { return s.account(p.Name, 14271) })
		s.applyText(`{apiVersion: v1, kind: Secret, metadata: {name: token}, stringData: {authorization: "Bearer x"}}`)
		c.told(p, spans)
		s.settled(p.Name, 14271)
		s.restarts(p, sidecar)
	})
	for name, config := range map[string]string{"ConfigMap": "", "Configuration": "deliver: {endpiont: collector}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t, restricted)
			c := s.collect(nil)
			const configMap = "{apiVersion: v1, kind: ConfigMap, metadata: {name: wayside-sidecar}, data: {agent.yaml: %q}}"
			if config != "" {
				s.applyText(fmt.Sprintf(configMap, config))
			}
			// As it is injected, by hand: the operator would mend what is wrong here.
			s.apply("tellers.yaml", values{"Name": "shop", "Spans": spans, "Linger": true, "Sidecar": true})
			p := s.ready("shop", 1)[0]
			account := s.forward(p.Name) // its admin port is where it is without a configuration
			s.keeps(2*spans, account)
			if log := string(s.log(p.Name, sidecar)); !strings.Contains(log, "degraded") {
				t.Errorf("the agent does not say that it is degraded: %s", log)
			}
			s.applyText(fmt.Sprintf(configMap, fmt.Sprintf("deliver: {endpoint: %q, batch: {age: 200ms}}\nadmin: {http: \":14271\"}\n", c.endpoint())))
			c.has(2*spans, nil)
			if l := account(); l.Delivered != 2*spans || l.Buffered != 0 {
				t.Errorf("%+v", l.Account)
			}
			s.restarts(p, sidecar)
		})
	}
}

// keeps waits until an agent holds so many spans, all that it was given.
func (s *space) keeps(spans uint64, account func() ledger.Lane) {
	s.Helper()
	s.await("the spans to be kept", func() error {
		if l := account(); l.Accepted != spans || l.Buffered != spans {
			return fmt.Errorf("%+v", l.Account)
		}
		return nil
	})
}

// TestResources: what a namespace or a pod asks for in resources holds with an agent, too.
func TestResources(t *testing.T) {
	t.Parallel()
	s := newSpace(t, restricted)
	s.traceAgent(`{strategy: Sidecar, deliver: {endpoint: "collector:4317"}}`)
	s.applyText(`{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota}, spec: {hard: {requests.cpu: "1", requests.memory: 256Mi, limits.cpu: "2", limits.memory: 512Mi}}}`)
	s.applyText(`{apiVersion: v1, kind: LimitRange, metadata: {name: limits}, spec: {limits: [{type: Container, max: {cpu: 500m, memory: 128Mi}, min: {cpu: 10m, memory: 16Mi}, default: {cpu: 100m, memory: 64Mi}, defaultRequest: {cpu: 20m, memory: 32Mi}}]}}`)
	s.applyText(strings.Replace(nap("guaranteed", ""), "    args: [nap]", "    args: [nap]\n    resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {cpu: 50m, memory: 32Mi}}", 1))
	s.applyText(nap("burstable", ""))
	guaranteed, burstable := s.ready("guaranteed", 1)[0], s.ready("burstable", 1)[0]
	s.injected(guaranteed)
	s.injected(burstable)
	if got := guaranteed.Status.QOSClass; got != corev1.PodQOSGuaranteed {
		t.Errorf("a Guaranteed pod has become %s: %+v", got, guaranteed.Spec.InitContainers[0].Resources)
	}
	for _, p := range []corev1.Pod{guaranteed, burstable} {
		// An autoscaler on CPU needs a request of every container.
		for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
			if c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() {
				t.Errorf("%s, %s: %+v", p.Name, c.Name, c.Resources)
			}
		}
	}
}

// TestSwitch: a namespace goes from the nodes' agents to its own and back, under load, and no span is lost.
func TestSwitch(t *testing.T) {
	t.Parallel()
	s := newSpace(t, restricted)
	c := s.collect(nil)
	s.traceAgentIn(system, "switch", fmt.Sprintf(`{strategy: DaemonSet, deliver: {endpoint: %q, batch: {age: 200ms}}, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}`, c.endpoint(), s.name))
	t.Cleanup(func() {
		if err := kube.Delete(context.Background(), object("wayside.dev/v1alpha1", "TraceAgent", system, "switch")); err != nil {
			t.Error(err)
		}
	})
	endings := s.watchEndings("shop")
	const replicas = 2
	rollout := 0
	next := func(strategy v1alpha1.Strategy) {
		t.Helper()
		rollout++
		s.apply("rollout.yaml", values{"Name": "shop", "Replicas": replicas, "Rollout": rollout})
		var pods []corev1.Pod
		s.await("pods of rollout "+fmt.Sprint(rollout), func() error {
			pods = nil
			for _, p := range s.pods("shop") {
				if p.Annotations["rollout"] == fmt.Sprint(rollout) {
					pods = append(pods, p)
				} else if p.DeletionTimestamp == nil {
					return fmt.Errorf("%s is still there", p.Name)
				}
			}
			return readyAre(pods, replicas)
		})
		for _, p := range pods {
			if got := p.Labels[v1alpha1.LabelInjected]; got != strings.ToLower(string(strategy)) {
				t.Errorf("%s: injected=%q, want %s", p.Name, got, strategy)
			}
			s.await("spans of "+p.Name, func() error {
				if n := c.unique(map[string]string{"k8s.pod.name": p.Name}); n < 200 {
					return fmt.Errorf("%d came", n)
				}
				return nil
			})
		}
	}
	next(v1alpha1.DaemonSet)
	s.traceAgent(fmt.Sprintf(`{strategy: Sidecar, deliver: {endpoint: %q, batch: {age: 200ms}}}`, c.endpoint()))
	next(v1alpha1.Sidecar)
	if err := kube.Delete(t.Context(), object("wayside.dev/v1alpha1", "TraceAgent", s.name, "default")); err != nil {
		t.Fatal(err)
	}
	s.await("the TraceAgent's end", func() error {
		return gone(t.Context(), object("wayside.dev/v1alpha1", "TraceAgent", s.name, "default"))
	})
	next(v1alpha1.DaemonSet)
	s.apply("rollout.yaml", values{"Name": "shop", "Replicas": 0, "Rollout": rollout})
	s.gone("shop")
	s.await("all to have ended", func() error {
		if n := len(endings()); n != 3*replicas {
			return fmt.Errorf("%d of %d have", n, 3*replicas)
		}
		return nil
	})
	total := 0
	for name, p := range endings() {
		said := s.said(lastWords(p, "app"))
		if said.Failed != 0 || said.Sent != said.Begun {
			t.Errorf("%s: %+v", name, said)
		}
		total += said.Sent
		c.has(said.Sent, map[string]string{"k8s.pod.name": name})
		if p.Labels[v1alpha1.LabelInjected] == "sidecar" {
			s.ended(p, sidecar)
		}
	}
	agents := &corev1.PodList{}
	if err := kube.List(t.Context(), agents, inNamespace(system), labelled(v1alpha1.LabelAgent, "switch")); err != nil {
		t.Fatal(err)
	}
	if len(agents.Items) != nodes {
		t.Errorf("there are %d agents on %d nodes", len(agents.Items), nodes)
	}
	for _, a := range agents.Items {
		(&space{t, system}).settled(a.Name, 14271)
	}
	t.Logf("%d spans were sent by %d pods, all arrived", total, 3*replicas)
}
