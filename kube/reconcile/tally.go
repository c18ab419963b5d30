package reconcile

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/inject"
)

// maxNamed is how many pods a status names.
const maxNamed = 5

// Tally is what there is of one TraceAgent's pods.
type Tally struct {
	v1alpha1.PodCounts
	// MissedPods are the first of the missed ones, by name.
	MissedPods []string
	// Namespaces are those of pods that have this TraceAgent's agent or should have,
	// in order.
	Namespaces []string
	// ToNodes is how many pods were told to send to its DaemonSet.
	ToNodes int32
}

// A Trouble is a pod that somebody should be told about.
type Trouble struct {
	Namespace, Name string
	UID             types.UID
	// Reason is a word for an event, Note a sentence.
	Reason, Note string
}

// Reasons of events about pods.
const (
	ReasonNotInjected = "NotInjected" // it was looked at
	ReasonMissed      = "Missed"      // it was not
)

// Counts are all tallies, and who is to be told.
type Counts struct {
	Of       map[types.NamespacedName]Tally
	Troubles []Trouble
}

// Surroundings are what a count depends on besides pods.
type Surroundings struct {
	Agents []*v1alpha1.TraceAgent
	// Namespaces are the labels of all.
	Namespaces map[string]map[string]string
	// Left are namespaces in which API servers don't ask about pods.
	Left    []string
	Options inject.Options
	// Revision is what a TraceAgent's pods get now (render.Revision); "" if it
	// can't be rendered.
	Revision func(*v1alpha1.TraceAgent) string
}

// Count looks at every pod.
func Count(pods []metav1.PartialObjectMetadata, s Surroundings) Counts {
	c := count{
		surroundings: s,
		agents:       map[string]*entry{},
		counts:       Counts{Of: make(map[types.NamespacedName]Tally, len(s.Agents))},
	}
	for _, ta := range s.Agents {
		c.agents[ta.Namespace+"/"+ta.Name] = &entry{
			key: types.NamespacedName{Namespace: ta.Namespace, Name: ta.Name}, revision: s.Revision(ta), namespaces: map[string]bool{},
		}
	}
	for i := range pods {
		c.add(&pods[i])
	}
	for _, e := range c.agents {
		for ns := range e.namespaces {
			e.tally.Namespaces = append(e.tally.Namespaces, ns)
		}
		slices.Sort(e.tally.Namespaces)
		slices.Sort(e.tally.MissedPods)
		e.tally.MissedPods = e.tally.MissedPods[:min(len(e.tally.MissedPods), maxNamed)]
		c.counts.Of[e.key] = e.tally
	}
	slices.SortFunc(c.counts.Troubles, func(a, b Trouble) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return c.counts
}

type count struct {
	surroundings Surroundings
	agents       map[string]*entry // by namespace/name, as in v1alpha1.AnnotationAgent
	counts       Counts
}

type entry struct {
	key        types.NamespacedName
	revision   string
	tally      Tally
	namespaces map[string]bool
}

func (c *count) add(pod *metav1.PartialObjectMetadata) {
	if pod.DeletionTimestamp != nil || slices.Contains(c.surroundings.Left, pod.Namespace) {
		return
	}
	namespace, known := c.surroundings.Namespaces[pod.Namespace]
	if !known {
		return // it has been deleted with everything in it
	}
	d := inject.Choose(&pod.ObjectMeta, inject.Request{
		Namespace: pod.Namespace, NamespaceLabels: namespace, Agents: c.surroundings.Agents, Options: c.surroundings.Options,
	})
	var should *entry
	if d.Inject {
		should = c.agents[d.Agent.Namespace+"/"+d.Agent.Name]
		should.namespaces[pod.Namespace] = true
	}
	has := c.agents[pod.Annotations[v1alpha1.AnnotationAgent]]
	if has != nil {
		has.namespaces[pod.Namespace] = true
		toNode := pod.Labels[v1alpha1.LabelInjected] == "daemonset"
		if toNode {
			has.tally.ToNodes++
		}
		strategy := v1alpha1.Sidecar
		if toNode {
			strategy = v1alpha1.DaemonSet
		}
		if has == should && pod.Annotations[v1alpha1.AnnotationRevision] == has.revision && strategy == d.Agent.Spec.Strategy {
			has.tally.Injected++
		} else {
			has.tally.Outdated++
		}
	}
	switch reason, looked := pod.Annotations[v1alpha1.AnnotationReason]; {
	case has != nil && has == should:
	case looked && has == nil:
		if should != nil {
			should.tally.Refused++
		}
		c.trouble(pod, ReasonNotInjected, reason)
	case should != nil:
		should.tally.Missed++
		should.tally.MissedPods = append(should.tally.MissedPods, pod.Namespace+"/"+pod.Name)
		note := "it started before TraceAgent " + should.key.String() + " was there, or while the operator was away; restart it to have it injected"
		if has != nil {
			note = "it has the agent of TraceAgent " + has.key.String() + " and is to have that of " + should.key.String() + "; restart it"
		}
		c.trouble(pod, ReasonMissed, note)
	}
}

func (c *count) trouble(pod *metav1.PartialObjectMetadata, reason, note string) {
	c.counts.Troubles = append(c.counts.Troubles, Trouble{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, Reason: reason, Note: note})
}
