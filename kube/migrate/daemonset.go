package migrate

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// daemonSet plans for agents of nodes: a TraceAgent of strategy DaemonSet, then the
// Services that led to the old ones, then the old ones go.
func (p *planner) daemonSet(w *Workload, c *corev1.Container) {
	t := w.template()
	if len(t.Spec.Containers) > 1 {
		return // an app of every node with a sidecar; see namespace
	}
	p.found("%s in %s: the Jaeger Agent (%s)", w, w.Namespace, c.Image)
	flags, lost := readContainer(c, w, p.inv.ConfigMaps)
	carried := carry(flags, source{c, &t.Spec}, v1alpha1.DaemonSet)
	carried.lost = append(lost, carried.lost...)
	carried.node(c, &t.Spec)
	name := p.name(w.Namespace, "node")
	step := Step{
		What: fmt.Sprintf("namespace %s: TraceAgent %s, in place of %s", w.Namespace, name, w),
		Notes: []string{
			"Strategy DaemonSet is accepted only in the namespaces of the operator's --daemonset-namespaces: " + w.Namespace + " has to be one of them.",
			"Pods with the label " + v1alpha1.LabelInject + ": \"true\" get its address in their environment; without spec.selector, all that are made from then on would. Those that have an address need nothing.",
			fmt.Sprintf("Without the operator: kubectl -n %s set image %s %s=WAYSIDE-AGENT-IMAGE changes the image alone. Its flags are understood.", w.Namespace, w, c.Name),
		},
		Lost:    carried.lost,
		Command: "kubectl apply -f -",
	}
	step.leave(carried.left)
	carried.spec.Selector = labelled(v1alpha1.InjectTrue)
	p.manifest(&step, w.Namespace, name, carried.spec)
	p.Steps = append(p.Steps, step)
	ready := Step{
		What:    "the new agents are ready",
		Command: fmt.Sprintf("kubectl -n %s wait --for=condition=Ready traceagent/%s --timeout=10m", word(w.Namespace), name),
	}
	if o := carried.spec.DaemonSet; o != nil && (o.HostNetwork || o.HostPort) {
		p.removeDaemonSet(w, "On each node the new agent starts when the old one has given its ports up: spans that come by UDP in these seconds are lost.")
		p.Steps = append(p.Steps, ready)
		p.services(w, t, name)
		return
	}
	p.Steps = append(p.Steps, ready)
	p.services(w, t, name)
	p.removeDaemonSet(w, "")
}

// node takes over how a DaemonSet's pods are on their nodes.
func (c *carried) node(a *corev1.Container, spec *corev1.PodSpec) {
	o := v1alpha1.DaemonSetOptions{
		HostNetwork: spec.HostNetwork, Tolerations: spec.Tolerations,
		NodeSelector: spec.NodeSelector, PriorityClassName: spec.PriorityClassName,
	}
	for _, port := range a.Ports {
		o.HostPort = o.HostPort || port.HostPort != 0 && !spec.HostNetwork
		if port.ContainerPort == 5775 && port.Protocol == corev1.ProtocolUDP && c.jaegerZipkin() == nil {
			c.jaeger().ZipkinCompact = new(int32(5775))
		}
	}
	if o.HostNetwork || o.HostPort || len(o.Tolerations) > 0 || len(o.NodeSelector) > 0 || o.PriorityClassName != "" {
		c.spec.DaemonSet = &o
	}
	if spec.Affinity != nil {
		c.lose("affinity: a TraceAgent has spec.daemonSet.nodeSelector and tolerations alone")
	}
	if len(a.Resources.Limits)+len(a.Resources.Requests) > 0 {
		c.left = append(c.left, "resources: Wayside's own are smaller; set spec.resources if it should have others")
	}
}

func (c *carried) jaegerZipkin() *int32 {
	if c.spec.Accept == nil || c.spec.Accept.Jaeger == nil {
		return nil
	}
	return c.spec.Accept.Jaeger.ZipkinCompact
}

// services leads those that selected the old agents to the new ones, so that
// addresses in apps stay right.
func (p *planner) services(w *Workload, t *corev1.PodTemplateSpec, agent string) {
	for _, s := range p.inv.Services {
		if s.Namespace != w.Namespace || len(s.Spec.Selector) == 0 || !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(t.Labels)) {
			continue
		}
		selector := object{"app.kubernetes.io/name": "wayside-agent", v1alpha1.LabelAgent: agent}
		for k := range s.Spec.Selector {
			if _, there := selector[k]; !there {
				selector[k] = nil
			}
		}
		p.Steps = append(p.Steps, Step{
			What: fmt.Sprintf("service/%s in %s: to Wayside's agents, and to that of the same node", s.Name, s.Namespace),
			Notes: []string{
				"Apps that send to " + s.Name + "." + s.Namespace + " need no change. Without internalTrafficPolicy: Local, packets go to agents of any node.",
			},
			Command:  fmt.Sprintf("kubectl -n %s patch %s --patch-file /dev/stdin", word(s.Namespace), word("service/"+s.Name)),
			Manifest: toYAML(object{"spec": object{"selector": selector, "internalTrafficPolicy": "Local"}}),
		})
	}
}

// removeDaemonSet is last, unless the new agents need the old ones' ports: until
// then the old agents take in spans.
func (p *planner) removeDaemonSet(w *Workload, note string) {
	step := Step{
		What:    w.String() + " in " + w.Namespace + ": the old agents go",
		Command: fmt.Sprintf("kubectl -n %s delete %s", word(w.Namespace), word(w.String())),
	}
	if note != "" {
		step.Notes = append(step.Notes, note)
	}
	if i := slices.IndexFunc(w.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == "Jaeger" }); i >= 0 {
		name := w.OwnerReferences[i].Name
		step.Command = fmt.Sprintf(`kubectl -n %s patch jaeger %s --type merge -p '{"spec":{"agent":{"strategy":"Sidecar"}}}'`, word(w.Namespace), word(name))
		step.Notes = append(step.Notes, "The Jaeger operator would make it again: told so, it removes it itself.")
	}
	p.Steps = append(p.Steps, step)
}
