package inject

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// Options are the operator's.
type Options struct {
	render.Options

	// Default names the TraceAgent for pods that no other serves; its zero value is
	// none.
	Default types.NamespacedName
	// DaemonSetNamespaces are those whose TraceAgents may have the strategy
	// DaemonSet.
	DaemonSetNamespaces []string
	// NativeSidecars says that every node keeps init containers running that have
	// restartPolicy Always (1.29 and later).
	NativeSidecars bool
}

// Request is everything that a decision depends on. It is not changed.
type Request struct {
	// Pod is as it was sent, or as it is.
	Pod *corev1.Pod
	// Namespace is the pod's, which it need not say itself when it is made, and
	// NamespaceLabels are the namespace's.
	Namespace       string
	NamespaceLabels map[string]string
	// Agents are all TraceAgents, of all namespaces; their order is of no
	// importance.
	Agents []*v1alpha1.TraceAgent
	// LimitRanges are those of the pod's namespace. Without them the agent's
	// resources are not fitted into them.
	LimitRanges []*corev1.LimitRange
	Options     Options
}

// Code is a reason in one word, for metrics, conditions and events.
type Code string

// Codes of decisions. Those from HostNetwork on depend on the pod's spec.
const (
	Injected        Code = "Injected"
	AlreadyInjected Code = "AlreadyInjected"

	OptedOut    Code = "OptedOut"    // a label says false
	NotSelected Code = "NotSelected" // no TraceAgent serves it
	NoSuchAgent Code = "NoSuchAgent" // a label names one that isn't there
	Tie         Code = "Tie"         // several TraceAgents serve it

	NotAllowed Code = "NotAllowed" // the TraceAgent's strategy, in its namespace
	Invalid    Code = "Invalid"    // the TraceAgent's configuration

	HostNetwork      Code = "HostNetwork"
	MirrorPod        Code = "MirrorPod"
	Windows          Code = "Windows"
	Architecture     Code = "Architecture"
	NoNativeSidecars Code = "NoNativeSidecars"
	OtherAgent       Code = "OtherAgent"
	NameTaken        Code = "NameTaken"
	PortTaken        Code = "PortTaken"
	NoRoom           Code = "NoRoom" // in a LimitRange
)

// Decision is what a pod gets.
type Decision struct {
	// Inject says that the pod is to have, or has already, what Agent gives.
	Inject bool
	// Asked says that somebody wants this very pod to be injected: a label other
	// than false, or a TraceAgent of its own namespace that selects it. If Inject is
	// false nevertheless, they should be told.
	Asked bool
	// Agent is the TraceAgent that was chosen; nil if none was. A pod that has been
	// injected already may have got another one, when another was chosen: its
	// annotation says which (v1alpha1.AnnotationAgent).
	Agent *v1alpha1.TraceAgent
	// Revision is that of what Agent gives now; "" if Inject is false.
	Revision string
	Code     Code
	// Reason is one sentence for people: why this agent, or why not, and what to do.
	Reason string
	// Notes are sentences about what was left as the app has it.
	Notes []string
	// Patch makes the pod what it is to be; it is empty for a pod that is so
	// already. A pod that is not injected although a label or a TraceAgent says so
	// gets an annotation with the reason (v1alpha1.AnnotationReason) and nothing
	// else; a mirror pod never, and one in its node's network only for a label.
	Patch []Operation

	labelled bool // by a label, of the pod or its namespace
}

// Operation is one of a JSON patch (RFC 6902). There are only additions, and moves
// of the agent itself: nothing of the app's is changed or removed, and what this
// program doesn't know of pods is left as it is.
type Operation struct {
	Op    string `json:"op"` // add, or move
	Path  string `json:"path"`
	From  string `json:"from,omitempty"`
	Value any    `json:"value,omitempty"`
}

// tells says whether a pod that gets nothing is told why.
func (d *Decision) tells() bool {
	switch {
	case d.Inject || d.Code == MirrorPod:
		return false
	case d.Code == HostNetwork:
		return d.labelled
	default:
		return d.Asked || d.Agent != nil
	}
}

// not makes a decision of a pod's spec that stands in the way.
func (d Decision) not(code Code, reason string) Decision {
	d.Inject, d.Revision, d.Code, d.Reason = false, "", code, reason
	return d
}
