package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/inject"
	"github.com/wayside-tracing/wayside/kube/render"
)

// Explain makes a report of what is known.
func Explain(f Facts) Report {
	r := Report{Subject: f.Subject, Pods: []Pod{}, Unknown: f.Gaps, now: f.Now, Operator: f.Operator.words()}
	for _, p := range f.Pods {
		r.Pods = append(r.Pods, f.pod(p))
	}
	if len(f.Pods) == 0 && f.Template != nil {
		p := f.pod(f.templatePod())
		p.Template = true
		r.Pods = append(r.Pods, p)
	}
	r.Agents = f.agentReports(r.Pods)
	r.Findings = f.judge(r.Pods)
	return r
}

// templatePod is the pod that a workload without one would make.
func (f Facts) templatePod() *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: f.Template.ObjectMeta, Spec: f.Template.Spec}
	p.Namespace, p.Name = f.Subject.Namespace, f.Subject.Name
	return p
}

// pod says what became of a pod.
func (f Facts) pod(p *corev1.Pod) Pod {
	r := Pod{
		Namespace: p.Namespace, Name: p.Name, Node: p.Spec.NodeName, Phase: string(p.Status.Phase),
		Created:     p.CreationTimestamp.Time,
		Agent:       p.Annotations[v1alpha1.AnnotationAgent],
		Revision:    p.Annotations[v1alpha1.AnnotationRevision],
		Recorded:    p.Annotations[v1alpha1.AnnotationReason],
		Environment: environment(p),
		Would:       f.decide(p),
		pod:         p,
	}
	own := agentContainer(p)
	switch injected := p.Labels[v1alpha1.LabelInjected]; {
	case injected == strings.ToLower(string(v1alpha1.DaemonSet)) && r.Agent != "":
		r.Gets = GetsDaemonSet
	case own != "" && r.Agent != "":
		r.Gets = GetsSidecar
	case own != "":
		r.Gets = GetsOwn
	default:
		r.Gets = GetsNothing
	}
	switch r.Gets {
	case GetsSidecar, GetsOwn:
		f.running(&r, p, own)
	default:
		if a := f.onNode(r, p); a != nil {
			f.running(&r, a, agentContainer(a))
		}
	}
	r.Outdated = r.Agent != "" && r.Would.Inject && r.Would.Agent == r.Agent && r.Would.Revision != "" && r.Would.Revision != r.Revision
	return r
}

func (f Facts) decide(p *corev1.Pod) Would {
	d := inject.Decide(inject.Request{
		Pod: p, Namespace: f.Subject.within(), NamespaceLabels: f.NamespaceLabels,
		Agents: f.Agents, LimitRanges: f.LimitRanges, Options: f.options(),
	})
	w := Would{Inject: d.Inject, Asked: d.Asked, Revision: d.Revision, Code: string(d.Code), Reason: d.Reason, Notes: d.Notes}
	if d.Agent != nil {
		w.Agent, w.Strategy = d.Agent.Namespace+"/"+d.Agent.Name, string(d.Agent.Spec.Strategy)
		switch s := d.Agent.Status; {
		case s.Revision != "" && s.ObservedGeneration == d.Agent.Generation && d.Inject:
			w.Revision = s.Revision // the operator knows best what it was told
		case !f.Operator.Seen || f.Operator.Options.Image == "":
			w.Revision = "" // it depends on the operator's arguments
		}
	}
	return w
}

// imageUnseen stands for the operator's choice of image where that is not known, so
// that a TraceAgent that names none is not taken for one without.
const imageUnseen = "unseen"

// options are the operator's. Where its arguments could not be seen, the TraceAgents
// that it has accepted say in which namespaces it allows DaemonSets.
func (f Facts) options() inject.Options {
	o := f.Operator.Options
	if o.Image == "" {
		o.Image = imageUnseen
	}
	if f.Operator.Seen {
		return o
	}
	for _, ta := range f.Agents {
		if ta.Spec.Strategy == v1alpha1.DaemonSet && meta.IsStatusConditionTrue(ta.Status.Conditions, v1alpha1.ConditionAccepted) {
			o.DaemonSetNamespaces = append(o.DaemonSetNamespaces, ta.Namespace)
		}
	}
	return o
}

