package migrate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

func equal(a, b v1alpha1.TraceAgentSpec) bool {
	x, _ := json.Marshal(a) // plain data has no error
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// labelled selects pods that name a TraceAgent in their label.
func labelled(name string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.LabelInject: name}}
}

// manifest writes a TraceAgent into a step, and says what the agent would say about
// its configuration.
func (p *planner) manifest(s *Step, namespace, name string, spec v1alpha1.TraceAgentSpec) {
	ta := &v1alpha1.TraceAgent{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec}
	if _, errs := render.Config(ta); len(errs) > 0 && spec.Deliver.Endpoint != unknownEndpoint {
		for _, err := range errs {
			s.Lost = append(s.Lost, "to be corrected in the TraceAgent: "+err.Error())
		}
	}
	s.Manifest = toYAML(struct {
		APIVersion string                  `json:"apiVersion"`
		Kind       string                  `json:"kind"`
		Metadata   map[string]string       `json:"metadata"`
		Spec       v1alpha1.TraceAgentSpec `json:"spec"`
	}{v1alpha1.GroupVersion.String(), "TraceAgent", map[string]string{"namespace": namespace, "name": name}, spec})
}

func toYAML(v any) string {
	b, err := yaml.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("migrate: plain data can't be written: %v", err)) // a mistake of this package
	}
	return string(b)
}

type object = map[string]any

// patch plans a strategic merge patch of a workload: the old sidecar out, the
// label in. In it, what is null is removed.
func (p *planner) patch(s *sidecar, jaegerAll string) {
	w, t := s.w, s.w.template()
	step := Step{What: fmt.Sprintf("%s in %s: Wayside's sidecar in place of the old one", w, w.Namespace)}
	step.Notes = append(step.Notes, again(w))
	metadata, podMetadata, podSpec := object{}, object{}, object{}
	annotations := object{}
	switch _, has := w.Annotations[jaegerInject]; {
	case wants(jaegerAll):
		annotations[jaegerInject] = "false" // the namespace's would bring it back
	case has:
		annotations[jaegerInject] = nil
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	if _, has := w.Labels[jaegerInjected]; has {
		metadata["labels"] = object{jaegerInjected: nil}
	}
	if _, has := t.Labels[v1alpha1.LabelInject]; !has {
		podMetadata["labels"] = object{v1alpha1.LabelInject: s.agent}
	}
	if _, has := t.Annotations[otelInject]; has {
		podMetadata["annotations"] = object{otelInject: nil}
	}
	if c := oldAgent(w); c != nil {
		gone := []any{object{"name": c.Name, "$patch": "delete"}}
		if slices.ContainsFunc(t.Spec.InitContainers, func(o corev1.Container) bool { return o.Name == c.Name }) {
			podSpec["initContainers"] = gone
		} else {
			podSpec["containers"] = gone
		}
		if volumes := onlyOf(c, &t.Spec); len(volumes) > 0 {
			podSpec["volumes"] = volumes
		}
	}
	step.Lost = append(step.Lost, itself(t)...)
	if oldAgent(w) != nil && w.Labels[jaegerInjected] != "" {
		step.Notes = append(step.Notes, "JAEGER_SERVICE_NAME and JAEGER_PROPAGATION, if the Jaeger operator set them, stay as they are.")
	}
	template := object{}
	put(template, "metadata", podMetadata)
	put(template, "spec", podSpec)
	patch := ofTemplate(w, template)
	put(patch, "metadata", metadata)
	step.Command = patchCommand(w)
	step.Manifest = toYAML(patch)
	p.Steps = append(p.Steps, step)
}

// ofTemplate is a patch of a workload's template.
func ofTemplate(w *Workload, template object) object {
	spec := object{"template": template}
	if w.Kind == "CronJob" {
		spec = object{"jobTemplate": object{"spec": spec}}
	}
	return object{"spec": spec}
}

// patchCommand patches as kubectl does by itself: what is in a list is found by its
// name.
func patchCommand(w *Workload) string {
	return fmt.Sprintf("kubectl -n %s patch %s --patch-file /dev/stdin", word(w.Namespace), word(w.String()))
}

func put(into object, name string, o object) {
	if len(o) > 0 {
		into[name] = o
	}
}

// onlyOf removes the volumes that no other container mounts.
func onlyOf(c *corev1.Container, spec *corev1.PodSpec) (gone []any) {
	for _, v := range spec.Volumes {
		mine, others := false, false
		for _, o := range slices.Concat(spec.InitContainers, spec.Containers) {
			mounts := slices.ContainsFunc(o.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name })
			mine = mine || mounts && o.Name == c.Name
			others = others || mounts && o.Name != c.Name
		}
		if mine && !others {
			gone = append(gone, object{"name": v.Name, "$patch": "delete"})
		}
	}
	return gone
}

// itself tells of variables by which an app sends to where it sent before: they
// are the app's own, and win over what is injected.
func itself(t *corev1.PodTemplateSpec) (lost []string) {
	for _, c := range t.Spec.Containers {
		for _, e := range c.Env {
			switch e.Name {
			case "JAEGER_AGENT_HOST", "OTEL_EXPORTER_JAEGER_AGENT_HOST", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "JAEGER_ENDPOINT":
			default:
				continue
			}
			if strings.Contains(e.Value, "localhost") || strings.Contains(e.Value, "127.0.0.1") {
				continue
			}
			lost = append(lost, fmt.Sprintf("container %s sets %s itself, so that its spans may go past the sidecar: remove it, if they should not", c.Name, e.Name))
		}
	}
	return lost
}
