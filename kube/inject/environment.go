package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// instead are variables by which an app has said already what another would: that
// one is then left out.
var instead = map[string][]string{
	// Where all signals go is where traces go, until another says otherwise. Who
	// has set it has chosen.
	"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": {"OTEL_EXPORTER_OTLP_ENDPOINT"},
	"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": {"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
	"JAEGER_AGENT_HOST":                  {"JAEGER_ENDPOINT"},
	"JAEGER_AGENT_PORT":                  {"JAEGER_ENDPOINT", "JAEGER_AGENT_HOST"},
}

// leads are those that lead spans somewhere, and tells those that say whose they
// are.
var (
	leads = []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "JAEGER_AGENT_HOST"}
	tells = []string{"OTEL_RESOURCE_ATTRIBUTES", "JAEGER_TAGS"}
)

// environment tells all containers of the app of the agent.
func (p *patch) environment(namespace string, ta *v1alpha1.TraceAgent) {
	spec := &p.pod.Spec
	for i := range spec.InitContainers {
		p.container(fmt.Sprintf("/spec/initContainers/%d", i), &spec.InitContainers[i], namespace, ta)
	}
	for i := range spec.Containers {
		p.container(fmt.Sprintf("/spec/containers/%d", i), &spec.Containers[i], namespace, ta)
	}
}

func (p *patch) container(path string, c *corev1.Container, namespace string, ta *v1alpha1.TraceAgent) {
	if ofMesh(c) || c.Name == render.ContainerName {
		return
	}
	env := p.missing(c, render.Environment(ta, namespace, c.Name))
	if len(env) > 0 && len(c.EnvFrom) > 0 {
		p.note("container %s has variables from elsewhere (envFrom), which can't be seen here; where one has the name of one that is injected, that one counts", c.Name)
	}
	add(p, path+"/env", len(c.Env), env...)
}

// missing are those of env that a container is to get: what it has set itself is
// left out, and so is what it has said in another way. What it has with the value
// of env is from an earlier patch.
func (p *patch) missing(c *corev1.Container, env []corev1.EnvVar) (list []corev1.EnvVar) {
	find := func(list []corev1.EnvVar, name string) *corev1.EnvVar {
		if i := slices.IndexFunc(list, func(e corev1.EnvVar) bool { return e.Name == name }); i >= 0 {
			return &list[i]
		}
		return nil
	}
	own := func(name string) bool { // the app's
		has, gets := find(c.Env, name), find(env, name)
		return has != nil && (gets == nil || !same(has, gets))
	}
	for _, e := range slices.Backward(env) { // what refers to a variable comes after it
		by := append([]string{e.Name}, instead[e.Name]...)
		i := slices.IndexFunc(by, own)
		switch {
		case i >= 0 && slices.Contains(leads, e.Name):
			p.note("container %s has set %s: it sends where that says", c.Name, by[i])
		case i >= 0 && slices.Contains(tells, e.Name):
			p.note("container %s has set %s: of its pod its spans say only what that says, and what the agent knows", c.Name, by[i])
		case i < 0 && find(c.Env, e.Name) == nil && (!strings.HasPrefix(e.Name, "WAYSIDE_") || refersTo(list, e.Name)):
			list = append(list, e)
		}
	}
	slices.Reverse(list)
	return list
}

// same says whether two variables have the same source; the API server fills in
// what a reference leaves out.
func same(a, b *corev1.EnvVar) bool {
	field := func(e *corev1.EnvVar) string {
		if e.ValueFrom != nil && e.ValueFrom.FieldRef != nil {
			return e.ValueFrom.FieldRef.FieldPath
		}
		return ""
	}
	return a.Value == b.Value && field(a) == field(b) && (a.ValueFrom == nil) == (b.ValueFrom == nil)
}

func refersTo(list []corev1.EnvVar, name string) bool {
	return slices.ContainsFunc(list, func(e corev1.EnvVar) bool { return strings.Contains(e.Value, "$("+name+")") })
}
