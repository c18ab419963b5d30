package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// What the old operators go by.
const (
	jaegerInject   = "sidecar.jaegertracing.io/inject"   // annotation of Deployments and namespaces
	jaegerInjected = "sidecar.jaegertracing.io/injected" // label of Deployments
	otelInject     = "sidecar.opentelemetry.io/inject"   // annotation of pods and namespaces
	agentName      = "jaeger-agent"                      // container and image
)

// Plan is what was found, and what to do.
type Plan struct {
	// Found is what there is of the old, a line each.
	Found []string `json:"found"`
	// Steps are in the order in which they are to be run.
	Steps []Step `json:"steps"`
	// Unseen is what could not be read; there may be more there.
	Unseen []string `json:"unseen,omitempty"`
}

// Step is one thing to do.
type Step struct {
	What string `json:"what"`
	// Notes say what changes by it.
	Notes []string `json:"notes,omitempty"`
	// Lost is what can't be carried over, why, and what to do about it.
	Lost []string `json:"lost,omitempty"`
	// Command is kubectl's; Manifest is its standard input, YAML.
	Command  string `json:"command,omitempty"`
	Manifest string `json:"manifest,omitempty"`
}

// Lost counts what can't be carried over.
func (p Plan) Lost() (n int) {
	for _, s := range p.Steps {
		n += len(s.Lost)
	}
	return n
}

// leave notes what has no counterpart and will not be missed.
func (s *Step) leave(left []string) {
	for _, l := range left {
		if l = "Left out: " + l; !slices.Contains(s.Notes, l) {
			s.Notes = append(s.Notes, l)
		}
	}
}

// planner makes a Plan of an Inventory.
type planner struct {
	inv *Inventory
	Plan
	taken map[string]bool // names of TraceAgents, "namespace/name"
}

// NewPlan plans. For the same inventory it says the same.
func NewPlan(inv *Inventory) Plan {
	p := &planner{inv: inv, taken: map[string]bool{}, Plan: Plan{Found: []string{}, Steps: []Step{}, Unseen: inv.Unseen}}
	for _, a := range inv.Agents {
		p.taken[a.Namespace+"/"+a.Name] = true
	}
	workloads := slices.Clone(inv.Workloads)
	slices.SortFunc(workloads, func(a, b *Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.String(), b.String()))
	})
	var namespaces []string
	for _, w := range workloads {
		if c := oldAgent(w); w.Kind == "DaemonSet" && c != nil {
			p.daemonSet(w, c)
		}
		namespaces = append(namespaces, w.Namespace)
	}
	for _, n := range inv.Namespaces {
		namespaces = append(namespaces, n.Name)
	}
	slices.Sort(namespaces)
	for _, n := range slices.Compact(namespaces) {
		p.namespace(n, slices.DeleteFunc(slices.Clone(workloads), func(w *Workload) bool { return w.Namespace != n }))
	}
	return p.Plan
}

func (p *planner) found(format string, args ...any) {
	p.Found = append(p.Found, fmt.Sprintf(format, args...))
}

// name is one for a TraceAgent that no other has.
func (p *planner) name(namespace, base string) string {
	name := base
	for i := 2; p.taken[namespace+"/"+name]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	p.taken[namespace+"/"+name] = true
	return name
}

// oldAgent is the container of the Jaeger Agent in a workload's pods; nil is none.
func oldAgent(w *Workload) *corev1.Container {
	t := w.template()
	if t == nil {
		return nil
	}
	for _, list := range [][]corev1.Container{t.Spec.InitContainers, t.Spec.Containers} {
		for i := range list {
			if c := &list[i]; imageName(c.Image) == agentName || c.Name == agentName && !strings.Contains(c.Image, "wayside") {
				return c
			}
		}
	}
	return nil
}

// imageName is an image's last word: of any registry, without tag and digest.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndexByte(image, '/')+1:]
	image, _, _ = strings.Cut(image, ":")
	return image
}

// wants says whether a value of one of the old annotations asks for a sidecar.
func wants(value string) bool { return value != "" && value != "false" }

// onNamespace is an annotation of a namespace.
func (p *planner) onNamespace(namespace, annotation string) string {
	for _, n := range p.inv.Namespaces {
		if n.Name == namespace {
			return n.Annotations[annotation]
		}
	}
	return ""
}

// A sidecar is one workload's that is to become Wayside's.
type sidecar struct {
	w *Workload
	carried
	agent string // name of the TraceAgent
}

