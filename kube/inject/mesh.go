package inject

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// proxies are the containers of service meshes through which a pod's connections
// go, and setUp those that lead them there: of Istio, Linkerd, Kuma and Consul (the
// last of them before Consul 1.14).
var (
	proxies = []string{"istio-proxy", "linkerd-proxy", "kuma-sidecar", "consul-dataplane", "envoy-sidecar"}
	setUp   = []string{
		"istio-init", "istio-validation",
		"linkerd-init", "linkerd-network-validator",
		"kuma-init", "kuma-validation",
		"consul-connect-inject-init",
	}
)

func ofMesh(c *corev1.Container) bool {
	return slices.Contains(proxies, c.Name) || slices.Contains(setUp, c.Name)
}

// place is where in initContainers an agent goes: before those of the app, so that
// it is there for all of them and ends after them, and after a mesh's, so that it
// still reaches its collector when everything else has ended.
func place(init []corev1.Container) int {
	for i := len(init) - 1; i >= 0; i-- {
		if ofMesh(&init[i]) {
			return i + 1
		}
	}
	return 0
}

// plainProxy is a proxy that ends when the app does; "" is none.
func plainProxy(pod *corev1.Pod) string {
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; slices.Contains(proxies, c.Name) {
			return c.Name
		}
	}
	return ""
}
