package inject

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// Choose is the part of Decide that needs only a pod's metadata: which agent, and
// why. Inject means that the pod is to be injected if its spec and the TraceAgent's
// configuration allow; there is no Patch and no Revision. r.Pod is not used.
//
// The pod's label decides, then its namespace's. false is no, and the name of a
// TraceAgent of this namespace is that one, whatever it selects. With true, or
// without a label, it is the TraceAgent that selects the pod: one of its namespace,
// or else a DaemonSet of another that is allowed there, or else the cluster's default.
// Two on the same of these levels are a tie, and neither is taken.
func Choose(pod *metav1.ObjectMeta, r Request) Decision {
	value, labelled := pod.Labels[v1alpha1.LabelInject]
	whose := "the pod's label"
	if !labelled {
		value, labelled = r.NamespaceLabels[v1alpha1.LabelInject]
		whose = "its namespace's label"
	}
	whose += " " + v1alpha1.LabelInject
	d := Decision{Asked: labelled, labelled: labelled}
	switch {
	case !labelled, value == v1alpha1.InjectTrue:
		return bySelection(pod, r, d)
	case value == v1alpha1.InjectFalse:
		return Decision{Code: OptedOut, Reason: whose + " is false"}
	case value == "":
		return d.not(NoSuchAgent, whose+" is empty; write true, false, or the name of a TraceAgent in "+r.Namespace)
	}
	for _, ta := range r.Agents {
		if ta.Namespace == r.Namespace && ta.Name == value && ta.DeletionTimestamp == nil {
			d.Agent = ta
			if !allowed(ta, r.Options) {
				return d.not(NotAllowed, fmt.Sprintf("%s names TraceAgent %s: %s", whose, name(ta), notAllowed(r.Options)))
			}
			d.Inject, d.Code = true, Injected
			d.Reason = fmt.Sprintf("%s names TraceAgent %s", whose, name(ta))
			return d
		}
	}
	return d.not(NoSuchAgent, fmt.Sprintf("%s names TraceAgent %s/%s, which does not exist; %s", whose, r.Namespace, value, thereAre(r)))
}

// bySelection finds the TraceAgent that selects a pod.
func bySelection(pod *metav1.ObjectMeta, r Request, d Decision) Decision {
	levels := [3]struct {
		serves string
		agents []*v1alpha1.TraceAgent
	}{{serves: "of its namespace"}, {serves: "of every node"}, {serves: "the cluster's default"}}
	for _, ta := range r.Agents {
		if ta.DeletionTimestamp != nil || !allowed(ta, r.Options) || !selects(ta.Spec.Selector, pod.Labels) {
			continue
		}
		own := ta.Namespace == r.Namespace
		if (!own || ta.Spec.Strategy == v1alpha1.DaemonSet) && !selects(ta.Spec.NamespaceSelector, r.NamespaceLabels) {
			continue
		}
		var i int
		switch {
		case own:
			i = 0
		case isDefault(ta, r.Options):
			i = 2
		case ta.Spec.Strategy == v1alpha1.DaemonSet:
			i = 1
		default:
			continue // it serves its own namespace
		}
		levels[i].agents = append(levels[i].agents, ta)
	}
	for i, l := range levels {
		if len(l.agents) == 0 {
			continue
		}
		d.Asked = d.Asked || i == 0
		if len(l.agents) == 1 {
			d.Inject, d.Code, d.Agent = true, Injected, l.agents[0]
			d.Reason = fmt.Sprintf("TraceAgent %s, %s, selects it", name(d.Agent), l.serves)
			return d
		}
		return d.not(Tie, fmt.Sprintf("TraceAgents %s select it, and none comes first; narrow their selectors, or name one of its namespace by the label %s",
			names(l.agents), v1alpha1.LabelInject))
	}
	return d.not(NotSelected, "no TraceAgent selects it; "+thereAre(r))
}

// thereAre tells which TraceAgents a namespace has.
func thereAre(r Request) string {
	var own []*v1alpha1.TraceAgent
	for _, ta := range r.Agents {
		if ta.Namespace == r.Namespace {
			own = append(own, ta)
		}
	}
	if len(own) == 0 {
		return fmt.Sprintf("there is none in namespace %s", r.Namespace)
	}
	return fmt.Sprintf("in namespace %s there is %s", r.Namespace, names(own))
}

