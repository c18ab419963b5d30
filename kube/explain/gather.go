package explain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/apiserver"
	"github.com/wayside-tracing/wayside/kube/render"
)

const (
	// maxAsked is how many agents are asked for their status; a screen has no room
	// for more, and each takes a connection.
	maxAsked = 20
	// atOnce is how many are asked at the same time.
	atOnce = 6
)

var (
	podKind        = apiserver.Kind{Version: "v1", Resource: "pods"}
	namespaceKind  = apiserver.Kind{Version: "v1", Resource: "namespaces"}
	limitRangeKind = apiserver.Kind{Version: "v1", Resource: "limitranges"}
	agentKind      = apiserver.Kind{Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: "traceagents"}
	jobKind        = apiserver.Kind{Group: "batch", Version: "v1", Resource: "jobs"}
)

// Options are how to look.
type Options struct {
	// OperatorNamespace is where the operator is; "" is wayside-system.
	OperatorNamespace string
	// Now is the time; zero is that of the clock.
	Now time.Time
}

// gatherer collects facts; its methods may run at the same time.
type gatherer struct {
	c   *apiserver.Client
	opt Options

	mu sync.Mutex // of
	f  Facts
}

// Gather asks the cluster what there is to know about a subject. An error is about
// the subject itself: there is no such thing, or it may not be seen. Whatever else
// can't be learnt is in Facts.Gaps.
func Gather(ctx context.Context, c *apiserver.Client, s Subject, o Options) (Facts, error) {
	if o.OperatorNamespace == "" {
		o.OperatorNamespace = "wayside-system"
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	g := &gatherer{c: c, opt: o, f: Facts{
		// Until its arguments are seen, the operator is one that was told nothing.
		Operator: Operator{Options: readOptions(corev1.Container{}, o.OperatorNamespace)},
		Now:      o.Now, Subject: s, Answers: map[types.NamespacedName]Answer{}, Hidden: map[string]bool{},
	}}
	if err := g.subject(ctx); err != nil {
		return Facts{}, err
	}
	together(
		func() { g.namespace(ctx) },
		func() { g.traceAgents(ctx) },
		func() { g.limitRanges(ctx) },
		func() { g.operator(ctx) },
		func() { g.webhooks(ctx) },
		func() { g.version(ctx) },
	)
	g.agentPods(ctx)
	together(
		func() { g.statuses(ctx) },
		func() { g.handshake(ctx) },
	)
	slices.SortFunc(g.f.Gaps, func(a, b Gap) int { return compareText(a.What, b.What) })
	return g.f, nil
}

func together(all ...func()) {
	var wg sync.WaitGroup
	for _, f := range all {
		wg.Go(f)
	}
	wg.Wait()
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// gap notes what could not be learnt. An object that does not exist is none.
func (g *gatherer) gap(what string, err error) {
	n := Gap{What: what, Why: err.Error()}
	if p, ok := apiserver.Forbidden(err); ok {
		n.Needs = &p
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.f.Gaps = append(g.f.Gaps, n)
}

// workload is what all kinds of them have in common.
type workload struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Selector    *metav1.LabelSelector   `json:"selector"`
		Template    *corev1.PodTemplateSpec `json:"template"`
		JobTemplate *struct {
			Spec struct {
				Template corev1.PodTemplateSpec `json:"template"`
			} `json:"spec"`
		} `json:"jobTemplate"`
	} `json:"spec"`
}

// subject reads the subject and its pods.
func (g *gatherer) subject(ctx context.Context) error {
	s := g.f.Subject
	ref := apiserver.Ref{Kind: kindOf(s.Kind), Namespace: s.Namespace, Name: s.Name}
	if s.Kind == "pod" {
		p, err := apiserver.Get[corev1.Pod](ctx, g.c, ref)
		if err != nil {
			return g.notFound(err)
		}
		g.f.Pods = []*corev1.Pod{p}
		return nil
	}
	var sel apiserver.Select
	var of []types.UID // owners, for a CronJob
	if s.Kind == "namespace" {
		// One that may not be read has pods that may be.
		if _, err := apiserver.Get[metav1.PartialObjectMetadata](ctx, g.c, ref); apiserver.Missing(err) {
			return g.notFound(err)
		}
	} else {
		w, err := apiserver.Get[workload](ctx, g.c, ref)
		if err != nil {
			return g.notFound(err)
		}
		g.f.Template = w.Spec.Template
		if w.Spec.JobTemplate != nil {
			g.f.Template = &w.Spec.JobTemplate.Spec.Template
			if of, err = g.jobsOf(ctx, w.UID); err != nil {
				return err
			}
		} else {
			selector, err := metav1.LabelSelectorAsSelector(w.Spec.Selector)
			if err != nil {
				return fmt.Errorf("%s: %w", ref, err)
			}
			sel.Labels = selector.String()
		}
	}
	pods, err := apiserver.List[corev1.Pod](ctx, g.c, apiserver.Ref{Kind: podKind, Namespace: s.within()}, sel)
	if err != nil {
		return err
	}
	g.f.Pods = slices.DeleteFunc(pods, func(p *corev1.Pod) bool {
		ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
		return ended || s.Kind == "cronjob" && !slices.ContainsFunc(p.OwnerReferences, func(o metav1.OwnerReference) bool {
			return slices.Contains(of, o.UID)
		})
	})
	return nil
}

// jobsOf are the Jobs that a CronJob made.
func (g *gatherer) jobsOf(ctx context.Context, owner types.UID) (list []types.UID, err error) {
	jobs, err := apiserver.List[metav1.PartialObjectMetadata](ctx, g.c, apiserver.Ref{Kind: jobKind, Namespace: g.f.Subject.Namespace}, apiserver.Select{})
	for _, j := range jobs {
		if slices.ContainsFunc(j.OwnerReferences, func(o metav1.OwnerReference) bool { return o.UID == owner }) {
			list = append(list, j.UID)
		}
	}
	return list, err
}

// notFound says what may be meant.
func (g *gatherer) notFound(err error) error {
	if !apiserver.Missing(err) {
		return err
	}
	if g.f.Subject.Namespace == "" {
		return fmt.Errorf("there is no %s", g.f.Subject)
	}
	return fmt.Errorf("there is no %s %s in namespace %s; -n NAMESPACE names another", g.f.Subject.Kind, g.f.Subject.Name, g.f.Subject.Namespace)
}

func (g *gatherer) namespace(ctx context.Context) {
	name := g.f.Subject.within()
	n, err := apiserver.Get[corev1.Namespace](ctx, g.c, apiserver.Ref{Kind: namespaceKind, Name: name})
	if err != nil {
		g.gap("the labels of namespace "+name, err)
		return
	}
	if n.Labels == nil {
		n.Labels = map[string]string{} // known
	}
	g.f.NamespaceLabels = n.Labels
}

// traceAgents are those of the cluster, or if that may not be seen, of the
// namespace.
func (g *gatherer) traceAgents(ctx context.Context) {
	list, err := apiserver.List[v1alpha1.TraceAgent](ctx, g.c, apiserver.Ref{Kind: agentKind}, apiserver.Select{})
	if err == nil {
		g.f.Agents = list
		return
	}
	if apiserver.Missing(err) {
		g.gap("TraceAgents", errors.New("the cluster does not know them: the operator's CRD is not installed"))
		return
	}
	g.gap("TraceAgents of other namespaces", err)
	if list, err = apiserver.List[v1alpha1.TraceAgent](ctx, g.c, apiserver.Ref{Kind: agentKind, Namespace: g.f.Subject.within()}, apiserver.Select{}); err != nil {
		g.gap("TraceAgents of namespace "+g.f.Subject.within(), err)
	}
	g.f.Agents = list
}

func (g *gatherer) limitRanges(ctx context.Context) {
	list, err := apiserver.List[corev1.LimitRange](ctx, g.c, apiserver.Ref{Kind: limitRangeKind, Namespace: g.f.Subject.within()}, apiserver.Select{})
	if err != nil {
		g.gap("the LimitRanges of namespace "+g.f.Subject.within(), err)
	}
	g.f.LimitRanges = list
}

// agentPods are those of the DaemonSets that pods here send to. For a pod that was
// given nothing, and whose environment leads to its node, all on that node.
func (g *gatherer) agentPods(ctx context.Context) {
	read := func(of, namespace string, s apiserver.Select) {
		list, err := apiserver.List[corev1.Pod](ctx, g.c, apiserver.Ref{Kind: podKind, Namespace: namespace}, s)
		if err != nil {
			g.f.Hidden[of] = true
			g.gap("the agents of TraceAgent "+of, err)
		}
		g.f.AgentPods = append(g.f.AgentPods, list...)
	}
	agents := map[string]bool{}
	for _, p := range g.f.Pods {
		of := p.Annotations[v1alpha1.AnnotationAgent]
		if of != "" && agentContainer(p) == "" {
			agents[of] = true
		}
	}
	onlyNode := ""
	if len(g.f.Pods) == 1 && g.f.Pods[0].Spec.NodeName != "" {
		onlyNode = "spec.nodeName=" + g.f.Pods[0].Spec.NodeName
	}
	for of := range agents {
		namespace, name := split(of)
		read(of, namespace, apiserver.Select{Labels: v1alpha1.LabelAgent + "=" + name + "," + agentLabel, Fields: onlyNode})
	}
	if len(agents) == 0 && onlyNode != "" && agentContainer(g.f.Pods[0]) == "" && sendsToNode(environment(g.f.Pods[0])) {
		list, err := apiserver.List[corev1.Pod](ctx, g.c, apiserver.Ref{Kind: podKind}, apiserver.Select{Labels: agentLabel, Fields: onlyNode})
		if err != nil {
			g.gap("whether there is an agent on its node", err)
		}
		for _, p := range list { // an agent of another pod is none for this
			if owner := metav1.GetControllerOf(p); owner != nil && owner.Kind == "DaemonSet" {
				g.f.AgentPods = append(g.f.AgentPods, p)
			}
		}
	}
}

// agentLabel is on the pods of agents.
const agentLabel = "app.kubernetes.io/name=wayside-agent"

// statuses asks agents how they are: those in pods, and those that pods send to.
func (g *gatherer) statuses(ctx context.Context) {
	ask := map[types.NamespacedName]*corev1.Pod{}
	var order []types.NamespacedName
	nodes := map[string]bool{}
	add := func(p *corev1.Pod) {
		id := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
		if ask[id] == nil && isUp(p) {
			ask[id] = p
			order = append(order, id)
		}
	}
	for _, p := range g.f.Pods {
		nodes[p.Spec.NodeName] = true
		if agentContainer(p) != "" {
			add(p)
		}
	}
	for _, p := range g.f.AgentPods {
		if nodes[p.Spec.NodeName] {
			add(p)
		}
	}
	if n := len(order); n > maxAsked {
		order = order[:maxAsked]
		g.gap("the accounts of more agents", fmt.Errorf("there are %d, of which %d were asked; ask about a single pod", n, maxAsked))
	}
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for _, id := range order {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			a := g.ask(ctx, ask[id])
			if a.Err != nil {
				g.gap("the account of the agent in pod "+id.Namespace+"/"+id.Name, a.Err)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.f.Answers[id] = a
		})
	}
	wg.Wait()
}

// isUp says whether a pod's agent runs, so that it is worth asking.
func isUp(p *corev1.Pod) bool {
	return slices.ContainsFunc(slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses), func(s corev1.ContainerStatus) bool {
		return s.Name == render.ContainerName && s.State.Running != nil
	})
}

func (g *gatherer) ask(ctx context.Context, p *corev1.Pod) Answer {
	body, err := g.c.AskPod(ctx, p.Namespace, p.Name, g.adminPort(p), "/status")
	if err != nil {
		return Answer{Err: err}
	}
	s, err := readStatus(body)
	return Answer{s, err}
}

// adminPort is the port of an agent's status: as its container says, or its
// TraceAgent, or the agent's default.
func (g *gatherer) adminPort(p *corev1.Pod) int32 {
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, port := range c.Ports {
			if c.Name == render.ContainerName && port.Name == render.AdminPort {
				return port.ContainerPort
			}
		}
	}
	for _, ta := range g.f.Agents {
		if ta.Namespace+"/"+ta.Name != p.Annotations[v1alpha1.AnnotationAgent] {
			continue
		}
		for _, port := range render.Ports(ta) {
			if port.Name == render.AdminPort {
				return port.Number
			}
		}
	}
	return 14271
}
