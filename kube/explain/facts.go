package explain

import (
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/apiserver"
	"github.com/wayside-tracing/wayside/kube/inject"
)

// Facts is everything that a report is made of: what the cluster has, as far as
// whoever asks may see it.
type Facts struct {
	Now     time.Time
	Subject Subject
	// Template is what pods of a workload are made of; nil for a pod or namespace.
	Template *corev1.PodTemplateSpec
	// Pods are the subject's, those that have ended left out unless it is one.
	Pods []*corev1.Pod
	// NamespaceLabels are those of the pods' namespace; nil if they are not known.
	NamespaceLabels map[string]string
	// Agents are all TraceAgents that can be seen.
	Agents      []*v1alpha1.TraceAgent
	LimitRanges []*corev1.LimitRange
	Operator    Operator
	// AgentPods are those of DaemonSets, on the nodes of Pods. Hidden are the
	// TraceAgents, by "namespace/name", whose pods could not be seen.
	AgentPods []*corev1.Pod
	Hidden    map[string]bool
	// Answers are what agents say of themselves, by their pod.
	Answers map[types.NamespacedName]Answer
	// Gaps are what could not be learnt.
	Gaps []Gap
}

// Operator is what is known of it.
type Operator struct {
	// Seen says that the Deployment was read; Ready and Desired count its pods.
	Seen           bool
	Gone           bool // there is none
	Ready, Desired int32
	// Options are those that it was started with, as far as they can be seen.
	Options inject.Options
	// WebhooksSeen says that webhooks could be read; Webhooks are the operator's.
	WebhooksSeen bool
	Webhooks     []admissionv1.MutatingWebhook
	// Handshake is why the API server can't call it, if that was found out.
	Handshake string
}

// Answer is what an agent said, or why it didn't.
type Answer struct {
	Status *Status
	Err    error
}

// Gap is something that could not be learnt.
type Gap struct {
	What string `json:"what"` // "the labels of namespace shop"
	Why  string `json:"why"`
	// Needs is the permission that would do, if that is what it is about.
	Needs *apiserver.Permission `json:"needs,omitempty"`
}
