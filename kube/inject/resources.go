package inject

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// measured are the resources by which pods are classed and limited.
var measured = []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory}

// resources fits the agent's into the pod and the namespace's limits, or says why
// they can't be.
func (p *patch) resources(c *corev1.Container, ranges []*corev1.LimitRange) string {
	if r := p.pod.Spec.Resources; r != nil && len(r.Requests)+len(r.Limits) > 0 {
		// The pod has one budget for all its containers: adding to their requests may
		// exceed it, which is refused. The agent lives in it as they do.
		c.Resources = corev1.ResourceRequirements{}
		return ""
	}
	equal := guaranteed(p.pod)
	if equal {
		raise(c)
	}
	for _, r := range ranges {
		for i := range r.Spec.Limits {
			if reason := fit(c, &r.Spec.Limits[i], p.pod, r.Name); reason != "" {
				return reason
			}
		}
	}
	if equal {
		raise(c)
	}
	return ""
}

// raise makes requests what limits are.
func raise(c *corev1.Container) {
	for _, name := range measured {
		c.Resources.Requests[name] = c.Resources.Limits[name]
	}
}

// guaranteed says whether a pod has the quality of service of that name: each
// container's requests of CPU and memory are its limits.
func guaranteed(pod *corev1.Pod) bool {
	for c := range containers(pod) {
		for _, name := range measured {
			limit, limited := c.Resources.Limits[name]
			request, asked := c.Resources.Requests[name]
			if !limited || limit.IsZero() || asked && request.Cmp(limit) != 0 {
				return false
			}
		}
	}
	return len(pod.Spec.Containers) > 0
}

// fit changes an agent's resources so that one rule of a LimitRange takes them. A
// memory limit is never lowered: an agent that is killed for its memory keeps the
// app from nothing, but is of no use.
func fit(c *corev1.Container, l *corev1.LimitRangeItem, pod *corev1.Pod, of string) string {
	req, lim := c.Resources.Requests, c.Resources.Limits
	for _, name := range measured {
		limit := lim[name]
		if l.Type == corev1.LimitTypePod {
			if most, ok := l.Max[name]; ok && sum(pod, name, limit).Cmp(most) > 0 {
				return fmt.Sprintf("LimitRange %s lets a pod have %s of %s, and with %s for the agent it would have more", of, most.String(), name, limit.String())
			}
			continue
		}
		if l.Type != corev1.LimitTypeContainer {
			continue
		}
		if least, ok := l.Min[name]; ok {
			if r := req[name]; r.Cmp(least) < 0 {
				req[name] = least
			}
			if limit.Cmp(least) < 0 {
				limit = least
			}
		}
		if most, ok := l.Max[name]; ok && limit.Cmp(most) > 0 {
			if name == corev1.ResourceMemory {
				return fmt.Sprintf("LimitRange %s lets a container have %s of memory, and the agent has %s", of, most.String(), limit.String())
			}
			limit = most
		}
		lim[name] = limit
		if r := req[name]; r.Cmp(limit) > 0 {
			req[name] = limit
		}
		if ratio, ok := l.MaxLimitRequestRatio[name]; ok {
			if r := req[name]; exceeds(limit, r, ratio) {
				req[name] = limit
			}
		}
	}
	return ""
}

// exceeds says whether limit is more than ratio times request.
func exceeds(limit, request, ratio resource.Quantity) bool {
	return limit.AsApproximateFloat64() > ratio.AsApproximateFloat64()*request.AsApproximateFloat64()
}

// sum is what all containers that run at the same time may have, and more.
func sum(pod *corev1.Pod, name corev1.ResourceName, more resource.Quantity) *resource.Quantity {
	total := more.DeepCopy()
	for i := range pod.Spec.Containers {
		total.Add(pod.Spec.Containers[i].Resources.Limits[name])
	}
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; keepsRunning(c) {
			total.Add(c.Resources.Limits[name])
		}
	}
	return &total
}
