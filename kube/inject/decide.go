package inject

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// Decide decides. For the same request it says the same, and a pod that has been
// patched is not patched again.
func Decide(r Request) Decision {
	d := Choose(&r.Pod.ObjectMeta, r)
	if d.Inject {
		d = decide(r, d)
	}
	if d.tells() && r.Pod.Annotations[v1alpha1.AnnotationReason] != d.Reason {
		p := patch{pod: r.Pod}
		p.annotate(v1alpha1.AnnotationReason, d.Reason)
		d.Patch = p.ops
	}
	return d
}

// decide looks at the pod's spec, for an agent that has been chosen.
func decide(r Request, d Decision) Decision {
	if code, reason := unfit(r.Pod); code != "" {
		return d.not(code, reason)
	}
	if or := d.Agent.Spec.Image + r.Options.Image; or == "" && d.Agent.Spec.Strategy == v1alpha1.Sidecar {
		return d.not(Invalid, fmt.Sprintf("TraceAgent %s has no spec.image, and neither has the operator", name(d.Agent)))
	}
	if reason := invalid(d.Agent); reason != "" {
		return d.not(Invalid, fmt.Sprintf("TraceAgent %s is wrong: %s", name(d.Agent), reason))
	}
	if injected(r.Pod) != "" {
		return already(r, d)
	}
	if c := otherAgent(r.Pod); c != "" {
		return d.not(OtherAgent, fmt.Sprintf("it has an agent already, container %s; remove that first (wayside migrate prints how)", c))
	}
	p := patch{pod: r.Pod}
	if d.Agent.Spec.Strategy == v1alpha1.Sidecar {
		if code, reason := p.sidecar(r, d.Agent); code != "" {
			return d.not(code, reason)
		}
	}
	p.environment(r.Namespace, d.Agent)
	p.mark(d.Agent, r.Options)
	d.Revision = render.Revision(d.Agent, r.Options.Options)
	d.Patch, d.Notes = p.all(), p.notes
	return d
}

// already is for a pod that was injected. It is asked for again when another
// webhook has changed the pod after us (reinvocationPolicy), and for pods that run:
// the agent itself stays what it is. It goes behind a proxy that came in after it,
// and a container that came after it learns of it.
func already(r Request, d Decision) Decision {
	p := patch{pod: r.Pod}
	if injected(r.Pod) == v1alpha1.Sidecar {
		p.reorder()
	}
	if injected(r.Pod) == d.Agent.Spec.Strategy && r.Pod.Annotations[v1alpha1.AnnotationAgent] == name(d.Agent) {
		p.environment(r.Namespace, d.Agent)
	}
	d.Code = AlreadyInjected
	d.Revision = render.Revision(d.Agent, r.Options.Options)
	d.Patch, d.Notes = p.all(), p.notes
	return d
}

// injected is the strategy of what a pod has got; "" is nothing. A label without
// its container is no sign.
func injected(pod *corev1.Pod) v1alpha1.Strategy {
	if pod.Annotations[v1alpha1.AnnotationAgent] == "" {
		return ""
	}
	switch pod.Labels[v1alpha1.LabelInjected] {
	case label(v1alpha1.DaemonSet):
		return v1alpha1.DaemonSet
	case label(v1alpha1.Sidecar):
		for i := range pod.Spec.InitContainers {
			if c := &pod.Spec.InitContainers[i]; c.Name == render.ContainerName && keepsRunning(c) {
				return v1alpha1.Sidecar
			}
		}
	}
	return ""
}

// label is the value of LabelInjected.
func label(s v1alpha1.Strategy) string { return strings.ToLower(string(s)) }

func keepsRunning(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}
