package render

import (
	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// ContainerName is the agent's, in every pod.
const ContainerName = "wayside-agent"

// Where things are in the agent's container. All are directories, and no file is
// mounted by itself (subPath): so what is in them changes when its source does.
const (
	ConfigDir  = "/etc/wayside/config" // agent.yaml
	HeadersDir = "/etc/wayside/headers"
	TLSDir     = "/etc/wayside/tls" // ca.crt, tls.crt, tls.key
	BufferDir  = "/var/lib/wayside"
	ConfigFile = "agent.yaml"
)

// Name is that of all objects of a TraceAgent in its own namespace.
func Name(ta *v1alpha1.TraceAgent) string { return "wayside-" + ta.Name }

// ConfigMapName is that of the ConfigMap which agents in a namespace read. It is
// Name, but for pods in other namespaces than the TraceAgent's, of which each has a
// copy under a name that no TraceAgent there can have.
func ConfigMapName(ta *v1alpha1.TraceAgent, namespace string) string {
	if namespace == ta.Namespace {
		return Name(ta)
	}
	return "wayside." + ta.Namespace + "." + ta.Name
}

// Labels are on all objects of a TraceAgent.
func Labels(ta *v1alpha1.TraceAgent) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       "wayside-agent",
		"app.kubernetes.io/instance":   Name(ta),
		"app.kubernetes.io/part-of":    "wayside",
		"app.kubernetes.io/managed-by": "wayside-operator",
		v1alpha1.LabelAgent:            ta.Name,
	}
}

// selector is for the pods of a DaemonSet. It can't be changed later.
func selector(ta *v1alpha1.TraceAgent) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name": "wayside-agent",
		v1alpha1.LabelAgent:      ta.Name,
	}
}