// agentContainer is the name of the container in which a pod has an agent; "" is
// none.
func agentContainer(p *corev1.Pod) string {
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		if c.Name == render.ContainerName {
			return c.Name
		}
	}
	return ""
}

// onNode is the pod of the agent on a pod's node which that sends to, as far as
// that can be told: its TraceAgent's, or for a pod that was not injected and has
// an address of an agent in its environment, the only one that there is.
func (f Facts) onNode(r Pod, p *corev1.Pod) *corev1.Pod {
	var found []*corev1.Pod
	for _, a := range f.AgentPods {
		if a.Spec.NodeName != p.Spec.NodeName || p.Spec.NodeName == "" {
			continue
		}
		if r.Gets == GetsDaemonSet && a.Namespace+"/"+a.Labels[v1alpha1.LabelAgent] != r.Agent {
			continue
		}
		found = append(found, a)
	}
	if len(found) == 0 || r.Gets == GetsNothing && (len(found) > 1 || !sendsToNode(r.Environment)) {
		return nil
	}
	// A pod that ends stands beside its successor for a while.
	return slices.MinFunc(found, func(a, b *corev1.Pod) int {
		return cmp.Or(cmp.Compare(rankOf(a), rankOf(b)), b.CreationTimestamp.Compare(a.CreationTimestamp.Time))
	})
}

func rankOf(p *corev1.Pod) int {
	switch {
	case p.DeletionTimestamp != nil:
		return 2
	case p.Status.Phase != corev1.PodRunning:
		return 1
	}
	return 0
}

// running says how an agent's container is, and what it said of itself.
func (f Facts) running(r *Pod, p *corev1.Pod, container string) {
	r.AgentPod = p.Namespace + "/" + p.Name
	r.AgentState = "not started"
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if s.Name != container {
			continue
		}
		r.Restarts = s.RestartCount
		r.AgentState = stateOf(s)
		if t := s.LastTerminationState.Terminated; t != nil {
			r.LastWords = endOf(t)
		}
		if t := s.State.Terminated; t != nil {
			r.LastWords = endOf(t)
		}
	}
	a, asked := f.Answers[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}]
	switch {
	case asked && a.Err != nil:
		r.StatusErr = a.Err.Error()
	case asked:
		r.Status = a.Status
		for _, l := range a.Status.Lanes {
			r.Losses = append(r.Losses, l.losses()...)
		}
	}
}

func stateOf(s corev1.ContainerStatus) string {
	switch {
	case s.State.Waiting != nil && s.State.Waiting.Reason != "":
		return s.State.Waiting.Reason
	case s.State.Waiting != nil:
		return "waiting"
	case s.State.Terminated != nil:
		return "ended"
	case s.State.Running != nil && s.Started != nil && !*s.Started:
		return "starting"
	case s.State.Running != nil:
		return "running"
	}
	return "not started"
}

func endOf(t *corev1.ContainerStateTerminated) string {
	s := fmt.Sprintf("%s, exit code %d", cmp.Or(t.Reason, "ended"), t.ExitCode)
	if m := strings.TrimSpace(t.Message); m != "" {
		s += ": " + m
	}
	return s
}

// agentReports are of the TraceAgents that pods have something of or would, and
// those of their namespace.
func (f Facts) agentReports(pods []Pod) []AgentReport {
	list := []AgentReport{}
	for _, ta := range f.Agents {
		name := ta.Namespace + "/" + ta.Name
		if ta.Namespace != f.Subject.within() &&
			!slices.ContainsFunc(pods, func(p Pod) bool { return p.Agent == name || p.Would.Agent == name }) {
			continue
		}
		r := AgentReport{Namespace: ta.Namespace, Name: ta.Name, Strategy: ta.Spec.Strategy, Endpoint: ta.Spec.Deliver.Endpoint}
		for _, c := range ta.Status.Conditions {
			switch c.Type {
			case v1alpha1.ConditionAccepted:
				r.Accepted = string(c.Status)
			case v1alpha1.ConditionReady:
				r.Ready = string(c.Status)
			default:
				continue
			}
			if c.Status != "True" && c.Message != "" && r.Why == "" {
				r.Why = c.Message
			}
		}
		if ta.Status.ObservedGeneration > 0 {
			r.Pods = &ta.Status.Pods
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b AgentReport) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return list
}
