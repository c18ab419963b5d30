package render

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// Environment is what a container of an app may get to find its agent and to say
// who it is, in an order in which each may refer to those before it. The container
// is given those that it has not set itself: which, decides package inject.
//
// An endpoint of OTLP has no path: the agent takes it so over HTTP and gRPC, and Go's
// exporter by gRPC takes a path for part of the host. Its variables are those of
// traces alone, so that metrics and logs go where they went.
func Environment(ta *v1alpha1.TraceAgent, namespace, container string) (list []corev1.EnvVar) {
	add := func(name, value string) { list = append(list, corev1.EnvVar{Name: name, Value: value}) }
	refer := func(name, path string) { list = append(list, corev1.EnvVar{Name: name, ValueFrom: fieldRef(path)}) }
	n := numbersOf(ta)
	daemonSet := ta.Spec.Strategy == v1alpha1.DaemonSet

	host := "127.0.0.1"
	if daemonSet {
		host = Name(ta) + "." + ta.Namespace + ".svc"
	}
	if port := first(n.otlpHTTP, n.otlpGRPC); port != 0 {
		add("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"+host+":"+strconv.Itoa(int(port)))
		// The one that OpenTelemetry's specification wants to be the default, and that
		// every SDK has.
		add("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
	}
	if port := first(n.compact, n.binary); port != 0 {
		if daemonSet && onNode(ta) {
			refer("JAEGER_AGENT_HOST", "status.hostIP")
		} else {
			add("JAEGER_AGENT_HOST", host)
		}
		if port != 6831 {
			add("JAEGER_AGENT_PORT", strconv.Itoa(int(port)))
		}
	}

	refer("WAYSIDE_POD_NAME", "metadata.name")
	refer("WAYSIDE_POD_UID", "metadata.uid")
	refer("WAYSIDE_NODE_NAME", "spec.nodeName")
	identity := strings.Join([]string{
		"k8s.namespace.name=" + namespace,
		"k8s.pod.name=$(WAYSIDE_POD_NAME)",
		"k8s.pod.uid=$(WAYSIDE_POD_UID)",
		"k8s.node.name=$(WAYSIDE_NODE_NAME)",
		"k8s.container.name=" + container,
	}, ",")
	add("OTEL_RESOURCE_ATTRIBUTES", identity)
	if !daemonSet {
		// The pod's own agent knows the rest, and adds it to whatever comes by it: there
		// is no need for it in each of the packets that Jaeger's clients send.
		identity = "k8s.container.name=" + container
	}
	add("JAEGER_TAGS", identity)
	return list
}

// onNode says whether agents can be reached at their node's own address.
func onNode(ta *v1alpha1.TraceAgent) bool {
	d := ta.Spec.DaemonSet
	return d != nil && (d.HostNetwork || d.HostPort)
}

// first is the first port that is on; 0 if none is.
func first(ports ...int32) int32 {
	for _, p := range ports {
		if p != 0 {
			return p
		}
	}
	return 0
}
