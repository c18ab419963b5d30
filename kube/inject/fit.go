package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// architectures are those that the agent's image has.
var architectures = []string{"amd64", "arm64"}

// unfit says why a pod is left alone whatever the strategy.
func unfit(pod *corev1.Pod) (Code, string) {
	if _, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return MirrorPod, "it is a static pod's mirror: the kubelet runs what its file says"
	}
	if pod.Spec.HostNetwork {
		return HostNetwork, "it is in its node's network, where an agent of its own would take the node's ports and the variables may lead elsewhere; give it the address of an agent yourself"
	}
	if isWindows(pod) {
		return Windows, "it runs on Windows, and the agent on Linux"
	}
	if arch := pod.Spec.NodeSelector[corev1.LabelArchStable]; arch != "" && !slices.Contains(architectures, arch) {
		return Architecture, fmt.Sprintf("it runs on %s, and the agent on %s", arch, strings.Join(architectures, " and "))
	}
	return "", ""
}

func isWindows(pod *corev1.Pod) bool {
	if os := pod.Spec.OS; os != nil {
		return os.Name == corev1.Windows
	}
	for _, label := range []string{corev1.LabelOSStable, "beta.kubernetes.io/os"} {
		if pod.Spec.NodeSelector[label] == string(corev1.Windows) {
			return true
		}
	}
	return false
}

// otherAgent is the container of another agent for traces; "" is none. Two would
// want the same ports, and an app that has one is not led away from it.
func otherAgent(pod *corev1.Pod) string {
	for c := range containers(pod) {
		image := c.Image[strings.LastIndexByte(c.Image, '/')+1:]
		image, _, _ = strings.Cut(image, "@")
		image, _, _ = strings.Cut(image, ":")
		switch {
		case image == "jaeger-agent", c.Name == "jaeger-agent":
			return c.Name
		case c.Name == "otc-container": // the OpenTelemetry operator's sidecar
			return c.Name
		}
	}
	return ""
}

// containers are all of a pod's.
func containers(pod *corev1.Pod) func(yield func(*corev1.Container) bool) {
	return func(yield func(*corev1.Container) bool) {
		for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
			for i := range list {
				if !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// taken says which names and ports of an agent the pod has already.
func taken(pod *corev1.Pod, ta *v1alpha1.TraceAgent, volumes []corev1.Volume) (Code, string) {
	for c := range containers(pod) {
		if c.Name == render.ContainerName {
			return NameTaken, fmt.Sprintf("it has a container %s that was not injected; remove it, or set the label %s to false", c.Name, v1alpha1.LabelInject)
		}
	}
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		if slices.ContainsFunc(volumes, func(o corev1.Volume) bool { return o.Name == v.Name }) {
			return NameTaken, fmt.Sprintf("it has a volume %s that was not injected; give it another name", v.Name)
		}
	}
	var clashes, fields []string
	for _, p := range render.Ports(ta) {
		for c := range containers(pod) {
			if !slices.ContainsFunc(c.Ports, func(o corev1.ContainerPort) bool {
				return o.ContainerPort == p.Number && (o.Protocol == p.Protocol || o.Protocol == "" && p.Protocol == corev1.ProtocolTCP)
			}) {
				continue
			}
			clashes = append(clashes, fmt.Sprintf("%d of container %s", p.Number, c.Name))
			fields = append(fields, p.Field)
			break
		}
	}
	if len(clashes) == 0 {
		return "", ""
	}
	port, them := "port", "it"
	if len(clashes) > 1 {
		port, them = "ports", "them"
	}
	return PortTaken, fmt.Sprintf("the agent would take %s %s, and all containers of a pod share one network; change %s in TraceAgent %s (0 turns a port off, but for spec.admin.http), or do without %s in the pod",
		port, strings.Join(clashes, ", "), strings.Join(fields, ", "), name(ta), them)
}
