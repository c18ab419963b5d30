package inject

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// patch collects operations on a pod.
type patch struct {
	pod    *corev1.Pod
	ops    []Operation
	last   []Operation // those after which indexes are others
	marked struct{ labels, annotations bool }
	notes  []string
}

// all are the operations in the order in which they hold.
func (p *patch) all() []Operation { return append(p.ops, p.last...) }

func (p *patch) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// add adds values to a list, which is made if the pod has none. path is without
// the index.
func add[T any](p *patch, path string, there int, values ...T) {
	if len(values) == 0 {
		return
	}
	if there == 0 {
		p.ops = append(p.ops, Operation{Op: "add", Path: path, Value: values})
		return
	}
	for _, v := range values {
		p.ops = append(p.ops, Operation{Op: "add", Path: path + "/-", Value: v})
	}
}

// set adds an entry to a map, which is made if the pod has none and made says that
// no earlier operation did.
func (p *patch) set(path string, there map[string]string, made *bool, key, value string) {
	if got, ok := there[key]; ok && got == value {
		return
	}
	if len(there) == 0 && !*made {
		*made = true
		p.ops = append(p.ops, Operation{Op: "add", Path: path, Value: map[string]string{key: value}})
		return
	}
	p.ops = append(p.ops, Operation{Op: "add", Path: path + "/" + pointer.Replace(key), Value: value})
}

// pointer escapes what means something in a path (RFC 6901).
var pointer = strings.NewReplacer("~", "~0", "/", "~1")

func (p *patch) label(key, value string) {
	p.set("/metadata/labels", p.pod.Labels, &p.marked.labels, key, value)
}

func (p *patch) annotate(key, value string) {
	p.set("/metadata/annotations", p.pod.Annotations, &p.marked.annotations, key, value)
}

// mark writes on the pod what was done.
func (p *patch) mark(ta *v1alpha1.TraceAgent, o Options) {
	p.label(v1alpha1.LabelInjected, label(ta.Spec.Strategy))
	p.annotate(v1alpha1.AnnotationAgent, name(ta))
	p.annotate(v1alpha1.AnnotationRevision, render.Revision(ta, o.Options))
}

// safeToEvict names emptyDir volumes for which the cluster autoscaler does not
// keep a node (its FAQ, "What types of pods can prevent CA from removing a node?").
const safeToEvict = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"

// sidecar adds the agent, or says why it can't.
func (p *patch) sidecar(r Request, ta *v1alpha1.TraceAgent) (Code, string) {
	if !r.Options.NativeSidecars {
		return NoNativeSidecars, "the cluster has nodes before Kubernetes 1.29, which can't run sidecars that end after the app; use a TraceAgent with strategy DaemonSet"
	}
	volumes := render.Volumes(ta, r.Namespace)
	if code, reason := taken(p.pod, ta, volumes); code != "" {
		return code, reason
	}
	c := render.Container(ta, r.Options.Options)
	if s := p.pod.Spec.SecurityContext; s != nil && s.RunAsUser != nil && *s.RunAsUser == 0 {
		c.SecurityContext.RunAsUser = new(int64(render.UID)) // or it would be root's, and refused
	}
	if reason := p.resources(&c, r.LimitRanges); reason != "" {
		return NoRoom, reason
	}
	spec := &p.pod.Spec
	add(p, "/spec/volumes", len(spec.Volumes), volumes...)
	var secrets []corev1.LocalObjectReference
	for _, s := range ta.Spec.ImagePullSecrets {
		if !slices.Contains(spec.ImagePullSecrets, s) {
			secrets = append(secrets, s)
		}
	}
	add(p, "/spec/imagePullSecrets", len(spec.ImagePullSecrets), secrets...)
	path := "/spec/initContainers"
	if len(spec.InitContainers) == 0 {
		p.last = append(p.last, Operation{Op: "add", Path: path, Value: []corev1.Container{c}})
	} else {
		p.last = append(p.last, Operation{Op: "add", Path: path + "/" + strconv.Itoa(place(spec.InitContainers)), Value: c})
	}
	if slices.ContainsFunc(volumes, func(v corev1.Volume) bool { return v.EmptyDir != nil }) {
		if _, set := p.pod.Annotations[safeToEvict]; set {
			p.note("annotation %s is the app's own: without %s in it, the pod keeps its node from being removed", safeToEvict, render.BufferVolume)
		} else {
			p.annotate(safeToEvict, render.BufferVolume)
		}
	}
	if proxy := plainProxy(p.pod); proxy != "" {
		p.note("%s is no native sidecar, and ends when the app does: what the agent still holds then can't pass it any more, and is counted as dropped (shutdown); make the mesh inject native sidecars", proxy)
	}
	if g := spec.TerminationGracePeriodSeconds; g != nil && *g == 0 {
		p.note("terminationGracePeriodSeconds is 0: the agent is killed with what it still holds")
	}
	return "", ""
}

// reorder brings an agent behind a proxy that came in after it.
func (p *patch) reorder() {
	init := p.pod.Spec.InitContainers
	is := slices.IndexFunc(init, func(c corev1.Container) bool { return c.Name == render.ContainerName })
	if to := place(init) - 1; is < to { // the place after it is gone from where it is
		p.last = append(p.last, Operation{Op: "move", From: fmt.Sprintf("/spec/initContainers/%d", is), Path: fmt.Sprintf("/spec/initContainers/%d", to)})
	}
}
