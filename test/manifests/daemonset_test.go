package manifests

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

var update = flag.Bool("update", false, "write what is made from kube/render")

// daemonSet is the TraceAgent whose DaemonSet deploy/kubernetes/daemonset is, but
// that no operator looks after it.
func daemonSet() *v1alpha1.TraceAgent {
	ta := new(v1alpha1.TraceAgent)
	ta.Name, ta.Namespace = "agent", "wayside"
	ta.Spec.Strategy = v1alpha1.DaemonSet
	ta.Spec.Deliver.Endpoint = "collector.observability:4317"
	return ta
}

var options = render.Options{Image: "wayside-agent:dev"}

// byHand makes an object one that no operator looks after.
func byHand[T object](o T) T {
	labels := o.GetLabels()
	delete(labels, "app.kubernetes.io/managed-by")
	if ds, ok := any(o).(*appsv1.DaemonSet); ok {
		delete(ds.Spec.Template.Labels, "app.kubernetes.io/managed-by")
		// What is restarted for, a kustomization can't work out.
		delete(ds.Spec.Template.Annotations, render.AnnotationRestart)
		if len(ds.Spec.Template.Annotations) == 0 {
			ds.Spec.Template.Annotations = nil
		}
		volumes := ds.Spec.Template.Spec.Volumes // in no order
		slices.SortFunc(volumes, func(a, b corev1.Volume) int { return strings.Compare(a.Name, b.Name) })
		env := ds.Spec.Template.Spec.Containers[0].Env // of which none refers to another
		slices.SortFunc(env, func(a, b corev1.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	}
	return o
}

func byHandDaemonSet() *appsv1.DaemonSet {
	ds := byHand(render.DaemonSet(daemonSet(), options))
	ds.Namespace = ""
	return ds
}

// agentYAML is the configuration, with other words at its head.
func agentYAML(t *testing.T, ta *v1alpha1.TraceAgent, head string) []byte {
	t.Helper()
	config, errs := render.Config(ta)
	if len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	_, body, found := strings.Cut(string(config), "\n")
	if !found || !strings.HasPrefix(string(config), "#") {
		t.Fatalf("the configuration does not begin with a comment:\n%s", config)
	}
	return []byte(head + body)
}

// current compares a committed file with what it is made from, or writes it.
func current(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("%v (go test . -update)", err)
		return
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it is made from (go test . -update):\n%s", file, cmp.Diff(string(want), string(got)))
	}
}

// manifest is an object as a file of its own, without what only a cluster knows.
func manifest(t *testing.T, o object) []byte {
	t.Helper()
	text, err := yaml.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := yaml.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "status")
	tidy(fields)
	if text, err = yaml.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	return text
}

// tidy leaves out what says nothing: nulls, and empty objects such as resources: {}.
func tidy(fields map[string]any) {
	for key, value := range fields {
		switch value := value.(type) {
		case nil:
			delete(fields, key)
		case map[string]any:
			tidy(value)
			if len(value) == 0 && (key == "resources" || key == "creationTimestamp") {
				delete(fields, key)
			}
		case []any:
			for _, v := range value {
				if m, ok := v.(map[string]any); ok {
					tidy(m)
				}
			}
		}
	}
}

func TestDaemonSetIsCurrent(t *testing.T) {
	dir := deploy + "/kubernetes/daemonset"
	ta := daemonSet()
	for file, o := range map[string]object{
		"serviceaccount.yaml": byHand(render.ServiceAccount(ta)),
		"service.yaml":        byHand(render.Service(ta)),
		"daemonset.yaml":      byHand(render.DaemonSet(ta, options)),
	} {
		current(t, filepath.Join(dir, file), manifest(t, o))
	}
	current(t, filepath.Join(dir, "agent.yaml"), agentYAML(t, ta,
		"# Agents take up what is changed here by themselves, but for buffer.disk, control, admin\n"+
			"# and log: these need a restart. docs/configuration.md has every key.\n"))
}

// variants are components, with what the operator would be asked for instead.
var variants = map[string]func(*v1alpha1.TraceAgent){
	"host-port": func(ta *v1alpha1.TraceAgent) {
		ta.Spec.DaemonSet = &v1alpha1.DaemonSetOptions{HostPort: true}
	},
	"host-network": func(ta *v1alpha1.TraceAgent) {
		ta.Spec.DaemonSet = &v1alpha1.DaemonSetOptions{HostNetwork: true}
	},
	"node-disk": func(ta *v1alpha1.TraceAgent) {
		ta.Spec.Buffer = &v1alpha1.Buffer{Disk: &v1alpha1.Disk{HostPath: "/var/lib/wayside"}}
	},
	"openshift-scc": func(ta *v1alpha1.TraceAgent) {
		ta.Spec.DaemonSet = &v1alpha1.DaemonSetOptions{HostNetwork: true}
		ta.Spec.Buffer = &v1alpha1.Buffer{Disk: &v1alpha1.Disk{HostPath: "/var/lib/wayside"}}
	},
}

// A component changes what the operator would change, and nothing else.
func TestComponentsAreWhatTheOperatorMakes(t *testing.T) {
	for component, change := range variants {
		t.Run(component, func(t *testing.T) {
			ta := daemonSet()
			change(ta)
			r := kustomize(t, "overlays/"+component)
			sameObjects(t, r, ta)
		})
	}
}

// sameObjects compares a rendering with the operator's objects for a TraceAgent.
func sameObjects(t *testing.T, r *rendered, ta *v1alpha1.TraceAgent) {
	t.Helper()
	want := byHand(render.DaemonSet(ta, options))
	sets := all[*appsv1.DaemonSet](r)
	if len(sets) != 1 {
		t.Fatalf("%s makes %d DaemonSets, want 1", r.from, len(sets))
	}
	if diff := cmp.Diff(string(manifest(t, want)), string(manifest(t, byHand(sets[0])))); diff != "" {
		t.Errorf("%s: the DaemonSet differs from what the operator makes (-operator +manifest):\n%s", r.from, diff)
	}
	services := all[*corev1.Service](r)
	if len(services) != 1 {
		t.Fatalf("%s makes %d Services, want 1", r.from, len(services))
	}
	if diff := cmp.Diff(string(manifest(t, byHand(render.Service(ta)))), string(manifest(t, byHand(services[0])))); diff != "" {
		t.Errorf("%s: the Service differs from what the operator makes (-operator +manifest):\n%s", r.from, diff)
	}
}
