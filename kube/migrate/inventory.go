package migrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// Inventory is what there is to look through.
type Inventory struct {
	Namespaces []*corev1.Namespace
	Workloads  []*Workload
	Services   []*corev1.Service
	ConfigMaps []*corev1.ConfigMap
	Jaegers    []*Jaeger
	Collectors []*Collector
	Agents     []*v1alpha1.TraceAgent
	// Unseen is what could not be read, in sentences.
	Unseen []string
}

// Workload is a Deployment, StatefulSet, DaemonSet, CronJob, Job or Pod.
type Workload struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              workloadSpec `json:"spec"`
}

type workloadSpec struct {
	Template    *corev1.PodTemplateSpec `json:"template"`
	JobTemplate *struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	} `json:"jobTemplate"`
	*corev1.PodSpec `json:",inline"` // of a Pod
}

// template is what the workload's pods are made of; nil is none.
func (w *Workload) template() *corev1.PodTemplateSpec {
	switch {
	case w.Spec.JobTemplate != nil:
		return &w.Spec.JobTemplate.Spec.Template
	case w.Spec.Template != nil:
		return w.Spec.Template
	}
	return nil
}

// String is as kubectl has it: "deployment/web".
func (w *Workload) String() string { return strings.ToLower(w.Kind) + "/" + w.Name }

// Jaeger is what is looked at of the Jaeger operator's object.
type Jaeger struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Agent struct {
			Strategy string         `json:"strategy"`
			Options  map[string]any `json:"options"`
		} `json:"agent"`
	} `json:"spec"`
}

// Collector is what is looked at of the OpenTelemetry operator's object.
type Collector struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Mode string `json:"mode"`
		// Config is an object in v1beta1, and text in v1alpha1.
		Config json.RawMessage `json:"config"`
	} `json:"spec"`
}

// Read reads manifests: YAML documents or JSON, Lists among them. Where a manifest
// names no namespace, it is this one.
func Read(r io.Reader, namespace string) (*Inventory, error) {
	inv := new(Inventory)
	d := yaml.NewYAMLOrJSONDecoder(r, 4096)
	for n := 1; ; n++ {
		var raw json.RawMessage
		switch err := d.Decode(&raw); {
		case errors.Is(err, io.EOF):
			return inv, nil
		case err != nil:
			return nil, fmt.Errorf("document %d is not YAML: %w", n, err)
		}
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		if err := inv.add(raw, namespace); err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
	}
}

// add takes one object, or a List of them. Kinds of no interest are left aside.
func (inv *Inventory) add(raw json.RawMessage, namespace string) error {
	var head struct {
		metav1.TypeMeta
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("it is no Kubernetes object: %w", err)
	}
	group, _, ok := strings.Cut(head.APIVersion, "/")
	if !ok {
		group = ""
	}
	switch {
	case strings.HasSuffix(head.Kind, "List"):
		for _, item := range head.Items {
			if err := inv.add(item, namespace); err != nil {
				return err
			}
		}
		return nil
	case head.Kind == "":
		return errors.New("it is no Kubernetes object: it has no kind")
	case group == "" && head.Kind == "Namespace":
		return take(raw, "", &inv.Namespaces)
	case group == "" && head.Kind == "Service":
		return take(raw, namespace, &inv.Services)
	case group == "" && head.Kind == "ConfigMap":
		return take(raw, namespace, &inv.ConfigMaps)
	case group == "apps" || group == "batch" || group == "" && head.Kind == "Pod":
		return take(raw, namespace, &inv.Workloads)
	case group == "jaegertracing.io" && head.Kind == "Jaeger":
		return take(raw, namespace, &inv.Jaegers)
	case group == "opentelemetry.io" && head.Kind == "OpenTelemetryCollector":
		return take(raw, namespace, &inv.Collectors)
	case group == v1alpha1.GroupVersion.Group && head.Kind == "TraceAgent":
		return take(raw, namespace, &inv.Agents)
	}
	return nil
}

// take reads an object into a list.
func take[T any, P interface {
	*T
	metav1.Object
}](raw json.RawMessage, namespace string, to *[]P) error {
	o := P(new(T))
	if err := json.Unmarshal(raw, o); err != nil {
		return err
	}
	if o.GetNamespace() == "" && namespace != "" {
		o.SetNamespace(namespace)
	}
	*to = append(*to, o)
	return nil
}
