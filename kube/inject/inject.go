package inject

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// Request is everything that a decision depends on.
type Request struct {
	// Pod is as it was sent, or as it is.
	Pod *corev1.Pod
	// Namespace is the pod's, and NamespaceLabels its labels.
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

// Code is a reason in one word, for metrics and events.
type Code string

// Decision is what a pod gets.
type Decision struct {
	// Inject says that the pod is to have, or has already, what Agent gives.
	Inject bool
	// Asked says that somebody wants this pod to be injected: a label other than
	// false, or a TraceAgent that selects it. If Inject is false nevertheless, they
	// should be told.
	Asked bool
	// Agent is the TraceAgent that was chosen; nil if none was.
	Agent *v1alpha1.TraceAgent
	// Revision is that of what Agent gives now.
	Revision string
	Code     Code
	// Reason is one sentence for people: why this agent, or why not, and what to do.
	Reason string
	// Notes are sentences about what was left as the app has it.
	Notes []string
	// Patch makes the pod what it is to be; it is empty for a pod that is so already.
	Patch []Operation
}

// Operation is one of a JSON patch (RFC 6902).
type Operation struct {
	Op    string `json:"op"` // add, or move
	Path  string `json:"path"`
	From  string `json:"from,omitempty"`
	Value any    `json:"value,omitempty"`
}

// Decide decides. For the same request it says the same.
func Decide(r Request) Decision { panic("to come") }

// Choose is the part of Decide that needs only the pod's metadata: which agent, and
// why. Inject means that the pod is to be injected if its spec allows; there is
// no Patch and no Revision.
func Choose(pod *metav1.ObjectMeta, r Request) Decision { panic("to come") }

// Accepted reports whether TraceAgents like this one are acted upon, and if not, why.
// agents are all there are, as in a Request: two that serve the same pods are a tie.
func Accepted(ta *v1alpha1.TraceAgent, agents []*v1alpha1.TraceAgent, o Options) (Code, string, bool) {
	panic("to come")
}