// namespace plans for the sidecars of one.
func (p *planner) namespace(namespace string, workloads []*Workload) {
	jaegerAll, otelAll := p.onNamespace(namespace, jaegerInject), p.onNamespace(namespace, otelInject)
	var sidecars []*sidecar
	for _, w := range workloads {
		if s := p.sidecar(w, jaegerAll); s != nil {
			sidecars = append(sidecars, s)
		}
	}
	// What the whole namespace has comes first: its TraceAgent is the one without
	// a selector.
	if wants(jaegerAll) || wants(otelAll) {
		all := &sidecar{carried: p.fromCollector(namespace, otelAll)}
		if wants(jaegerAll) {
			all.carried = p.fromJaeger(namespace, jaegerAll)
			if i := slices.IndexFunc(sidecars, func(s *sidecar) bool { return oldAgent(s.w) != nil }); i >= 0 {
				all.carried = sidecars[i].carried // what is running knows better
				all.lost, all.left = nil, nil
			}
			p.found("namespace %s: annotation %s: %s, for all its Deployments", namespace, jaegerInject, jaegerAll)
		}
		if wants(otelAll) {
			p.found("namespace %s: annotation %s: %s, for all its pods", namespace, otelInject, otelAll)
		}
		sidecars = slices.Insert(sidecars, 0, all)
	}
	for _, w := range workloads {
		t := w.template()
		if t != nil && oldAgent(w) == nil && (wants(jaegerAll) && w.Annotations[jaegerInject] == "false" || wants(otelAll) && t.Annotations[otelInject] == "false") {
			p.decline(w) // first: a TraceAgent serves what is made from then on
		}
	}
	p.traceAgents(namespace, sidecars)
	for _, s := range sidecars {
		if s.w != nil {
			p.patch(s, jaegerAll)
		}
	}
	p.namespaceStep(namespace, jaegerAll, otelAll)
	for _, w := range workloads {
		p.aside(w)
	}
}

// decline keeps a workload without an agent that the whole namespace would have
// but for its annotation.
func (p *planner) decline(w *Workload) {
	if _, has := w.template().Labels[v1alpha1.LabelInject]; has {
		return
	}
	p.found("%s in %s: declines the sidecar of its namespace", w, w.Namespace)
	p.Steps = append(p.Steps, Step{
		What:     fmt.Sprintf("%s in %s: it declines Wayside's sidecar, too", w, w.Namespace),
		Notes:    []string{again(w)},
		Command:  patchCommand(w),
		Manifest: toYAML(ofTemplate(w, object{"metadata": object{"labels": object{v1alpha1.LabelInject: v1alpha1.InjectFalse}}})),
	})
}

// again says when a workload's pods change.
func again(w *Workload) string {
	if w.Kind == "CronJob" {
		return "Pods of its next run have it."
	}
	return "Its pods are made anew by this."
}

// sidecar says whether a workload has or asks for an old one, and what that was
// told. A DaemonSet of agents is none.
func (p *planner) sidecar(w *Workload, jaegerAll string) *sidecar {
	t := w.template()
	if t == nil || w.Kind == "Job" || w.Kind == "ReplicaSet" || w.Kind == "DaemonSet" && oldAgent(w) != nil && len(t.Spec.Containers) == 1 {
		return nil
	}
	asked := w.Annotations[jaegerInject]
	otel := t.Annotations[otelInject]
	c := oldAgent(w)
	switch {
	case c != nil:
		how := "which was put there by hand"
		if w.Labels[jaegerInjected] != "" || wants(asked) || wants(jaegerAll) {
			how = "which the Jaeger operator injected"
		}
		p.found("%s in %s: container %s (%s), %s", w, w.Namespace, c.Name, c.Image, how)
		flags, lost := readContainer(c, w, p.inv.ConfigMaps)
		s := &sidecar{w: w, carried: carry(flags, source{c, &t.Spec}, v1alpha1.Sidecar)}
		s.lost = append(lost, s.lost...)
		return s
	case wants(asked) && w.Kind == "Deployment":
		p.found("%s in %s: annotation %s: %s", w, w.Namespace, jaegerInject, asked)
		return &sidecar{w: w, carried: p.fromJaeger(w.Namespace, asked)}
	case wants(otel):
		p.found("%s in %s: annotation %s: %s on its pods", w, w.Namespace, otelInject, otel)
		return &sidecar{w: w, carried: p.fromCollector(w.Namespace, otel)}
	}
	return nil
}