// selects matches a selector; nil is everything, and one that is wrong nothing.
func selects(s *metav1.LabelSelector, of map[string]string) bool {
	if s == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(of))
}

func isDefault(ta *v1alpha1.TraceAgent, o Options) bool {
	return ta.Name == o.Default.Name && ta.Namespace == o.Default.Namespace
}

// allowed says whether a TraceAgent may have its strategy where it is.
func allowed(ta *v1alpha1.TraceAgent, o Options) bool {
	return ta.Spec.Strategy != v1alpha1.DaemonSet || slices.Contains(o.DaemonSetNamespaces, ta.Namespace)
}

func notAllowed(o Options) string {
	if len(o.DaemonSetNamespaces) == 0 {
		return "the operator allows strategy DaemonSet in no namespace"
	}
	return "the operator allows strategy DaemonSet only in " + strings.Join(o.DaemonSetNamespaces, ", ")
}

func name(ta *v1alpha1.TraceAgent) string { return ta.Namespace + "/" + ta.Name }

// names are in an order that does not depend on where they came from.
func names(list []*v1alpha1.TraceAgent) string {
	all := make([]string, len(list))
	for i, ta := range list {
		all[i] = name(ta)
	}
	slices.Sort(all)
	if n := len(all) - 1; n > 0 {
		return strings.Join(all[:n], ", ") + " and " + all[n]
	}
	return all[0]
}

// Accepted reports whether TraceAgents like this one are acted upon, and if not, why.
// agents are all there are, as in a Request. With Tie, pods can still have it by its
// name in a label; only selecting is of no use.
func Accepted(ta *v1alpha1.TraceAgent, agents []*v1alpha1.TraceAgent, o Options) (Code, string, bool) {
	if !allowed(ta, o) {
		return NotAllowed, notAllowed(o), false
	}
	if reason := invalid(ta); reason != "" {
		return Invalid, reason, false
	}
	var others []*v1alpha1.TraceAgent
	for _, other := range agents {
		if other.DeletionTimestamp == nil && name(other) != name(ta) && allowed(other, o) && tie(ta, other, o) {
			others = append(others, other)
		}
	}
	if len(others) > 0 {
		slices.SortFunc(others, func(a, b *v1alpha1.TraceAgent) int { return cmp.Compare(name(a), name(b)) })
		return Tie, fmt.Sprintf("it selects the same pods as TraceAgent %s, and neither comes first; narrow the selector of one", names(others)), false
	}
	return "", "", true
}

// tie says whether two TraceAgents select the same pods on the same level, as far
// as that can be seen without pods: selectors that are spelt alike.
func tie(a, b *v1alpha1.TraceAgent, o Options) bool {
	same := func(a, b *metav1.LabelSelector) bool {
		return metav1.FormatLabelSelector(everything(a)) == metav1.FormatLabelSelector(everything(b))
	}
	if !same(a.Spec.Selector, b.Spec.Selector) {
		return false
	}
	if a.Namespace == b.Namespace {
		return a.Spec.Strategy == b.Spec.Strategy || same(a.Spec.NamespaceSelector, nil) && same(b.Spec.NamespaceSelector, nil)
	}
	return a.Spec.Strategy == v1alpha1.DaemonSet && b.Spec.Strategy == v1alpha1.DaemonSet &&
		!isDefault(a, o) && !isDefault(b, o) && same(a.Spec.NamespaceSelector, b.Spec.NamespaceSelector)
}

func everything(s *metav1.LabelSelector) *metav1.LabelSelector {
	if s == nil {
		return new(metav1.LabelSelector)
	}
	return s
}

// invalid says what is wrong with a TraceAgent; "" is nothing.
func invalid(ta *v1alpha1.TraceAgent) string {
	if _, errs := render.Config(ta); len(errs) > 0 {
		return errs.ToAggregate().Error()
	}
	if _, err := metav1.LabelSelectorAsSelector(ta.Spec.Selector); err != nil {
		return fmt.Sprintf("spec.selector: %v", err)
	}
	if _, err := metav1.LabelSelectorAsSelector(ta.Spec.NamespaceSelector); err != nil {
		return fmt.Sprintf("spec.namespaceSelector: %v", err)
	}
	return ""
}
