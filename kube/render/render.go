package render

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// ContainerName is the agent's, in every pod.
const ContainerName = "wayside-agent"

// Options are what whoever runs agents adds to a TraceAgent.
type Options struct {
	// Image is for TraceAgents that name none.
	Image string
	// ImagePullPolicy is for TraceAgents that name none; "" is Kubernetes' default.
	ImagePullPolicy corev1.PullPolicy
	// SleepAction says that the API server knows lifecycle.preStop.sleep (1.30 and
	// later): agents of a DaemonSet then end after the Service has stopped sending
	// to them.
	SleepAction bool
}

// Config is the agent's configuration. Errors name fields of the TraceAgent.
func Config(ta *v1alpha1.TraceAgent) ([]byte, field.ErrorList) { panic("to come") }

// Name is that of all objects of a TraceAgent in its own namespace.
func Name(ta *v1alpha1.TraceAgent) string { panic("to come") }

// Labels are on all objects of a TraceAgent.
func Labels(ta *v1alpha1.TraceAgent) map[string]string { panic("to come") }

// ConfigMapName is that of the ConfigMap which agents in a namespace read. It is
// Name, but for pods in other namespaces than the TraceAgent's, of which each has a
// copy under a name that no TraceAgent there can have.
func ConfigMapName(ta *v1alpha1.TraceAgent, namespace string) string { panic("to come") }

// ConfigMap is for the agents in a namespace: the TraceAgent's own, or that of pods
// which a Sidecar serves as the cluster's default. config is what Config returned.
func ConfigMap(ta *v1alpha1.TraceAgent, namespace string, config []byte) *corev1.ConfigMap {
	panic("to come")
}

// Container is the agent's. For a Sidecar it is an init container that keeps
// running, in a pod that doesn't run as root.
func Container(ta *v1alpha1.TraceAgent, o Options) corev1.Container { panic("to come") }

// Volumes are what Container mounts, in a pod of that namespace.
func Volumes(ta *v1alpha1.TraceAgent, namespace string) []corev1.Volume { panic("to come") }

// Revision is a hash of what a pod gets that has been injected, or of what the
// DaemonSet's pods are made of: if it changes, they have to be made anew. What
// agents reload by themselves is not in it.
func Revision(ta *v1alpha1.TraceAgent, o Options) string { panic("to come") }

// DaemonSet, with a ServiceAccount and a Service, is for strategy DaemonSet. All
// are in the TraceAgent's namespace, and have no owner.
func DaemonSet(ta *v1alpha1.TraceAgent, o Options) *appsv1.DaemonSet { panic("to come") }

// ServiceAccount is the DaemonSet's. It has no rights, and its token is mounted
// nowhere.
func ServiceAccount(ta *v1alpha1.TraceAgent) *corev1.ServiceAccount { panic("to come") }

// Service leads pods to the agent of their own node.
func Service(ta *v1alpha1.TraceAgent) *corev1.Service { panic("to come") }