// traceAgents gives each sidecar a TraceAgent: the same to those that were told
// the same.
func (p *planner) traceAgents(namespace string, sidecars []*sidecar) {
	type group struct {
		name string
		spec v1alpha1.TraceAgentSpec
		of   []*sidecar
		all  bool
	}
	var groups []*group
	for _, s := range sidecars {
		i := slices.IndexFunc(groups, func(g *group) bool { return equal(g.spec, s.spec) })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{name: p.name(namespace, "default"), spec: s.spec})
		}
		g := groups[i]
		g.of = append(g.of, s)
		g.all = g.all || s.w == nil
		s.agent = g.name
	}
	for _, g := range groups {
		spec := g.spec
		step := Step{Command: "kubectl apply -f -"}
		if g.all {
			step.What = fmt.Sprintf("namespace %s: TraceAgent %s, for all its pods", namespace, g.name)
			step.Notes = append(step.Notes, "It serves every pod that is made in the namespace, of StatefulSets, Jobs and CronJobs as well; a pod with the label "+v1alpha1.LabelInject+": \"false\" gets nothing.")
		} else {
			spec.Selector = labelled(g.name)
			step.What = fmt.Sprintf("namespace %s: TraceAgent %s, for %s", namespace, g.name, workloadsOf(g.of))
			step.Notes = append(step.Notes, "It serves pods that have the label "+v1alpha1.LabelInject+": "+g.name+"; without spec.selector it would serve all of the namespace.")
		}
		var seen []string
		for _, s := range g.of {
			step.leave(s.left)
			for _, l := range s.lost {
				if slices.Contains(seen, l) {
					continue
				}
				seen = append(seen, l)
				var of []*sidecar // which have lost the same
				for _, o := range g.of {
					if slices.Contains(o.lost, l) {
						of = append(of, o)
					}
				}
				if names := workloadsOf(of); len(of) < len(g.of) && names != "" {
					l = names + ": " + l
				}
				step.Lost = append(step.Lost, l)
			}
		}
		p.manifest(&step, namespace, g.name, spec)
		p.Steps = append(p.Steps, step)
	}
}

func workloadsOf(list []*sidecar) string {
	var names []string
	for _, s := range list {
		if s.w != nil {
			names = append(names, s.w.String())
		}
	}
	if n := len(names); n > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:2], ", "), n-2)
	}
	return strings.Join(names, ", ")
}

// namespaceStep takes the old annotations from a namespace, when its workloads need
// them no more.
func (p *planner) namespaceStep(namespace, jaegerAll, otelAll string) {
	var remove []string
	if wants(jaegerAll) {
		remove = append(remove, jaegerInject+"-")
	}
	if wants(otelAll) {
		remove = append(remove, otelInject+"-")
	}
	if len(remove) == 0 {
		return
	}
	s := Step{
		What:    "namespace " + namespace + ": the old operator has nothing to do there any more",
		Command: "kubectl annotate namespace " + word(namespace) + " " + strings.Join(remove, " "),
	}
	if wants(otelAll) {
		s.Notes = append(s.Notes, "Pods that run keep their old sidecar until they are made anew: kubectl -n "+namespace+" rollout restart deployment,statefulset,daemonset")
	}
	p.Steps = append(p.Steps, s)
}

// aside tells of what no patch is for.
func (p *planner) aside(w *Workload) {
	switch w.Kind {
	case "Pod":
		if w.Spec.PodSpec == nil || len(w.OwnerReferences) > 0 {
			return
		}
		for _, c := range w.Spec.PodSpec.Containers {
			if imageName(c.Image) == agentName {
				p.found("%s in %s: container %s (%s)", w, w.Namespace, c.Name, c.Image)
				p.Steps = append(p.Steps, Step{What: w.String() + " in " + w.Namespace, Lost: []string{
					"a pod's containers can't be changed: make it anew without " + c.Name + ", and with the label " + v1alpha1.LabelInject,
				}})
			}
		}
	case "Job":
		if c := oldAgent(w); c != nil && len(w.OwnerReferences) == 0 {
			p.found("%s in %s: container %s (%s)", w, w.Namespace, c.Name, c.Image)
			p.Steps = append(p.Steps, Step{What: w.String() + " in " + w.Namespace, Lost: []string{
				"a Job's pods can't be changed: its next run should be without " + c.Name + ", and with the label " + v1alpha1.LabelInject + " on its pods",
			}})
		}
	}
}
