package explain

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/render"
)

// telling are the variables that decide where an app's spans go, of OpenTelemetry's
// SDKs and of Jaeger's clients, and whether they go at all.
var telling = []string{
	"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
	"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL",
	"OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER",
	"OTEL_EXPORTER_JAEGER_ENDPOINT", "OTEL_EXPORTER_JAEGER_AGENT_HOST", "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
	"JAEGER_AGENT_HOST", "JAEGER_AGENT_PORT", "JAEGER_ENDPOINT", "JAEGER_DISABLED",
}

// environment is what a pod's containers have of these, the agent's left aside.
func environment(p *corev1.Pod) (list []Container) {
	for _, c := range p.Spec.Containers {
		if c.Name == render.ContainerName {
			continue
		}
		r := Container{Name: c.Name}
		for _, e := range c.Env {
			if slices.Contains(telling, e.Name) {
				r.Env = append(r.Env, Env{e.Name, valueOf(e)})
			}
		}
		list = append(list, r)
	}
	return list
}

// hostIP is how an address of the node is written.
const hostIP = "(the node's address)"

func valueOf(e corev1.EnvVar) string {
	switch s := e.ValueFrom; {
	case s == nil:
		return e.Value
	case s.FieldRef != nil && s.FieldRef.FieldPath == "status.hostIP":
		return hostIP
	case s.FieldRef != nil:
		return "(" + s.FieldRef.FieldPath + ")"
	case s.ConfigMapKeyRef != nil:
		return "(ConfigMap " + s.ConfigMapKeyRef.Name + ")"
	case s.SecretKeyRef != nil:
		return "(Secret " + s.SecretKeyRef.Name + ")"
	}
	return "(from elsewhere)"
}

// sendsToNode says whether something in the environment may lead to an agent on
// the node: its address, or a Service's name.
func sendsToNode(list []Container) bool {
	return slices.ContainsFunc(list, func(c Container) bool {
		return slices.ContainsFunc(c.Env, func(e Env) bool {
			switch e.Name {
			case "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_JAEGER_AGENT_HOST", "JAEGER_AGENT_HOST":
				return e.Value == hostIP || strings.Contains(e.Value, "$(") || strings.Contains(e.Value, "wayside")
			}
			return false
		})
	})
}
